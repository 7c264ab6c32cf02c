"""Process entry: `python -m recording.probes`, told what to read by one JSON line on standard input.

It reads until standard input ends: when whoever started it closes it, or is gone, however it went.
A process of its own at low priority, since reading in the load's event loop would delay the load.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from recording.clock import Clock
from recording.folder import RunFolder
from recording.probes.readings_file import ReadingsWriter
from recording.probes.spec import Probe
from recording.probes.told import Reading
from recording.probes.watch import Watch

NICENESS = 10
FIRST_ROUND_S = 1.5
"""The file of readings appears once every probe was tried once, or after this long: the load waits for it."""
LAST_ROUND_S = 2.0
WRITE_EVERY_S = 0.5


def main() -> None:
    """Read what to do, do it until told to stop, and write down how it went."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # An interrupt goes to the whole terminal; the load then ends in good order, and us with it.
        # Not SIG_IGN: a command whose output is read would inherit that, and not end when asked to.
        signal.signal(number, _go_on)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    told = json.loads(sys.stdin.buffer.readline())
    clock = Clock(told["wall_s"], told["mono_s"])
    watches = [
        Watch(name, Probe.model_validate(values), clock.now) for name, values in told["probes"].items()
    ]
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    Round(RunFolder(Path(told["folder"])), watches, clock, stop).run()


def _go_on(_: int, __: FrameType | None) -> None:
    """Whoever started us says when to end, by closing our standard input."""


def _wait_for_end(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


class Round:
    """All probes of a run, a thread each, and the one that writes."""

    def __init__(self, folder: RunFolder, watches: list[Watch], clock: Clock, stop: threading.Event) -> None:
        self._folder, self._watches, self._clock, self._stop = folder, watches, clock, stop
        self._rows: queue.SimpleQueue[list[Reading]] = queue.SimpleQueue()
        self._tried = threading.Semaphore(0)

    def run(self) -> None:
        """Until `stop`; ends with an event per probe."""
        threads = [threading.Thread(target=self._read, args=(w,), daemon=True) for w in self._watches]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + FIRST_ROUND_S
        for _ in threads:
            self._tried.acquire(timeout=max(0.0, deadline - time.monotonic()))
        self._folder.readings_dir.mkdir(mode=0o700, exist_ok=True)
        writer = ReadingsWriter(self._folder.target_readings)
        while not self._stop.wait(WRITE_EVERY_S):
            writer.add(self._waiting())
        deadline = time.monotonic() + LAST_ROUND_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        writer.add(self._waiting())
        writer.close()
        for watch in self._watches:
            self._tell(watch, writer.problems())

    def _read(self, watch: Watch) -> None:
        due_s = time.monotonic()
        while True:
            last = self._stop.wait(max(0.0, due_s - time.monotonic()))
            # What a log has got since the last look belongs to the run; the other figures do not.
            if not last or watch.probe.kind == "log":
                self._rows.put(watch.read())
                self._tried.release()
            if last:
                watch.close()
                return
            # A target that answers late is asked less often, never twice at once.
            due_s = max(due_s + watch.probe.period_s, time.monotonic())

    def _waiting(self) -> list[Reading]:
        rows: list[Reading] = []
        with contextlib.suppress(queue.Empty):
            while True:
                rows += self._rows.get_nowait()
        return rows

    def _tell(self, watch: Watch, more: list[dict[str, Any]]) -> None:
        outcome = watch.outcome
        details: dict[str, Any] = {"reads": outcome.reads, "failed": outcome.failed}
        problems = [*watch.problems(), *more]
        self._folder.add_event(
            "probe_ended", self._clock.now(), probe=watch.name, problems=problems, **details
        )


if __name__ == "__main__":
    main()
