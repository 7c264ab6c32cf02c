"""Log source: the phase log of a target, added up per second and phase.

A line counts at the moment its request began (its own time less the total), as everywhere in the suite.
Sums are exact; single lines are not kept, so a fast service costs no more than a slow one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Protocol

from recording.probes.log_lines import BrokenLineError, PhaseLine, parse_line
from recording.probes.signals import PHASE_COUNT, PHASE_MS, PHASE_OWN_MS
from recording.probes.told import Reading

LATE_S = 3.0
AHEAD_S = 0.5
"""A log whose newest line is older than that, or so far ahead of us, was written by another clock."""
MOST_PHASES = 32
"""More names than this are no phases."""


class Tail(Protocol):
    """Where lines come from."""

    skipped_bytes: int

    @property
    def too_long(self) -> int: ...

    def lines(self) -> list[bytes]: ...

    def close(self) -> None: ...


class LogSource:
    """The phases of one log."""

    def __init__(self, tail: Tail, total: str, within: Mapping[str, str]) -> None:
        self._tail = tail
        self._total = total
        self._within = within
        self._sums: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._names: set[str] = set()
        self._lags_s: list[float] = []
        self.lines = self.broken = self.phase_lines = 0

    def readings(self, now_s: float) -> list[Reading]:
        """What has been logged since the last call; raises ProbeError."""
        parsed = [line for raw in self._tail.lines() if (line := self._parsed(raw)) is not None]
        self._look_at_clock(parsed, now_s)
        for line in parsed:
            self._add(line, now_s)
        rows: list[Reading] = []
        for (second, phase), (count, spent, own) in sorted(self._sums.items()):
            middle_s = second + 0.5
            rows.append(Reading(middle_s, PHASE_COUNT, phase, count))
            rows.append(Reading(middle_s, PHASE_MS, phase, spent / count))
            rows.append(Reading(middle_s, PHASE_OWN_MS, phase, own / count))
        self._sums.clear()
        return rows

    def problems(self) -> list[str]:
        """What a reader should know of the log, a clause each."""
        found = []
        if self.broken:
            found.append(f"{self.broken} of {self.lines} lines could not be read and were left out")
        if self._tail.too_long:
            found.append(f"{self._tail.too_long} overlong lines were left out")
        if self._tail.skipped_bytes:
            found.append(
                f"it grew faster than it was read: {self._tail.skipped_bytes >> 20} MB were passed over"
            )
        if self.lines and not self.phase_lines:
            found.append(f"none of its {self.lines} lines has a field that ends with _ms")
        if self._clock_is_off():
            found.append(f"its clock differs from ours by {abs(self._lag_s):.1f} s, which was allowed for")
        return found

    def close(self) -> None:
        self._tail.close()

    def _parsed(self, raw: bytes) -> PhaseLine | None:
        if not raw.strip():
            return None
        self.lines += 1
        try:
            line = parse_line(raw.decode("utf-8"))
        except (BrokenLineError, UnicodeDecodeError):
            self.broken += 1
            return None
        self.phase_lines += line is not None
        return line

    def _look_at_clock(self, parsed: list[PhaseLine], now_s: float) -> None:
        """The newest line of all was written just now: how old it seems is how far the clocks are apart.

        The second newest, of the lines and of the looks: one line with a wrong time must not move all others.
        """
        times = sorted(line.time_s for line in parsed if line.time_s is not None)[-2:]
        if times:
            self._lags_s = sorted([*self._lags_s, now_s - times[0]])[:2]

    @property
    def _lag_s(self) -> float:
        return self._lags_s[-1] if self._lags_s else 0.0

    def _clock_is_off(self) -> bool:
        return not -AHEAD_S <= self._lag_s <= LATE_S

    def _add(self, line: PhaseLine, now_s: float) -> None:
        end_s = now_s if line.time_s is None else line.time_s
        if line.time_s is not None and self._clock_is_off():
            end_s += self._lag_s
        second = math.floor(end_s - line.phases.get(self._total, 0.0) / 1000)
        inner: dict[str, float] = defaultdict(float)
        for name, outer in self._within.items():
            inner[outer] += line.phases.get(name, 0.0)
        for name, spent_ms in line.phases.items():
            if name not in self._names and len(self._names) >= MOST_PHASES:
                continue
            self._names.add(name)
            entry = self._sums[second, phase_name(name, self._total)]
            entry[0] += 1
            entry[1] += spent_ms
            entry[2] += max(0.0, spent_ms - inner[name])


def phase_name(field: str, total: str) -> str:
    """What a phase is called: its field without the unit; the whole request is "total"."""
    return "total" if field == total else field.removesuffix("_ms")
