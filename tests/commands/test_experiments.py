"""`loadverdict experiment`: whatever ends it, the target is as before, and no secret is left anywhere."""

from __future__ import annotations

import http.server
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

import lab
from commands.arms import Place, Switch
from commands.changed_note import ChangedNote
from commands.changes import ChangeError, CommandChange, HttpChange
from commands.experiment import list_experiments
from commands.interrupts import Interrupts, interrupts
from recording.errors import RefusedError, UsageError
from recording.folder import RunFolder
from recording.follow import Follower
from scenarios.config import CONFIG_DIR
from scenarios.experiment import Calls, DoAndUndo, experiment_names
from scenarios.target import Target as TargetFile
from tests.commands.conftest import STEADY, Cli, Target, check_no_secret, is_busy, switch, wait_for

# The key is a secret: the service wants it, and nothing may keep or print it.
SWITCH = """
title: The switch turned
suspect: lock
http:
  do: {method: PUT, url: /switch, json: {busy: false, key: hush-hush}}
  undo: {method: PUT, url: /switch, json: {busy: true, key: hush-hush}}
arm_s: 2
warm_up_s: 0
pairs: 1
"""


@pytest.fixture
def words(cli: Cli, switchable: Target, scenario: Callable[[str], str]) -> list[str]:
    """The command line; the changed state comes first (seed 2)."""
    file = cli.folder / "switch.yaml"
    file.write_text(SWITCH)
    options = {"--target": switchable.file, "--scenario": scenario(STEADY), "--seed": 2}
    options |= {"--experiments-dir": cli.folder / "experiments"}
    return ["experiment", str(file), *(str(word) for pair in options.items() for word in pair)]


def test_ctrl_c_restores_the_first_state_and_reports_what_was_measured(
    cli: Cli, switchable: Target, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADVERDICT_RUN_DIR", str(cli.runs))
    process = cli.start(*words)
    wait_for(lambda: not is_busy(switchable))
    arm = wait_for(lambda: next((cli.folder / "experiments").glob("*/*-changed-1"), None))
    wait_for(lambda: Follower(RunFolder(arm)).look().finished)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3, out + err
    assert is_busy(switchable)
    assert not (cli.folder / "experiments/changed.json").exists()
    (report,) = (cli.folder / "experiments").glob("*/experiment.json")
    assert json.loads(report.read_text())["conclusion"] == "cannot_tell"
    assert "ended after 1 of 2 arms" in out
    check_no_secret(cli.folder / "experiments", out, err)
    assert out.splitlines()[-1] == "all runs: index.html"
    listed = (cli.folder / "index.html").read_text()
    assert f"experiments/{report.parent.name}/experiment.html" in listed
    assert "hush" not in listed


def test_sigterm_restores_the_first_state_too(cli: Cli, switchable: Target, words: list[str]) -> None:
    process = cli.start(*words)
    wait_for(lambda: not is_busy(switchable))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode in (3, 6, 130), out + err
    assert is_busy(switchable)
    assert not (cli.folder / "experiments/changed.json").exists()


def test_after_kill_9_the_next_call_says_what_is_changed_and_restore_takes_it_back(
    cli: Cli, switchable: Target, words: list[str]
) -> None:
    process = cli.start(*words)
    wait_for(lambda: not is_busy(switchable))
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=30)
    for child in children:
        if child.is_running():
            os.kill(child.pid, signal.SIGKILL)
    assert not is_busy(switchable)
    again = cli(*words)
    assert again.returncode == 2
    assert "'switch' changed target" in again.stderr
    assert "loadverdict experiment --restore" in again.stderr
    restored = cli("experiment", "--restore", "--experiments-dir", str(cli.folder / "experiments"))
    assert restored.returncode == 0, restored.stderr
    assert is_busy(switchable)
    assert not (cli.folder / "experiments/changed.json").exists()
    check_no_secret(cli.folder / "experiments", again.stderr, restored.stdout + restored.stderr)


ASKED = """
title: The switch turned by hand
suspect: lock
ask: {do: turn the switch off, undo: turn the switch on}
arm_s: 3
warm_up_s: 0
pairs: 1
"""


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """A process that waits for somebody is not waited for when the test has failed."""
    try:
        yield
    except BaseException:
        process.kill()
        raise


def test_a_person_at_a_terminal_makes_the_change_and_takes_it_back(
    cli: Cli, switchable: Target, words: list[str]
) -> None:
    (cli.folder / "switch.yaml").write_text(ASKED)
    wishes = {"turn the switch off": False, "turn the switch on": True}
    ours, theirs = pty.openpty()
    try:
        with cli.start(*words, stdin=theirs) as process, ending(process):
            for line in process.stderr or ():
                wish = line.rstrip().removeprefix("Please do this now, then press Enter: ")
                if wish in wishes:
                    switch(switchable, busy=wishes[wish])
                    os.write(ours, b"\n")
        assert process.returncode == 0
    finally:
        os.close(ours)
        os.close(theirs)
    assert is_busy(switchable)
    (report,) = (cli.folder / "experiments").glob("*/experiment.json")
    rates = json.loads(report.read_text())["error_rate"]
    assert rates["first"]["value"] > 0.1
    assert rates["changed"]["value"] == 0


