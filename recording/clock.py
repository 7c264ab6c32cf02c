"""Clock: one wall reading plus the monotonic clock, so that a step of the wall clock moves no sample."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Epoch time derived from the monotonic clock.

    Attributes:
        wall_s: epoch seconds at the moment the clock was made.
        mono_s: monotonic seconds at the same moment.
    """

    wall_s: float
    mono_s: float

    @classmethod
    def start(cls, offset_s: float = 0.0) -> Clock:
        """Read both clocks once; `offset_s` is added to the wall clock, to tell another machine's time."""
        return cls(time.time() + offset_s, time.monotonic())

    def epoch(self, mono_s: float) -> float:
        """Epoch seconds of a monotonic reading."""
        return self.wall_s + (mono_s - self.mono_s)

    def now(self) -> float:
        """Epoch seconds now, unmoved by wall clock steps since `start`."""
        return self.epoch(time.monotonic())
