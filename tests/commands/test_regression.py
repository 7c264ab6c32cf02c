"""`loadverdict regression` and `trend` as a scheduler calls them: real runs, real files, one exit code."""

from __future__ import annotations

import fcntl
import json
import socket
import sqlite3
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from commands.webhook import check_webhook, post
from recording.errors import UsageError
from tests.commands.conftest import Cli, Target, switch

SCENARIO = """
load: {shape: hold, users: 6, hold_s: 4}
think_time_s: 0.05
slo: [error_rate < 90 %]
"""
BRIEF = SCENARIO.replace("hold_s: 4", "hold_s: 2")
"""For what does not depend on what is measured."""
HISTORY = "reports/history.sqlite"


def regression(cli: Cli, target: Target, file: str, *more: str) -> tuple[int, str, str]:
    where = ("--run-dir", "reports/runs", "--history", HISTORY)
    done = cli("regression", file, "--target", str(target.file), *where, *more)
    return done.returncode, done.stdout, done.stderr


def test_nightly_runs_from_the_first_to_a_regression(
    cli: Cli,
    switchable: Target,
    scenario: Callable[[str], str],
    chat: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, told = chat
    monkeypatch.setenv("LOADVERDICT_WEBHOOK", address)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(cli.folder / "summary.md"))
    file = scenario(SCENARIO)
    switch(switchable, busy=False)
    for number in range(3):
        code, out, err = regression(cli, switchable, file, "--commit", f"good{number}", "--confirm", "0")
        assert code == 0, out + err
        assert ("First run of its series" if number == 0 else "No regression in short") in out
    switch(switchable, busy=True)
    code, out, err = regression(cli, switchable, file, "--commit", "bad")
    assert code == 1, out + err
    assert "Error rate rises from 0 % to" in " ".join(out.split())
    assert "commits good2..bad" in " ".join(out.split())
    assert "GATE CLOSED: worse than the runs before (exit code 1)" in out

    runs = sorted((cli.folder / "reports/runs").iterdir())
    report = json.loads((runs[-1] / "analysis/regression.json").read_text())
    assert report["answer"] == "worse"
    assert {"Error rate", "503 service temporarily busy please retry"} <= {
        one["title"] for one in report["alarms"]
    } or any(one["title"].startswith("503") for one in report["alarms"])
    cases = ET.parse(runs[-1] / "analysis/junit.xml").getroot().iter("testcase")
    (failed,) = (case for case in cases if case.find("failure") is not None)
    assert failed.get("name") == "no regression"
    assert (cli.folder / "summary.md").read_text().count("\n# ") == 3
    assert "Error rate" in (cli.folder / "summary.md").read_text()
    assert [text[0] for text in told] == ["✅", "✅", "✅", "❌"]
    # Which other figures change with it, and since which run, is the machine's: "since" is said once or for
    # each of them.
    assert told[-1].startswith("❌ Regression in short")
    assert "Error rate rises from 0 % to" in told[-1]
    assert " since run " in told[-1]
    assert "trend.html" in (cli.folder / "reports/index.html").read_text()
    assert "data:image/png;base64," in (cli.folder / "reports/trend.html").read_text()
    assert all(b"hush" not in path.read_bytes() for path in cli.folder.rglob("*") if path.is_file())
    assert "hush" not in out + err

    shown = cli("trend", "--history", HISTORY, "--json")
    (series,) = json.loads(shown.stdout)["series"]
    assert [run["exit_code"] for run in series["runs"]] == [0, 0, 0, 0]
    assert series["changes"][0]["commit_after"] == "bad"


@pytest.mark.slow
def test_a_night_that_leaves_doubts_is_repeated_as_often_as_is_allowed(
    cli: Cli, even: Target, scenario: Callable[[str], str]
) -> None:
    file = scenario(BRIEF.replace("users: 6", "users: 40"))  # a P99 needs its requests
    code, out, err = regression(cli, even, file)
    assert code == 0, out + err
    with sqlite3.connect(cli.folder / HISTORY) as known:
        # One run is known, a little quicker than this server ever answers: whatever follows looks worse, and
        # is so for certain only from twice as slow on.
        changed = known.execute("UPDATE figures SET value = 250 WHERE name = 'p99_all' AND value >= 300")
        assert changed.rowcount == 1
    code, out, err = regression(cli, even, file, "--confirm", "2")
    assert code == 0, out + err
    doubts = [line for line in out.splitlines() if line.startswith("once more")]
    assert doubts == [f"once more ({number} of 2 at most), because of: P99 of all" for number in (1, 2)]
    with sqlite3.connect(cli.folder / HISTORY) as kept:
        known, first, *more = kept.execute("SELECT run_id, repeats FROM runs ORDER BY started_utc").fetchall()
    assert (known[1], first[1]) == (None, None)
    assert [repeats for _, repeats in more] == [first[0]] * 2


