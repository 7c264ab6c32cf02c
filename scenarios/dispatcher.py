"""Dispatcher: hands the arrivals of an open load to idle users, and counts each of them.

Locust's users are the pool: as many as may be in flight, all of them there before the first arrival. An
arrival that finds everybody at work is skipped and counted; it is never held back until somebody is free, for
that would be a closed load in disguise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
from gevent.queue import Empty, SimpleQueue

from recording.sample import LATE_MS


class Dispatcher:
    """One process's part of an open load. Always: due = sent + skipped + waiting, and in the
    end nothing waits.

    Attributes:
        due: arrivals whose moment has come.
        sent: those that a user began to send.
        late: those of them sent more than `LATE_MS` after their moment.
        at_work: users that are busy with an arrival.
    """

    def __init__(
        self, due_s: Iterator[float], most_at_work: Callable[[], int], elapsed_s: Callable[[], float]
    ) -> None:
        self._due_s = due_s
        self._next_s = next(due_s, None)
        self._most_at_work = most_at_work
        self._elapsed_s = elapsed_s
        self._waiting: SimpleQueue[float] = SimpleQueue()
        self._greenlet: gevent.Greenlet | None = None
        self.due = self.sent = self.late = self.at_work = 0

    @property
    def skipped(self) -> int:
        """Arrivals that were not sent and will not be."""
        return self.due - self.sent - int(self._waiting.qsize())

    def start(self) -> None:
        """Begin to hand out arrivals when they are due."""
        self._greenlet = gevent.spawn(self._hand_out)

    def stop(self) -> None:
        """Hand out no more; what was due by now and did not get its turn is skipped."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        now_s = self._elapsed_s()
        while self._next_s is not None and self._next_s <= now_s:
            self._note_due()
        self._next_s = None
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def take(self, limit_s: float) -> float | None:
        """For an idle user: the moment of an arrival that waits, or None when none came within the limit."""
        try:
            due_s: float = self._waiting.get(timeout=limit_s)
        except Empty:
            return None
        return due_s

    def begin(self, due_s: float) -> float:
        """Note that an arrival is sent right now; returns its delay in milliseconds."""
        delay_ms = max(0.0, self._elapsed_s() - due_s) * 1000
        self.sent += 1
        self.late += delay_ms > LATE_MS
        return delay_ms

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        return {
            "arrivals_due": self.due,
            "arrivals_sent": self.sent,
            "arrivals_skipped": self.skipped,
            "arrivals_late": self.late,
        }

    def _note_due(self) -> float:
        due_s = self._next_s
        assert due_s is not None
        self.due += 1
        self._next_s = next(self._due_s, None)
        return due_s

    def _hand_out(self) -> None:
        while self._next_s is not None:
            # Sleeps even when it is behind, so that users get their turn to send.
            gevent.sleep(max(0.0, self._next_s - self._elapsed_s()))
            due_s = self._note_due()
            if self.at_work + self._waiting.qsize() < self._most_at_work():
                self._waiting.put(due_s)
