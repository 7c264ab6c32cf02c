"""`loadverdict run --abort-when-missed` on a real server: it ends once a target cannot be met any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recording.folder import RunFolder
from recording.reader import read_run
from tests.commands.conftest import Cli, Target

HOLD = """
load: {shape: hold, users: 6, hold_s: 60}
think_time_s: 0.05
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""


def test_a_run_ends_once_a_target_is_missed_for_certain(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    """Every sixth request fails, so each window of two seconds misses the target."""
    text = f"{HOLD}slo: [error_rate < 60 %, error_rate < 5 % for 2 s, p99.9 < 5000 ms]\n"
    done = cli.run(scenario(text), mixed, "--abort-when-missed", "--processes", "2")
    verdict, run = cli.verdict(), read_run(cli.only_run())
    assert done.returncode == (1 if verdict["quality"]["valid"] else 4), done.stdout + done.stderr
    assert "missed: error_rate < 5 % for 2 s" in done.stdout
    assert len(run.samples) == mixed.served()
    assert run.manifest["clean_end"] is True
    assert run.manifest["planned_s"] == 60
    assert run.scenario["abort_when_missed"] is True
    assert run.manifest["options"]["abort_when_missed"] == {"value": True, "from": "loadverdict run"}
    assert verdict["duration_s"] < 45
    assert verdict["slo"][1]["outcome"] == "missed"
    (finding,) = (f for f in verdict["quality"]["findings"] if f["code"] == "ended_early")
    assert "could not meet error_rate < 5 % for 2 s any more" in finding["text"]
    assert cli("gate", str(cli.only_run())).returncode == done.returncode


@pytest.mark.slow
def test_a_run_that_can_meet_its_targets_goes_on_to_its_end(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    text = (
        HOLD.replace("60", "9")
        + "abort_when_missed: true\nslo: [error_rate < 60 %, status(503) < 50 % for 2 s]\n"
    )
    done = cli.run(scenario(text), mixed)
    verdict, folder = cli.verdict(), RunFolder(cli.only_run())
    assert done.returncode == (0 if verdict["quality"]["valid"] else 4), done.stdout + done.stderr
    assert "targets, look 1: can still be met" in done.stdout
    assert verdict["duration_s"] > 8
    assert "missed" not in {event["kind"] for event in folder.events()}
    assert not folder.decided_flag.exists()