def test_a_run_that_cannot_end_in_time_does_not_begin(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    code, _, err = regression(
        cli, mixed, scenario(SCENARIO.replace("hold_s: 4", "hold_s: 20")), "--at-most", "10s"
    )
    assert code == 2
    assert "takes about 24 s, more than --at-most 10 s" in err
    assert not (cli.folder / "reports/runs").exists()


def test_a_run_that_hangs_is_interrupted_and_recorded(
    cli: Cli, hanging: Target, scenario: Callable[[str], str]
) -> None:
    # Nobody is answered, and users would wait longer than the limit.
    code, out, err = regression(cli, hanging, scenario(BRIEF), "--at-most", "9s")
    assert code == 1, out + err
    assert "interrupted: what was recorded is diagnosed" in out
    with sqlite3.connect(cli.folder / HISTORY) as file:
        assert file.execute("SELECT exit_code, requests FROM runs").fetchall() == [(1, 6)]


def test_two_at_once_are_refused_and_a_killed_one_leaves_no_lock(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    file = scenario(BRIEF)
    lock = cli.folder / "reports/history.sqlite.lock"
    lock.parent.mkdir()
    with lock.open("a+") as held:
        held.write('{"pid": 4711, "since_utc": "2026-01-01T00:00:00Z"}')
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = regression(cli, mixed, file)
        assert code == 5
        assert "another regression run is under way (process 4711, since 2026-01-01T00:00:00Z)" in err
        assert not (cli.folder / "reports/runs").exists()
    code, out, err = regression(cli, mixed, file, "--confirm", "0")
    assert code == 0, out + err
    assert lock.read_text() == ""


def test_a_run_made_elsewhere_can_be_added_pinned_and_forgotten(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    assert cli.run(scenario(BRIEF), mixed).returncode == 0
    name = cli.only_run().name
    where = ("--history", HISTORY, "--run-dir", str(cli.runs))
    empty = cli("trend", *where)
    assert (empty.returncode, "there is no history" in empty.stderr) == (6, True)
    added = cli("trend", "--add", "latest", "--pin", name, "--keep", "1", *where)
    assert added.returncode == 0, added.stderr
    assert f"{name} (pinned)" in added.stdout
    other = cli("trend", "nothing", *where)
    assert (other.returncode, "no run of scenario 'nothing'; it has: short" in other.stderr) == (6, True)
    wrong = cli("trend", "--pin", "nothing", *where)
    assert (wrong.returncode, "has no run 'nothing'" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (("--commit", "a b"), {}, "--commit is no commit, tag or version"),
        (("--at-most", "soon"), {}, "--at-most 'soon' is no duration"),
        (
            (),
            {"LOADVERDICT_WEBHOOK": "ftp://hush"},
            "LOADVERDICT_WEBHOOK must be an http:// or https:// address",
        ),
        (("--history", "/dev/null/x"), {}, "the history /dev/null/x cannot be used"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_load(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    done = cli("regression", "steps", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "hush" not in done.stderr
    assert not (cli.folder / "reports/runs").exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://hush:1x/",
        "http://user:hush@127.0.0.1/",
        "http://127.0.0.1:1/hush hush",
        "http://127.0.0.1/hüsh",
        "hush",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_webhook(address)
    assert "hush" not in str(refused.value)


def test_a_chat_that_talks_nonsense_is_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def nonsense() -> None:
            client, _ = listening.accept()
            client.recv(10_000)
            client.sendall(b"nonsense\r\n\r\n")
            client.close()

        thread = threading.Thread(target=nonsense)
        thread.start()
        trouble = post(f"http://127.0.0.1:{listening.getsockname()[1]}/hush", "text")
        thread.join()
    assert trouble == "BadStatusLine"


def test_a_chat_hears_why_there_is_no_answer_without_secrets(
    cli: Cli, switchable: Target, chat: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, told = chat
    monkeypatch.setenv("LOADVERDICT_WEBHOOK", url)
    assert regression(cli, switchable, "token=hush-hush")[0] == 2
    (text,) = told
    assert "no scenario" in text
    assert "hush" not in text.partition("no answer")[2]


def test_a_chat_that_cannot_be_told_changes_nothing(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADVERDICT_WEBHOOK", "http://127.0.0.1:1/hush-hush")
    code, out, err = regression(cli, mixed, scenario(BRIEF), "--confirm", "0")
    assert code == 0, out + err
    assert "the webhook was not told: Connection refused" in out
    assert "hush" not in out + err
