"""Ten thousand users on one machine: is the planned shape kept, and does the generator itself fail?

    python -m benchmarks.many_users [--users 10000] [--think-s 20] [--processes 1]

A real run of the command line against a static server on the same machine. At the end of every second the
users that run are held against those planned in it, whenever in that second Locust asked; what the generator
did wrong itself is counted apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.clients import server
from benchmarks.run_command import RUNS, SCENARIO, run_command
from recording.reader import read_run
from recording.run import Readings, Run
from scenarios.load import Plan
from scenarios.scenario import load_scenario

RISE_S, HOLD_S, FALL_S = 40, 40, 20
LATE_IN_SECOND_S = 0.95
"""When in a second its users are counted: all changes of the second should be over by then."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How far the load was from the plan: the furthest of all seconds, as a share of the peak."""

    rising: float
    holding: float
    falling: float


def deviation(readings: Readings, plan: Plan, start_s: float) -> Kept:
    """Users running against users planned, by part of the trapezium."""
    seconds = np.arange(0, int(plan.duration_s) - 1)
    ticks = seconds[:, None] + np.linspace(0, LATE_IN_SECOND_S, 20)
    planned = np.vectorize(lambda moment_s: plan.users_at(moment_s) or 0)(ticks)
    running = running_at(readings, start_s + seconds + LATE_IN_SECOND_S)
    beyond = np.maximum(running - planned.max(axis=1), planned.min(axis=1) - running)
    off = np.maximum(0, beyond) / plan.peak_users
    parts = (seconds < RISE_S, (seconds >= RISE_S) & (seconds < RISE_S + HOLD_S), seconds >= RISE_S + HOLD_S)
    return Kept(*(float(off[part].max()) for part in parts))


def running_at(readings: Readings, times_s: np.ndarray) -> np.ndarray:
    """Users of all processes together at these moments."""
    total = np.zeros(len(times_s))
    for node in np.unique(readings.labels):
        rows = (readings.name == "users_running") & (readings.labels == node)
        place = np.searchsorted(readings.time_s[rows], times_s, side="right") - 1
        total += np.where(place >= 0, readings.value[rows][np.maximum(place, 0)], 0)
    return total


def run(folder: Path, url: str, users: int, think_s: float, processes: int) -> tuple[Run, Plan, float]:
    """A run of the command line; it, its plan, and when that began.

    Raises:
        SystemExit: the command failed for another reason than its load generator being busy.
    """
    shape = {"shape": "trapezium", "users": users, "rise_s": RISE_S, "hold_s": HOLD_S, "fall_s": FALL_S}
    command = run_command(folder, url, {"load": shape, "think_time_s": think_s}, processes)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):
        sys.exit(f"the run ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    (path,) = (folder / RUNS).iterdir()
    start_s = float(json.loads((path / "manifest.json").read_text())["start_s"])
    return read_run(path), load_scenario(str(folder / SCENARIO)).plan(), start_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--think-s", type=float, default=20.0)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    with server(None) as url, tempfile.TemporaryDirectory() as folder:
        found, plan, start_s = run(Path(folder), url, given.users, given.think_s, given.processes)
    assert found.readings is not None
    kept = deviation(found.readings, plan, start_s)
    samples, readings = found.samples, found.readings
    busy = {name: readings.value[readings.name == name] for name in ("cpu_percent", "loop_lag_ms")}
    print(f"users: {given.users:,}, processes: {given.processes}, requests: {len(samples):,}")
    print(
        f"furthest from the plan, share of the peak: rising {kept.rising:.2%}, holding {kept.holding:.2%}, "
        f"falling {kept.falling:.2%}"
    )
    print(
        f"failures: {int(samples.is_error.sum())}, faults of the generator: {int(samples.is_generator.sum())}"
    )
    print(
        f"CPU of a process: median {np.median(busy['cpu_percent']):.0f} %, "
        f"most {busy['cpu_percent'].max():.0f} %; "
        f"event loop late: P99 {np.percentile(busy['loop_lag_ms'], 99):.0f} ms"
    )


if __name__ == "__main__":
    main()
