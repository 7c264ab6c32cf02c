"""Processor: how much of a core this process used, and how much more it would have used had it been given it.

A load generator that waits for its core measures the wait as the target's latency, and looks idle to whoever
asks only what it used.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

WAITED = Path("/proc/self/schedstat")
"""Of the main thread, which is the one that sends and receives: nanoseconds it ran, nanoseconds it was ready
to run and did not, turns it got. Linux only (Documentation/scheduler/sched-stats.rst)."""


class Processor:
    """Percent of a core, from one look to the next."""

    def __init__(self) -> None:
        self._seen = _seen()

    def look(self) -> dict[str, float]:
        """What was used since the last look (`cpu_percent`, all threads) and, where the system tells it, what
        was waited for (`cpu_wait_percent`)."""
        before, self._seen = self._seen, _seen()
        took_s = max(self._seen["at"] - before["at"], 1e-9)
        return {
            name: round(100 * (self._seen[of] - before[of]) / took_s, 1)
            for of, name in _NAMES.items()
            if of in before and of in self._seen
        }


_NAMES = {"used": "cpu_percent", "waited": "cpu_wait_percent"}


def _seen() -> dict[str, float]:
    """Seconds until now: of the monotonic clock, used, and waited."""
    seen = {"at": time.monotonic(), "used": time.process_time()}
    with suppress(OSError, ValueError, IndexError):
        seen["waited"] = int(WAITED.read_text().split()[1]) / 1e9
    return seen
