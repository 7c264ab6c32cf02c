"""Parts with loads of their own at the same time on a real server: each follows its plan and is counted."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import numpy as np
import pytest

from recording.folder import RunFolder
from recording.follow import Follower
from recording.planned import planned_parts
from recording.reader import read_run
from recording.sample import Samples
from scenarios.loads.arrivals import due_times_s
from scenarios.scenario import load_scenario
from tests.commands.conftest import Cli, Target, wait_for

PARTS = """
parts:
  browse:
    load: {shape: staircase, users: [2, 8], step_s: 5}
    think_time_s: 0.2
  buy:
    load: {shape: ramp, from_arrivals: 4, to_arrivals: 20, ramp_s: 10, max_in_flight: 20}
  idle:
    load: {shape: hold, users: 1, hold_s: 3}
accounts: shared
"""
BEFORE_AND_AFTER_S = 0.4
"""Around a change of level: heartbeats tell the users of other processes every 0.1 s."""


def of_part(samples: Samples, name: str) -> Samples:
    return samples.take(np.array([text.startswith(f"{name}: ") for text in samples.endpoint.to_list()]))


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_each_part_follows_its_plan_and_is_counted_exactly(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], processes: str
) -> None:
    path = scenario(PARTS)
    done = cli.run(path, mixed, "--processes", processes)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    run = read_run(cli.only_run())
    samples, planned = run.samples, load_scenario(path)
    parts = {name: of_part(samples, name) for name in planned.plans()}
    assert sum(map(len, parts.values())) == len(samples) == mixed.served()
    counts = cli.verdict()["quality"]["arrivals"]
    buy = planned.plans()["buy"]
    assert counts["due"] == len(list(due_times_s(buy, planned.seed_of("buy"))))
    assert counts["due"] == counts["sent"] + counts["skipped"]
    assert len(parts["buy"]) == int((samples.delay_ms >= 0).sum()) == counts["sent"]

    start_s = run.manifest["start_s"]
    told = {part.name: part for part in planned_parts(run.manifest)}
    elapsed_s = samples.start_s - start_s
    assert elapsed_s.min() >= 0
    wanted = told["browse"].level_at(elapsed_s) + told["idle"].level_at(elapsed_s)
    calm = np.all([np.abs(elapsed_s - edge) > BEFORE_AND_AFTER_S for edge in (0, 3, 5, 10)], axis=0)
    # All of them on a machine that has time; a process whose heartbeat is late tells its users late.
    assert np.mean(samples.users[calm] == wanted[calm]) > 0.9
    # Nobody sends beyond its part's level: the load seen in the requests is the planned one.
    per_level = [
        np.count_nonzero(np.abs(parts["browse"].start_s - start_s - m) < 2) for m in (2.5, 7.5, 12.5)
    ]
    assert per_level[1] > 1.5 * per_level[0]
    assert per_level[1] > 1.5 * per_level[2]
    assert parts["idle"].start_s.max() - start_s < 3.5


@pytest.mark.slow
def test_the_folder_stays_readable_and_nothing_else_changes_its_meaning(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    done = cli.run(scenario(PARTS), mixed)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    folder = cli.only_run()
    again = cli("diagnose", str(folder), "--json")
    assert json.loads(again.stdout)["requests"] == mixed.served()
    stages = [event["name"] for event in read_run(folder).events if event["kind"] == "stage"]
    assert stages.count("browse: staircase 1: 8 users") == 1
    assert stages.count("buy: ramp to 20 arrivals/s") == 1
    # A scenario.yaml of a run can be run again.
    assert (
        load_scenario(str(folder / "scenario.yaml")).plans()
        == load_scenario(str(cli.folder / "short.yaml")).plans()
    )


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_an_interrupted_run_of_parts_has_forgotten_nothing(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], processes: str
) -> None:
    path = scenario(PARTS.replace("step_s: 5", "step_s: 60"))
    arguments = ["--target", str(mixed.file), "--run-dir", str(cli.runs), "--processes", processes]
    process = cli.start("run", path, *arguments)
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None))
    wait_for(lambda: Follower(RunFolder(folder)).look().finished > 60)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 3
    counts = cli.verdict()["quality"]["arrivals"]
    assert counts["due"] == counts["sent"] + counts["skipped"]
    samples = read_run(cli.only_run()).samples
    assert len(samples) == mixed.served()
    assert int((samples.delay_ms >= 0).sum()) == counts["sent"]


def test_a_dry_run_draws_every_part(cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
    done = cli.run(scenario(PARTS), mixed, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "3 at the same time, 15 s" in done.stdout
    for line in ("part      browse", "part      buy", "up to 8 users", "up to 20 arrivals/s"):
        assert line in done.stdout
    assert (cli.runs.parent / "plans/short.png").read_bytes().startswith(b"\x89PNG")
    assert mixed.served() == 0
