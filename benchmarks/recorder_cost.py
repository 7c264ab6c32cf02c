"""What recording costs per request: the lean client's, with the recorder taking note and not, in one process.

    python -m benchmarks.recorder_cost [--slices 60] [--slice-s 0.5] [--users 50]

Two processes differ by more than the recorder costs. So one process changes over every half second, and each
slice is compared with the two beside it: CPU seconds per request, of all threads of the process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from benchmarks.client_arms import Unrecorded, suite
from benchmarks.clients import server
from recording.recorder import Recorder
from scenarios.session import session_of


class Switch:
    """Passes requests to the recorder or past it; an answer goes where its request was noted."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.other, self.on = recorder, Unrecorded(), True
        self.in_flight = 0

    @property
    def started(self) -> int:
        """Requests begun."""
        return self.recorder.started + self.other.started

    def begin(self, *request: Any) -> float:
        """The one or the other."""
        return self.recorder.begin(*request) if self.on else self.other.begin(*request)

    def finish(self, token: float, *answer: Any) -> float:
        """The one or the other."""
        if isinstance(token, int):
            return self.recorder.finish(token, *answer)
        return self.other.finish(token, *answer)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--slices", type=int, default=60)
    parser.add_argument("--slice-s", type=float, default=0.5)
    parser.add_argument("--users", type=int, default=50)
    given = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    with server(cpus[0] if len(cpus) > 1 else None) as url, tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, {cpus[-1]})
        environment: Environment = suite("lean", folder=Path(folder))(url, 0.0)
        session = session_of(environment)
        switch = Switch(session.recorder)
        session.client._recorder = switch  # type: ignore[assignment]
        assert environment.runner is not None
        environment.runner.start(given.users, spawn_rate=given.users)
        gevent.sleep(2)
        cost_us = []
        for number in range(given.slices):
            switch.on = number % 2 == 0
            begin, used_s = switch.started, time.process_time()
            gevent.sleep(given.slice_s)
            cost_us.append(1e6 * (time.process_time() - used_s) / (switch.started - begin))
        environment.runner.quit()
    report(cost_us)


def report(cost_us: list[float]) -> None:
    """Slices with the recorder stand at even places; each is compared with the mean of its neighbours."""
    inner = range(2, len(cost_us) - 1, 2)
    more = [cost_us[i] / statistics.mean((cost_us[i - 1], cost_us[i + 1])) - 1 for i in inner]
    error = statistics.stdev(more) / len(more) ** 0.5
    on, off = statistics.median(cost_us[::2]), statistics.median(cost_us[1::2])
    print(f"CPU per request: {on:.1f} us with the recorder, {off:.1f} us without")
    middle, mean = 100 * statistics.median(more), 100 * statistics.mean(more)
    print(f"recording costs {middle:.1f} % (mean {mean:.1f} %, standard error {100 * error:.1f} %)")


if __name__ == "__main__":
    main()
