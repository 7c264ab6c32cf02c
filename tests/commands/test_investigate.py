"""`loadverdict investigate`: from the load to the cause, and whatever ends it, the target is as before."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import lab
from analysis.suspects import known_suspects
from commands.investigate import exit_code
from commands.trials import choices
from recording.folder import RunFolder
from recording.follow import Follower
from tests.commands.conftest import STEADY, Cli, Target, check_no_secret, is_busy, wait_for
from tests.render.investigations import KINDS

# The key is a secret: the service wants it, and nothing may keep or print it.
SWITCH = """
title: {title}
suspect: {suspect}
http:
  do: {{method: PUT, url: /switch, json: {{busy: {busy}, key: hush-hush}}}}
  undo: {{method: PUT, url: /switch, json: {{busy: true, key: hush-hush}}}}
arm_s: {arm_s}
warm_up_s: 0
pairs: 1
"""
BRIEF = STEADY.replace("hold_s: 5", "hold_s: 3")


def written(folder: Path, name: str, title: str, suspect: str, busy: bool, arm_s: int) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(SWITCH.format(title=title, suspect=suspect, busy=str(busy).lower(), arm_s=arm_s))
    return str(path)


@pytest.fixture
def words(cli: Cli, switchable: Target, scenario: Callable[[str], str]) -> list[str]:
    """The command line on that server; the changed state comes first (seed 2)."""
    options = ["--target", str(switchable.file), "--seed", "2"]
    options += ["--investigations-dir", str(cli.folder / "investigations")]
    return ["investigate", scenario(BRIEF), *options]


def found_in(cli: Cli) -> tuple[Path, dict[str, Any]]:
    (report,) = (cli.folder / "investigations").glob("*/investigation.json")
    found: dict[str, Any] = json.loads(report.read_text())
    return report.parent, found


def test_it_ends_with_the_change_that_takes_the_errors_away(
    cli: Cli, switchable: Target, words: list[str]
) -> None:
    file = written(cli.folder, "switch", "The switch turned", "lock", busy=False, arm_s=3)
    done = cli(*words, "--experiment", file, "--run-dir", str(cli.runs))
    assert done.returncode == 0, done.stdout + done.stderr
    folder, found = found_in(cli)
    assert done.stdout.splitlines()[-1] == "all runs: index.html"
    listed = (cli.folder / "index.html").read_text()
    assert f"investigations/{folder.name}/investigation.html" in listed
    assert found["sentence"][:40] in listed
    assert found["conclusion"] == "cause_found", found["sentence"]
    assert found["cause"]["suspect"] == "lock"
    first_line = done.stdout[done.stdout.index("Cause: ") :].splitlines()[0]
    assert first_line.startswith("Cause: Storage lock timeout. Errors fall from 1")
    assert [trial["experiment"] for trial in found["trials"]] == ["switch"]
    assert {"investigation.md", "investigation.html"} <= {path.name for path in folder.iterdir()}
    for link in (found["seen"]["report"], found["trials"][0]["report"]):
        assert (folder / link).exists()
    assert is_busy(switchable)
    assert not (cli.folder / "experiments/changed.json").exists()
    check_no_secret(cli.folder / "investigations", done.stdout, done.stderr)


def test_what_is_not_possible_or_does_not_fit_is_said_and_sends_nothing(cli: Cli, words: list[str]) -> None:
    file = cli.folder / "small.yaml"
    file.write_text("title: Small pool\nsuspect: pool\nlab: {pool_size: 7}\narm_s: 2\npairs: 1\n")
    done = cli(*words, "--experiment", str(file), "--at-most", "90s", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["conclusion"] == "cannot_tell"
    outcomes = {trial["experiment"]: trial for trial in found["trials"]}
    assert outcomes["small"]["outcome"] == "not_possible"
    assert outcomes["small"]["why"].startswith("It changes a setting of the lab")
    assert outcomes["pool-50"]["outcome"] == "not_possible"
    assert outcomes["own-account"]["outcome"] == "not_tried"
    assert outcomes["own-account"]["why"].startswith("No time: it takes 2 min 40 s, and ")
    assert " own-account " in outcomes["own-account"]["command"]
    runs = (cli.folder / "investigations").glob("*/*/manifest.json")
    assert [run.parent.name.split("-")[-1] for run in runs] == ["short"]


def test_ctrl_c_in_an_experiment_restores_and_reports_what_was_found(
    cli: Cli, switchable: Target, words: list[str]
) -> None:
    file = written(cli.folder, "switch", "The switch turned", "lock", busy=False, arm_s=20)
    process = cli.start(*words, "--experiment", file)
    wait_for(lambda: not is_busy(switchable), limit_s=40)
    arm = wait_for(lambda: next((cli.folder / "investigations").glob("*/*/*-changed-1"), None))
    wait_for(lambda: Follower(RunFolder(arm)).look().finished)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3, out + err
    assert is_busy(switchable)
    assert not (cli.folder / "experiments/changed.json").exists()
    _, found = found_in(cli)
    assert found["conclusion"] == "cannot_tell"
    assert not found["complete"]
    assert "interrupted" in found["why"]
    assert found["seen"]["errors"] > 0
    assert "It ended early: it was interrupted." in out
    check_no_secret(cli.folder / "investigations", out, err)


def test_after_kill_9_the_next_call_names_the_line_that_takes_the_change_back(
    cli: Cli, switchable: Target, words: list[str]
) -> None:
    file = written(cli.folder, "switch", "The switch turned", "lock", busy=False, arm_s=20)
    process = cli.start(*words, "--experiment", file)
    wait_for(lambda: not is_busy(switchable), limit_s=40)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=30)
    for child in children:
        if child.is_running():
            child.kill()
    assert not is_busy(switchable)
    again = cli(*words)
    folder = str(cli.folder / "experiments")
    assert again.returncode == 2
    assert f"'loadverdict experiment --restore --experiments-dir {folder}'" in again.stderr
    restored = cli("experiment", "--restore", "--experiments-dir", folder)
    assert restored.returncode == 0, restored.stderr
    assert is_busy(switchable)


def test_sigterm_in_the_run_leaves_a_report_on_what_was_seen(cli: Cli, words: list[str]) -> None:
    process = cli.start(*words)
    run = wait_for(lambda: next((cli.folder / "investigations").glob("*/*-short"), None))
    wait_for(lambda: Follower(RunFolder(run)).look().failed)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3, out + err
    _, found = found_in(cli)
    assert found["stopped"]
    assert found["trials"]
    assert all(trial["outcome"] == "not_tried" for trial in found["trials"])
    assert all("interrupted" in trial["why"] for trial in found["trials"])


def test_a_run_without_errors_needs_no_experiment(cli: Cli, switchable: Target, words: list[str]) -> None:
    off = urllib.request.Request(f"{switchable.url}/switch", data=b'{"busy": false}', method="PUT")
    urllib.request.urlopen(off).close()
    done = cli(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    _, found = found_in(cli)
    assert found["conclusion"] == "nothing_to_explain"
    assert found["trials"] == []
    assert "Nothing to explain: none of" in done.stdout


@pytest.mark.slow
def test_a_run_that_exists_is_begun_with_if_it_is_of_the_same_scenario_and_target(
    cli: Cli, switchable: Target, words: list[str], scenario: Callable[[str], str]
) -> None:
    made = cli.run(scenario(BRIEF), switchable)
    assert made.returncode == 1, made.stderr
    again = [*words, "--run", "latest", "--run-dir", str(cli.runs)]
    done = cli(*again, "--at-most", "5s")
    assert done.returncode == 0, done.stdout + done.stderr
    folder, found = found_in(cli)
    assert (folder / found["seen"]["report"]).resolve().is_relative_to(cli.runs)
    assert found["about"]["duration_s"] < 15
    other = cli("investigate", "steps", *again[2:])
    assert other.returncode == 2
    assert "is of scenario 'short', the experiments would be of 'steps'" in other.stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--at-most", "10s"), "--at-most 10s is too short"),
        (("--at-most", "soon"), "is no duration"),
        (("--experiment", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("--run", "nowhere"), "no run or result file"),
        (("--fault", "case"), "--fault works on the lab"),
    ],
)
def test_mistakes_are_one_sentence(cli: Cli, words: list[str], more: tuple[str, ...], expected: str) -> None:
    done = cli(*words, *more)
    assert done.returncode in (2, 6), done.stderr
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_experiment_about_nobody_is_a_mistake_before_anything_is_sent(cli: Cli, words: list[str]) -> None:
    done = cli(*words, "--experiment", written(cli.folder, "odd", "Odd", "lok", busy=True, arm_s=2))
    assert done.returncode == 2, done.stderr
    assert "suspect: found 'lok'; did you mean" in " ".join(done.stderr.split())


def test_the_experiments_of_the_case_have_one_that_decides_for_each_of_its_first_suspects() -> None:
    found = choices((), known_suspects(), on_lab=True)
    deciding = {choice.suspect: choice.name for choice in found if choice.decides}
    assert deciding == {
        "lock": "lock-100ms",
        "pool": "pool-50",
        "cache": "cache-off",
        "bcrypt": "bcrypt-worker-pool",
        "network": "network-latency",
    }
    assert {choice.duration_s for choice in found if choice.name == "pool-50"} == {160.0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cause_found", 0),
        ("ruled_out", 0),
        ("cannot_tell", 0),
        ("nothing_to_explain", 0),
        ("interrupted", 3),
        ("invalid", 4),
    ],
)
def test_exit_codes_say_whether_to_rely_on_it_and_not_what_came_out(name: str, expected: int) -> None:
    assert exit_code(KINDS[name]()) == expected


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.timeout(900)  # minutes of load, one after another
def test_on_the_case_bcrypt_is_the_cause_and_not_the_lock_that_its_failures_name(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    process = cli.start("investigate", "--investigations-dir", str(tmp_path / "investigations"))
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, out + err
    _, found = found_in(cli)
    assert found["cause"]["suspect"] == "bcrypt", found["sentence"]
    # Which is tried first is the verdict's choice; whatever was tried before the cause is cleared.
    tried = [trial["suspect"] for trial in found["trials"] if trial["error_rate"] is not None]
    assert tried[-1] == "bcrypt"
    assert {one["suspect"] for one in found["ruled_out"]} == {*tried} - {"bcrypt"}
    assert "lock" not in {one["suspect"] for one in found["open"]} & {*tried}
    assert found["about"]["duration_s"] < 900
    assert lab.status() == []
