"""Scenarios drawn at random: the load is the planned one every second, and every request is accounted for."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from recording.run import Readings
from scenarios.load import Plan
from scenarios.scenario import load_scenario
from tests.commands.conftest import Cli, serving, wait_for

SCENARIOS = 20
QUICK = 1
"""So many in `make test`; the rest takes a quarter of an hour, and waits for `make test-all`."""

TICK_S = 1.0
SETTLED_S = 0.7
"""Seconds after a tick at which every process runs what it was told."""

CASES = [
    pytest.param(seed, processes, marks=[] if seed < QUICK else pytest.mark.slow)
    for seed in range(SCENARIOS)
    for processes in (1, 2)
]


@dataclass(frozen=True)
class Drawn:
    """A scenario with the server it meets.

    Attributes:
        scenario: as in YAML.
        mode: of the test server.
        stop_after_s: when it is interrupted in the middle of its requests; None lets it end.
    """

    scenario: dict[str, Any]
    mode: str
    stop_after_s: float | None


def draw(seed: int) -> Drawn:
    rng = random.Random(seed)

    def users() -> int:
        return rng.randint(1, 14)

    def seconds() -> int:
        return rng.randint(1, 4)

    loads: list[Callable[[], dict[str, Any]]] = [
        lambda: {"shape": "steps", "users": [users(), users()], "step_s": seconds(), "blocks": 2},
        lambda: {"shape": "staircase", "users": [users(), users(), users()], "step_s": seconds()},
        lambda: {"shape": "ramp", "to_users": users(), "ramp_s": 2 * seconds(), "hold_s": seconds()},
        lambda: {"shape": "hold", "users": users(), "hold_s": 2 + seconds()},
        lambda: {
            **{"shape": "spike", "users": users(), "peak_users": 14 + users()},
            **{"before_s": seconds(), "spike_s": seconds(), "after_s": seconds()},
        },
        lambda: {
            **{"shape": "trapezium", "users": users()},
            **{"rise_s": seconds(), "hold_s": seconds(), "fall_s": seconds()},
        },
        lambda: {
            "shape": "stages",
            "stages": [{"for_s": seconds(), "users": users()}, {"for_s": seconds(), "to_users": users()}],
        },
        lambda: {
            **{"shape": "repeat", "times": 2},
            "load": {"shape": "hold", "users": users(), "hold_s": seconds()},
        },
    ]
    scenario: dict[str, Any] = {
        "load": rng.choice(loads)(),
        "think_time_s": rng.choice([0, 0.05, 0.3]),
        "think_time": rng.choice(["uniform", "constant", "exponential"]),
        "accounts": rng.choice(["rotating", "own", "shared"]),
        "timeouts": {"connect_s": 2, "read_s": rng.choice([1, 30]), "total_s": 30},
        "seed": seed,
    }
    mode = ("mixed", "hang", "mixed", "slow", "freeze")[seed % 5]
    return Drawn(scenario, mode, rng.uniform(1.5, 4) if rng.random() < 0.4 else None)


def observed(readings: Readings, name: str, at_s: float) -> float:
    """The sum over all nodes of a figure's last value at a moment."""
    chosen = (readings.name == name) & (readings.time_s <= at_s)
    values, labels = readings.value[chosen], readings.labels[chosen]
    return sum(float(values[labels == label][-1]) for label in np.unique(labels))


def planned(plan: Plan, second: float) -> tuple[int, int]:
    """Least and most users wanted in a second and the tick before it; none before the plan began."""
    moments_s = np.linspace(second - TICK_S, second + SETTLED_S, 35)
    wanted = [(plan.users_at(moment_s) or 0) if moment_s >= 0 else 0 for moment_s in moments_s]
    return min(wanted), max(wanted)


@pytest.mark.parametrize(("seed", "processes"), CASES)
def test_planned_load_and_exact_counts(
    cli: Cli, tmp_path: Path, scenario: Callable[[str], str], seed: int, processes: int
) -> None:
    drawn = draw(seed)
    path = scenario(yaml.safe_dump(drawn.scenario))
    with serving(tmp_path, drawn.mode) as target:
        arguments = ["--target", str(target.file), "--run-dir", str(cli.runs), "--processes", str(processes)]
        process = cli.start("run", path, *arguments)
        if drawn.stop_after_s is not None:
            interrupt_after(cli, process, drawn.stop_after_s)
        out, err = process.communicate(timeout=120)
        served = target.served()
    ended_early = drawn.stop_after_s is not None
    assert process.returncode in ((3,) if ended_early else (0, 1, 4)), out + err
    run = read_run(cli.only_run())
    assert run.health is not None
    assert int(run.samples.weight.sum()) == served, drawn
    assert run.readings is not None
    held_to_plan(run.readings, RunFolder(cli.only_run()), load_scenario(path).plan())


def interrupt_after(cli: Cli, process: Any, seconds: float) -> None:
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None))
    begin_s = wait_for(lambda: RunFolder(folder).manifest().get("start_s"))
    follower = Follower(RunFolder(folder))
    wait_for(lambda: follower.look().time_s >= begin_s + seconds)
    process.send_signal(signal.SIGINT)


def held_to_plan(readings: Readings, folder: RunFolder, plan: Plan) -> None:
    """Every second but that of the end."""
    start_s = float(folder.manifest()["start_s"])
    last_s = float(readings.time_s.max()) - start_s
    seconds = np.arange(0.0, min(last_s, plan.duration_s) - TICK_S, TICK_S)
    assert len(seconds), "nothing to compare"
    for second in seconds:
        low, high = planned(plan, second)
        at_s = start_s + second + SETTLED_S
        wanted, running = (observed(readings, f"users_{what}", at_s) for what in ("wanted", "running"))
        busy = observed(readings, "in_flight", at_s)
        assert low <= wanted <= high, (second, wanted, low, high)
        # Whoever is to go waits for an answer first.
        assert low <= running <= high + busy, (second, running, low, high, busy)
