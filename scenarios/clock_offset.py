"""Clock offset: how far this machine's wall clock is from the master's, measured through Locust's messages.

A worker asks what time it is, and takes the answer to stand for the middle of the wait (Cristian 1989,
"Probabilistic clock synchronization"). The error is at most half of the wait, so the shortest one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent

ASK_EVERY_S = 0.5


class ClockOffset:
    """Asks for as long as it lives."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self.wait_s = float("inf")
        self._master_less_mono_s = 0.0
        self._greenlet = gevent.spawn(self._ask_forever)

    @property
    def is_known(self) -> bool:
        """Whether an answer came."""
        return self.wait_s < float("inf")

    @property
    def offset_s(self) -> float:
        """What is to be added to the wall clock, which may have been set since the answer came."""
        return self._master_less_mono_s - (time.time() - time.monotonic()) if self.is_known else 0.0

    def answered(self, answer: Mapping[str, Any]) -> None:
        """Take an answer: what was asked, and the master's time."""
        wait_s = time.monotonic() - float(answer["asked_mono_s"])
        if 0 <= wait_s < self.wait_s:
            self.wait_s = wait_s
            self._master_less_mono_s = float(answer["master_s"]) - (time.monotonic() - wait_s / 2)

    def _ask_forever(self) -> None:
        while True:
            self._send({"asked_mono_s": time.monotonic()})
            gevent.sleep(ASK_EVERY_S)


def answer(question: Mapping[str, Any], master_s: float) -> dict[str, Any]:
    """The master's answer to a question."""
    return {"asked_mono_s": question["asked_mono_s"], "master_s": master_s}
