"""Half an hour at full speed while every second request fails: does anything grow?

    python -m benchmarks.soak [--minutes 30] [--processes 2] [--users 50] [--settle-s 300]

A real run of the command line, users without pauses, against a static server on the same machine. Memory
(proportional set size: what processes share counts once) and open files of each of its processes are read
once a second. What counts is what comes after the first five minutes: the slope of memory by Theil and Sen,
as a share of its median, in percent a minute, and how many files more are open in the last minute than in
the first of them (medians: a file that is read for a moment is no growth). The requests of the run are held
against the server's own count.

Literature: Sen (1968), J. Am. Stat. Assoc. 63:1379.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from scipy.stats import theilslopes

from benchmarks.clients import server
from benchmarks.run_command import RUNS, run_command
from benchmarks.static_server import counted
from recording.reader import read_run

SETTLE_S = 300.0
EVERY_S = 1.0
MOST_SLOPE = 0.01
"""Memory counts as flat below so much of it a minute."""
POINTS = 600
"""Theil and Sen compare all pairs: so many points are enough."""


class Reading(NamedTuple):
    """What one process held at a moment."""

    time_s: float
    memory_mb: float
    files: int


class Growth(NamedTuple):
    """One process after it has settled."""

    name: str
    first_mb: float
    last_mb: float
    slope_per_min: float
    more_files: int

    @property
    def flat(self) -> bool:
        """Whether neither memory nor files grow."""
        return self.slope_per_min < MOST_SLOPE and self.more_files <= 0


def role(process: psutil.Process) -> str:
    """A process by what it does: the first of its arguments that tells."""
    words = process.cmdline()
    told = next((word for word in words if word == "locust" or "commands." in word), words[0])
    return f"{Path(told).name} ({process.pid})"


def readings(run: psutil.Process) -> Iterator[tuple[str, Reading]]:
    """Of every process of the run, while they are there."""
    for process in (run, *run.children(recursive=True)):
        try:
            held = process.memory_full_info().pss / 1e6
            yield role(process), Reading(time.monotonic(), held, process.num_fds())
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def growth(name: str, found: Sequence[Reading], settled_s: float, end_s: float) -> Growth | None:
    """How a process grew between the two moments; None if it was not there all the time."""
    kept = [one for one in found if settled_s <= one.time_s <= end_s]
    if not kept or kept[-1].time_s - kept[0].time_s < 0.9 * (end_s - settled_s):
        return None
    step = max(1, len(kept) // POINTS)
    minutes = np.array([one.time_s for one in kept[::step]]) / 60
    memory_mb = np.array([one.memory_mb for one in kept[::step]])
    slope = float(theilslopes(memory_mb, minutes).slope) / float(np.median(memory_mb))
    minute = max(1, round(60 / EVERY_S))
    parts = kept[:minute], kept[-minute:]
    files = [round(float(np.median([one.files for one in part]))) for part in parts]
    ends = [float(np.median([one.memory_mb for one in part])) for part in parts]
    return Growth(name, ends[0], ends[1], slope, files[1] - files[0])


def soak(
    folder: Path, url: str, minutes: float, users: int, processes: int
) -> tuple[dict[str, list[Reading]], float, float]:
    """Run the load; readings by process, and when the load began and was to end."""
    load = {"shape": "hold", "users": users, "hold_s": round(minutes * 60)}
    command = run_command(folder, url, {"load": load, "think_time_s": 0}, processes)
    found: dict[str, list[Reading]] = defaultdict(list)
    begin_s = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        whole = psutil.Process(run.pid)
        while run.poll() is None:
            for name, reading in readings(whole):
                found[name].append(reading)
            time.sleep(EVERY_S)
        print(run.stdout.read() if run.stdout else "")
    # 4: the generator is busy, as it should be at full speed; 1: targets are missed, half of all fail.
    if run.returncode not in (1, 4):
        sys.exit(f"the run ended with {run.returncode}")
    return found, begin_s, begin_s + minutes * 60


def main() -> None:
    """Measure and print; exit code 1 if something grows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--settle-s", type=float, default=SETTLE_S)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        count = folder / "count"
        with server(None, count, half_fail=True) as url:
            found, begin_s, end_s = soak(folder, url, given.minutes, given.users, given.processes)
            answered = counted(count)
        (path,) = (folder / RUNS).iterdir()
        samples = read_run(path).samples
    grown = [
        one
        for name, each in found.items()
        if (one := growth(name, each, begin_s + given.settle_s, end_s)) is not None
    ]
    print(f"requests: {int(samples.weight.sum()):,}, counted by the server: {answered:,}")
    print(f"failed: {np.average(samples.is_error, weights=samples.weight):.1%}")
    print("| process | MB at first | at last | slope a minute | files more |")
    print("|---|---|---|---|---|")
    for one in grown:
        print(
            f"| {one.name} | {one.first_mb:.1f} | {one.last_mb:.1f} | {one.slope_per_min:+.2%} "
            f"| {one.more_files:+d} |"
        )
    sys.exit(0 if grown and all(one.flat for one in grown) else 1)


if __name__ == "__main__":
    main()
