"""`loadverdict run --until-decided` on a real server: it ends by itself, or when its time is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recording.folder import RunFolder
from recording.reader import read_run
from tests.commands.conftest import Cli, Target

BLOCKS = """
load: {shape: steps, users: [2, 6, 10], step_s: 1, blocks: 2}
think_time_s: 0.02
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""


def looks_at(cli: Cli) -> list[dict[str, Any]]:
    return [event for event in RunFolder(cli.only_run()).events() if event["kind"] == "look"]


def test_a_run_ends_by_itself_once_it_is_decided(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    options = ("--until-decided", "--at-most", "36s", "--processes", "2")
    done = cli.run(scenario(BLOCKS), mixed, *options)
    verdict = cli.verdict()
    assert done.returncode == (1 if verdict["quality"]["valid"] else 4), done.stdout + done.stderr
    looks = looks_at(cli)
    assert [look["number"] for look in looks] == list(range(1, len(looks) + 1))
    assert [look["answer"] for look in looks][-1] == "constant"
    assert f"look {len(looks)}: decided: constant" in done.stdout
    run = read_run(cli.only_run())
    assert len(run.samples) == mixed.served()
    assert run.manifest["clean_end"] is True
    assert run.manifest["planned_s"] == 36
    assert run.manifest["options"]["at_most_s"] == {"value": 36, "from": "loadverdict run"}
    assert verdict["duration_s"] < 33
    assert verdict["load_effect"]["answer"] == "constant"
    assert verdict["load_effect"]["why"] == looks[-1]["why"]
    assert verdict["requests"] > verdict["load_effect"]["requests"]
    cli("diagnose", str(cli.only_run()))
    assert cli.verdict()["load_effect"] == verdict["load_effect"]


@pytest.mark.slow
def test_a_run_that_is_not_decided_ends_when_its_time_is_up(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    """Two users that hardly send: too few requests to decide anything."""
    text = BLOCKS.replace("[2, 6, 10]", "[1, 3]").replace("0.02", "1.5")
    done = cli.run(scenario(text), mixed, "--until-decided", "--at-most", "9s")
    assert done.returncode != 2, done.stdout + done.stderr
    looks = looks_at(cli)
    assert {look["answer"] for look in looks} == {"inconclusive"}
    run, verdict = read_run(cli.only_run()), cli.verdict()
    assert run.manifest["clean_end"] is True
    assert RunFolder(cli.only_run()).events()[-1]["time_s"] - run.manifest["start_s"] > 5
    assert {sample.split(":")[0] for sample in run.samples.stage.names} >= {"block 1", "block 4"}
    assert verdict["load_effect"]["answer"] == "inconclusive"
    assert verdict["next_run"]["scenario"].endswith("short.yaml")
    assert "--until-decided --at-most" in verdict["next_run"]["command"]
    assert "did not decide" in verdict["quality"]["findings"][-1]["text"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--until-decided", "--at-most", "soon"], "'soon' is no duration"),
        (["--until-decided", "--at-most", "6s"], "give it at least 9s"),
    ],
)
def test_mistakes_are_told_before_any_load(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], options: list[str], words: str
) -> None:
    done = cli.run(scenario(BLOCKS), mixed, *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not cli.runs.exists()
