"""Changes that a verdict must survive: the same run in another order, window, sample or clock.

Each change takes the rows of a run and a seeded generator and gives the rows (and windows) to judge instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from analysis.classes import Judge
from analysis.drift import time_drift
from analysis.usable import bounds, usable
from analysis.windows import cut_windows, default_width
from recording.sample import Category, Samples

QUESTIONS = ("load", "temporal", "drift")


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows to judge, in windows of `width` times the usual width, moved back by `shift` of a width; `partial`
    where a run would know that requests are missing."""

    samples: Samples
    width: float = 1.0
    shift: float = 0.0
    partial: bool = False


Change = Callable[[Samples, np.random.Generator], Asked]


def answers(asked: Asked) -> tuple[str, str, str]:
    """Load effect, pattern in time and drift of all failures together."""
    rows = usable(asked.samples)
    first, last = bounds(rows.samples)
    width = default_width(last - first) * asked.width
    cut = cut_windows(rows, first - asked.shift * width, last, width)
    judge = Judge.of(rows, cut, partial=asked.partial)
    load, pattern = judge.load(rows.failed).answer, judge.temporal(rows.failed).answer
    return load, pattern, time_drift(cut).answer


def shuffled(samples: Samples, rng: np.random.Generator) -> Asked:
    """Rows in another order."""
    return Asked(samples.take(rng.permutation(len(samples))))


def nodes(count: int) -> Change:
    """The same requests recorded by several nodes."""

    def change(samples: Samples, _: np.random.Generator) -> Asked:
        names = tuple(f"worker-{i}" for i in range(count))
        return Asked(replace(samples, node=Category(worker(samples, count), names)))

    return change


def worker(samples: Samples, count: int) -> Any:
    """(n,) int32: which of `count` workers runs each row's user; users are dealt out in turn."""
    return (samples.account % count).astype(np.int32)


def renamed(samples: Samples, rng: np.random.Generator) -> Asked:
    """Other names for endpoints, other numbers for accounts. What a name says is kept: suspects read it."""
    places = rng.permutation(len(samples.endpoint.names))
    names = tuple(f"{name}-{place}" for name, place in zip(samples.endpoint.names, places, strict=True))
    numbers = rng.permutation(int(samples.account.max()) + 1).astype(np.int32)
    endpoint = Category(samples.endpoint.codes, names)
    return Asked(replace(samples, endpoint=endpoint, account=numbers[samples.account]))


def later(seconds: float) -> Change:
    """The same run on another day."""
    return lambda samples, _: Asked(replace(samples, start_s=samples.start_s + seconds))


def slower(factor: float) -> Change:
    """Every answer so many times as slow."""
    return lambda samples, _: Asked(replace(samples, duration_ms=samples.duration_ms * factor))


def windows(width: float = 1.0, shift: float = 0.0) -> Change:
    """Other windows."""
    return lambda samples, _: Asked(samples, width, shift)


def thinned(keep_one_in: int) -> Change:
    """One success in so many is kept and stands for all of them; failures are whole."""

    def change(samples: Samples, rng: np.random.Generator) -> Asked:
        ok = ~samples.is_error
        weight = np.where(ok, keep_one_in, 1).astype(np.int32)
        kept = ~ok | (rng.random(len(samples)) * keep_one_in < 1)
        return Asked(replace(samples, weight=weight).take(kept))

    return change


def rows_lost(share: float) -> Change:
    """A random share of all rows is gone."""
    return lambda samples, rng: Asked(samples.take(rng.random(len(samples)) >= share))


def worker_lost(count: int) -> Change:
    """The log of one of `count` workers is missing for the whole run."""

    def change(samples: Samples, rng: np.random.Generator) -> Asked:
        return Asked(samples.take(worker(samples, count) != rng.integers(count)), partial=True)

    return change


def worker_died(count: int) -> Change:
    """One of `count` workers dies between a fifth and four fifths of the run; its users go with it."""

    def change(samples: Samples, rng: np.random.Generator) -> Asked:
        dead = int(rng.integers(count))
        first, last = bounds(samples)
        after = samples.start_s >= first + (last - first) * rng.uniform(0.2, 0.8)
        gone = (samples.users - dead + count - 1) // count
        users = np.where(after, samples.users - gone, samples.users).astype(np.int32)
        kept = ~after | (worker(samples, count) != dead)
        return Asked(replace(samples, users=users).take(kept), partial=True)

    return change


def twice(samples: Samples, _: np.random.Generator) -> Asked:
    """The same run a second time after its end."""
    first, last = bounds(samples)
    again = replace(samples, start_s=samples.start_s + (last - first))
    columns = {column.name: _joined(samples, again, column.name) for column in fields(Samples)}
    return Asked(Samples(**columns))


def _joined(first: Samples, second: Samples, name: str) -> Any:
    one, other = getattr(first, name), getattr(second, name)
    if isinstance(one, Category):
        return Category(np.concatenate([one.codes, other.codes]), one.names)
    return np.concatenate([one, other])


SAME_VERDICT: dict[str, Change] = {
    "rows shuffled": shuffled,
    **{f"recorded by {count} nodes": nodes(count) for count in (2, 4, 8)},
    "endpoints and accounts renamed": renamed,
    "1e8 s later": later(1e8),
}
"""Nothing that is judged changes: the whole verdict must be the same but for names. (A shift by 1e9 s loses
bits of the clock, one by 1e8 s from here does not.)"""
SAME_ANSWER: dict[str, Change] = {
    "1e9 s later": later(1e9),
    "answers 10 times as slow": slower(10.0),
    **{f"windows × {width}": windows(width) for width in (0.5, 0.75, 1.25, 1.5)},
    "windows moved by half": windows(shift=0.5),
    **{f"successes 1 in {k}": thinned(k) for k in (2, 5, 10, 50)},
    "run twice": twice,
}
"""The same answer is expected."""
NEVER_OPPOSITE: dict[str, Change] = {
    "5 % of the rows lost": rows_lost(0.05),
    **{f"1 of {count} workers lost": worker_lost(count) for count in (2, 4, 8)},
    **{f"1 of {count} workers died": worker_died(count) for count in (2, 4)},
}
"""The same answer or inconclusive is expected."""
CHANGES = {**SAME_VERDICT, **SAME_ANSWER, **NEVER_OPPOSITE}
