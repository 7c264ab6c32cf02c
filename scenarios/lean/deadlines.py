"""Deadlines: one timer for all links of a process, in place of one per request.

A deadline moves with every packet and is hardly ever reached. So a link is put on the list once, is looked at
when the deadline it had then has passed, and is put on again if it has got another one since.
"""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import gevent

TICK_S = 0.01
"""Deadlines are noticed this late at most, in a process that is not overloaded."""


class Watched(Protocol):
    """What can be watched.

    Attributes:
        deadline_s: monotonic seconds; only counts while somebody waits.
        look_s: when it will be looked at; infinite while it is on no list.
    """

    deadline_s: float
    look_s: float

    @property
    def is_waiting(self) -> bool:
        """Whether somebody waits for it."""

    def expire(self) -> None:
        """Wake whoever waits."""


class Deadlines:
    """The deadlines of one process's links."""

    def __init__(self) -> None:
        self._slots: dict[int, list[tuple[float, Watched]]] = {}
        self._seen = int(time.monotonic() / TICK_S)
        self._timer: Any = gevent.get_hub().loop.timer(TICK_S, TICK_S, ref=False)
        self._timer.start(self._tick)

    def watch(self, link: Watched) -> None:
        """Look at a link once its present deadline has passed."""
        link.look_s = link.deadline_s
        slot = max(int(link.deadline_s / TICK_S), self._seen) + 1
        self._slots.setdefault(slot, []).append((link.look_s, link))

    def close(self) -> None:
        """Stop looking."""
        self._timer.stop()
        self._timer.close()
        self._slots.clear()

    def _tick(self) -> None:
        now = time.monotonic()
        last = int(now / TICK_S)
        for slot in range(self._seen + 1, last + 1):
            self._seen = slot
            for look_s, link in self._slots.pop(slot, ()):
                if link.look_s == look_s:
                    self._look(link, now)
        self._seen = last

    def _look(self, link: Watched, now: float) -> None:
        link.look_s = math.inf
        if not link.is_waiting:
            return
        if link.deadline_s <= now:
            link.expire()
        else:
            self.watch(link)
