"""Alike: where many more requests fail than before, or many fewer, a P99 of all is not held against that.

A quick failure is no good answer. Where half of the requests were refused in 3 ms, answers of 150 ms are a
repair, and where all are, no service has become quicker. What P50 of successes shows, it shows all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.trend.entry import Entry
from analysis.trend.step import Step, step
from analysis.trend.watch import BASE_NIGHTS, Walk, nights

OF_ALL, ERRORS = "p99_all", "error_rate"
MOVES_P99 = 0.01
"""So many requests lie beyond a P99 of all: where the share of failures moves by more, that moves it."""
SURE = 0.025
"""One-sided: so rare by chance is the move of the error rate."""


def of_like(ways: Sequence[Walk], whole: Sequence[Entry]) -> list[Walk]:
    """The walks, without steps of the P99 of all that go against the error rate."""
    return [_of_like(way, whole) if way.name == OF_ALL else way for way in ways]


def _of_like(way: Walk, whole: Sequence[Entry]) -> Walk:
    begins = [0, *(shift.begins for shift in way.shifts)]
    kept = [
        shift
        for start, shift in zip(begins, way.shifts, strict=False)
        if not _mixes(shift.step, whole, range(start, shift.begins), range(shift.begins, shift.found + 1))
    ]
    firsts = [night.places[0] for night in nights(way.name, whole)]
    mixed = any(_newest_mix(seen, whole, begins, firsts[-seen.nights_new]) for seen in way.looks)
    looks = [] if mixed else way.looks
    return replace(way, shifts=kept, looks=looks)


def _newest_mix(seen: Step, whole: Sequence[Entry], begins: Sequence[int], first: int) -> bool:
    """Whether the newest nights, from run `first` on, go against the error rate of the level before them."""
    level = max((place for place in begins if place < first), default=0)
    return _mixes(seen, whole, range(level, first), range(first, len(whole)))


def mixes(name: str, seen: Step, whole: Sequence[Entry], base: Sequence[int], new: Sequence[int]) -> bool:
    """Whether a step goes against the error rate.

    Args:
        name: of the figure.
        seen: its step.
        whole: the series.
        base, new: places of the runs of both levels.
    """
    return name == OF_ALL and _mixes(seen, whole, base, new)


def _mixes(seen: Step, whole: Sequence[Entry], base: Sequence[int], new: Sequence[int]) -> bool:
    before, after = ([one.night for one in nights(ERRORS, whole, places)] for places in (base, new))
    if not before or not after:
        return False
    rate = step(before[-BASE_NIGHTS:], after)
    moved = abs(rate.new - rate.base) > MOVES_P99 and rate.p_value < SURE
    return moved and rate.worse != seen.worse