def test_without_a_terminal_a_person_cannot_be_asked(cli: Cli, switchable: Target, words: list[str]) -> None:
    (cli.folder / "switch.yaml").write_text(ASKED)
    process = cli.start(*words, stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "run it in a terminal" in err


@pytest.mark.lab
def test_the_pool_experiment_takes_the_errors_away_on_a_lab_whose_pool_is_small(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    file = tmp_path / "quick.yaml"
    file.write_text((CONFIG_DIR / "experiments/pool-50.yaml").read_text() + "warm_up_s: 1\n")
    words = ("experiment", str(file), "--fault", "small-pool", "--arm", "3s", "--pairs", "1")
    done = cli(*words, "--experiments-dir", str(tmp_path / "experiments"))
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (path for path in (tmp_path / "experiments").iterdir() if path.is_dir())
    report: dict[str, Any] = json.loads((folder / "experiment.json").read_text())
    # So short an experiment may say that it is too short; benchmarks/lab_experiments.py runs whole ones.
    assert report["conclusion"] in ("supports", "cannot_tell"), report["sentence"] + report["why"]
    before, after = (report["error_rate"][state]["value"] for state in ("first", "changed"))
    assert after < before / 2
    assert report["by_class"][0]["name"] == "500 connection pool exhausted"
    assert report["sentence"].split(":")[0] in " ".join(done.stdout.split())
    assert {"experiment.md", "experiment.html"} <= {path.name for path in folder.iterdir()}
    assert lab.status() == []


def test_a_target_that_is_no_lab_is_one_sentence(cli: Cli, mixed: Target) -> None:
    words = ("--target", str(mixed.file), "--experiments-dir", str(cli.folder / "experiments"))
    done = cli("experiment", "pool-50", *words)
    assert done.returncode == 2, done.stderr
    assert "changes a setting of the lab" in done.stderr
    assert "Traceback" not in done.stderr


class _Answering(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, bytes]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["X-Key"], body))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "http://elsewhere.invalid/")
        self.end_headers()
        self.wfile.write(b"hush-hush")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def answering() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    _Answering.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", _Answering.seen
    server.shutdown()
    thread.join()
    server.server_close()


def calls(do: str, undo: str = "/200", **more: Any) -> Calls:
    both = {
        name: {"method": "PUT", "url": url, "json": {"key": "hush"}, "headers": {"X-Key": "hush"}}
        for name, url in (("do", do), ("undo", undo))
    }
    return Calls.model_validate(both | more)


def test_http_calls_go_where_they_may_and_tell_nothing(
    answering: tuple[str, list[tuple[str, str, bytes]]],
) -> None:
    url, seen = answering
    target = TargetFile.model_validate({"base_url": url})
    HttpChange(calls("/200"), target).do()
    assert seen == [("/200", "hush", b'{"key": "hush"}')]
    for status in ("403", "500", "302"):
        with pytest.raises(ChangeError, match=f"answered {status}") as caught:
            HttpChange(calls("/200", f"/{status}"), target).undo()
        assert "hush" not in str(caught.value)
    with pytest.raises(RefusedError, match="write 'allow_host: admin"):
        HttpChange(calls("https://admin.example.com/x"), target)
    HttpChange(calls("https://admin.example.com/x", allow_host="admin.example.com"), target)


def test_commands_are_run_as_they_are_and_tell_nothing(tmp_path: Path) -> None:
    file = tmp_path / "state"
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    python = (sys.executable, "-c")
    lines = DoAndUndo(do=(*python, write, str(file), "$HOME"), undo=("false", "hush"))
    CommandChange(lines).do()
    assert file.read_text() == "$HOME"
    with pytest.raises(ChangeError, match="false ended with exit code 1") as caught:
        CommandChange(lines).undo()
    assert "hush" not in str(caught.value)
    with pytest.raises(ChangeError, match="cannot be run"):
        CommandChange(DoAndUndo(do=("/nowhere/hush",), undo=("true",))).do()


def test_the_list_names_every_experiment() -> None:
    console = Console(file=io.StringIO(), width=100)
    assert list_experiments(console) == 0
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(name in text for name in experiment_names())


def test_a_terminal_that_is_gone_does_not_keep_the_first_state_from_coming_back(tmp_path: Path) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(5, "Input/output error")

    state = tmp_path / "state"
    with interrupts() as signals:
        switch = switching(tmp_path, f"echo do > {state}", f"echo undo > {state}", signals)
        with switch.back_at_the_end(Console(file=Gone())):
            switch.to("changed")
            assert state.read_text() == "do\n"
    assert state.read_text() == "undo\n"
    assert not (tmp_path / "changed.json").exists()


def switching(folder: Path, do: str, undo: str, signals: Interrupts) -> Switch:
    """A change made by two lines of shell."""
    change = CommandChange(DoAndUndo(do=("bash", "-c", do), undo=("bash", "-c", undo)))
    place = Place(TargetFile(name="t", base_url="http://127.0.0.1:1"), "t", folder)
    return Switch(change, ChangedNote(folder), Path(__file__), place, signals)


def test_an_interrupt_waits_for_the_change_that_is_being_made(tmp_path: Path) -> None:
    state = tmp_path / "state"
    late = f"kill -TERM {os.getpid()}; (sleep 0.5; echo do > {state}) | cat"
    with interrupts() as signals:
        switch = switching(tmp_path, late, f"echo undo > {state}", signals)
        with pytest.raises(KeyboardInterrupt), switch.back_at_the_end(Console(file=io.StringIO())):
            switch.to("changed")
    assert state.read_text() == "undo\n"


def test_a_second_experiment_of_one_folder_is_refused(tmp_path: Path) -> None:
    for _ in range(2):
        with ChangedNote(tmp_path).alone():
            other = ChangedNote(tmp_path).alone()
            with pytest.raises(UsageError, match="another experiment"):
                other.__enter__()
