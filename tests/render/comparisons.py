"""Comparisons and regression runs of each kind, made by hand for what is said about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from analysis.comparison.judge import compare
from analysis.comparison.report import Comparison
from analysis.comparison.seen import seen
from analysis.diagnose import diagnose
from analysis.intervals import share_interval
from analysis.trend.entry import KIND, TITLES, Entry, Figure
from analysis.trend.judge import regression
from analysis.trend.report import Regression
from analysis.verdict import Verdict
from recording.run import Run
from tests.analysis.run_builder import by_load, make_run, make_samples

MANIFEST = {"scenario": {"name": "steps", "hash": "a"}, "target": {"name": "lab"}, "host": {"cores": 2}}


def _run(name: str, manifest: dict[str, object] = MANIFEST, **known: object) -> Run:
    return make_run(id=name, manifest=manifest, **known)  # type: ignore[arg-type]


def _compared(base: Sequence[Run], new: Sequence[Run]) -> Comparison:
    return compare([seen(run) for run in base], [seen(run) for run in new])


def _better() -> Comparison:
    return _compared(
        [_run("before", errors=0.42, ok_ms=9000.0, seed=1)],
        [_run("after", errors=0.166, ok_ms=400.0, seed=2)],
    )


def _worse() -> Comparison:
    rising = by_load(lambda users: 0.02 * users)
    return _compared([_run("before", seed=1)], [_run("after", errors=rising, seed=2, status=503)])


def _same() -> Comparison:
    sides = [[_run(f"{side}{i}", errors=0.02, seed=10 * side + i) for i in range(6)] for side in (1, 2)]
    return _compared(*sides)


def _cannot_tell() -> Comparison:
    few = {"users": [2, 6], "step_s": 10.0, "per_user_s": 0.8}
    return _compared([_run("before", errors=0.1, seed=1, **few)], [_run("after", errors=0.1, seed=3, **few)])


def _unlike() -> Comparison:
    other = {**MANIFEST, "host": {"cores": 8}}
    return _compared([_run("before", seed=1)], [_run("after", manifest=other, ok_ms=500.0, seed=2)])


def _no_level_in_common() -> Comparison:
    return _compared([_run("before", users=[2, 6] * 4, seed=1)], [_run("after", users=[3, 9] * 4, seed=2)])


def _no_requests() -> Comparison:
    empty = replace(_run("before"), samples=make_samples(start_s=np.zeros(0)))
    return _compared([empty], [_run("after", seed=2)])


@cache
def comparison(name: str) -> Comparison:
    """One of `COMPARISONS`; made once, since several tests look at each."""
    return COMPARISONS[name]()


COMPARISONS: dict[str, Callable[[], Comparison]] = {
    "better": _better,
    "worse": _worse,
    "same": _same,
    "cannot-tell": _cannot_tell,
    "unlike": _unlike,
    "no-level-in-common": _no_level_in_common,
    "no-requests": _no_requests,
}


def entry(place: int, failed: int = 20, slower: float = 1.0, **known: object) -> Entry:
    """A run of 2,000 requests; `slower` multiplies its durations."""
    low, high = share_interval(failed, 2000)
    share = {"unit": "share", "value": failed / 2000, "low": low, "high": high, "n": 2000}
    kind = KIND + "503 lock timeout"
    figures = {
        "error_rate": Figure.model_validate({"name": "error_rate", "title": "Error rate", **share}),
        kind: Figure.model_validate({"name": kind, "title": "503 lock timeout", **share}),
    }
    for name, value in (("p99_all", 400.0), ("p50_ok", 100.0)):
        ms = value * slower * (1 + 0.05 * np.sin(7.0 * place + value))
        figures[name] = Figure(name=name, title=TITLES[name][0], unit="ms", value=float(ms), n=2000)
    values = {
        "run_id": f"202601{place + 1:02}T020000Z-steps",
        "scenario": "steps",
        "likeness": {"scenario": "steps", "generator's cores": "2"},
        "started_utc": f"2026-01-{place + 1:02}T02:00:00Z",
        "target_commit": f"c0ffee{place:02}",
        "exit_code": 0,
        "whole": True,
        "requests": 2000,
        "errors": failed,
        "sentence": "Errors do not depend on load.",
        "figures": figures,
    }
    return Entry.model_validate({**values, **known})


def _nights(count: int, first: int = 0, **known: object) -> list[Entry]:
    return [entry(place, **known) for place in range(first, first + count)]  # type: ignore[arg-type]


REGRESSIONS: dict[str, Callable[[], list[Entry]]] = {
    "first": lambda: _nights(1),
    "same": lambda: _nights(9),
    "worse": lambda: [*_nights(9), entry(9, 160)],
    "slower": lambda: [*_nights(9), *_nights(1, 9, slower=2.0)],
    "still-there": lambda: [*_nights(9), *_nights(4, 9, slower=2.0)],
    "better-again": lambda: [*_nights(9), *_nights(4, 9, slower=2.0), entry(13)],
    "doubtful": lambda: [*_nights(9), entry(9, slower=1.4)],
    "pinned": lambda: [*_nights(4, pinned=True), *_nights(6, 4, slower=2.0)],
    "not-judged": lambda: [*_nights(9), entry(9, whole=False, exit_code=3, figures={})],
    "other-machine": lambda: [
        *_nights(9),
        entry(9, likeness={"scenario": "steps", "generator's cores": "8"}),
    ],
}


def night(name: str) -> tuple[Regression, Verdict]:
    """The newest run of a history, and a verdict to go with it."""
    return regression(REGRESSIONS[name]()), diagnose(_run("night", errors=0.01, seed=4))
