"""Entry: what the history keeps of one run. Small, and enough to tell whether a later run is worse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from operator import methodcaller

from pydantic import Field

from analysis.comparison.report import Unit
from analysis.comparison.seen import Seen, likeness
from analysis.ended_early import CODES
from analysis.experiment.effects import Count, burst_effect
from analysis.gate import MET, validity_code
from analysis.intervals import share_interval
from analysis.verdict import Model, Percentiles

KIND = "kind:"
"""Prefix of the figure of one kind of failure; its fingerprint follows."""
MOST_KINDS = 20


class Figure(Model):
    """One figure of a run, with its 95 % interval where it has one. `unit` is that of the three."""

    name: str
    title: str
    unit: Unit
    value: float
    low: float | None = None
    high: float | None = None
    n: int


class Entry(Model):
    """One run in the history.

    Attributes:
        likeness: what runs must have in common to stand in one series: scenario, target, client, generator.
        target_commit: of the service that was tested, where it was told.
        exit_code: of the gate.
        whole: whether the run went through its plan and its generator is valid; only such runs are compared.
        pinned: part of the baseline, and never pruned.
        repeats: the first run of its night, where it was made at once after it because of doubts.
    """

    run_id: str
    scenario: str
    target: str | None = None
    likeness: dict[str, str] = Field(default_factory=dict)
    started_utc: str
    target_commit: str | None = None
    exit_code: int
    whole: bool
    requests: int
    errors: int
    sentence: str
    pinned: bool = False
    repeats: str | None = None
    figures: dict[str, Figure] = Field(default_factory=dict)

    @property
    def series(self) -> str:
        """The series it belongs to: a short name for the scenario and everything else that must be alike."""
        text = json.dumps(self.likeness, sort_keys=True)
        return f"{self.scenario}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def night(self) -> str:
        """The night that it belongs to, by its first run: what one scheduled call made is judged together."""
        return self.repeats or self.run_id


def entry_of(seen: Seen, code: int, target_commit: str | None = None, repeats: str | None = None) -> Entry:
    """What is kept of a run.

    Args:
        seen: the run.
        code: of its gate.
        target_commit: of the service that was tested, where it is known.
        repeats: the first run of its night, if it is another one.
    """
    verdict = seen.verdict
    ended_early = any(finding.code in CODES for finding in verdict.quality.findings)
    whole = validity_code(verdict) == MET and not ended_early
    return Entry(
        run_id=verdict.run_id,
        scenario=verdict.scenario or verdict.source,
        target=verdict.target,
        likeness=likeness(seen.run),
        started_utc=verdict.started_utc or "",
        target_commit=target_commit,
        exit_code=code,
        whole=whole,
        requests=verdict.requests,
        errors=verdict.errors,
        sentence=verdict.sentence,
        repeats=repeats,
        figures={figure.name: figure for figure in _figures(seen)} if whole else {},
    )


TITLES: dict[str, tuple[str, Unit]] = {
    "error_rate": ("Error rate", "share"),
    "p99_all": ("P99 of all", "ms"),
    "p50_ok": ("P50 of successes", "ms"),
}
"""The figures that every series has, in the order in which they are told."""


def _figures(seen: Seen) -> Iterator[Figure]:
    lacks = set(seen.verdict.lacks)
    if "failed_requests" not in lacks:
        yield from _shares(seen)
    if "durations" not in lacks:
        times = seen.verdict.latency_ms
        yield from _percentile("p50_ok", times.ok, "p50")
        yield from _percentile("p99_all", times.all, "p99")


def _shares(seen: Seen) -> Iterator[Figure]:
    """Error rate, and the share of each kind of failure; bursts count as few requests."""
    yield _share("error_rate", *TITLES["error_rate"], seen, lambda arm: arm.errors)
    kinds = sorted(seen.whole.by_class.items(), key=lambda kind: (-int(kind[1].sum()), kind[0]))
    for name, _ in kinds[:MOST_KINDS]:
        yield _share(KIND + name, name, "share", seen, methodcaller("of_class", name))


def _share(name: str, title: str, unit: Unit, seen: Seen, count: Count) -> Figure:
    requests, errors = int(seen.whole.requests.sum()), int(count(seen.whole).sum())
    effect = burst_effect(list(seen.levels.values()) or [seen.whole], count)
    low, high = share_interval(errors / effect, requests / effect)
    return Figure(name=name, title=title, unit=unit, value=errors / requests, low=low, high=high, n=requests)


def _percentile(name: str, of: Percentiles, which: str) -> Iterator[Figure]:
    value = getattr(of, which)
    if value is not None and value > 0:
        title, unit = TITLES[name]
        low, high = getattr(of, f"{which}_low"), getattr(of, f"{which}_high")
        yield Figure(name=name, title=title, unit=unit, value=value, low=low, high=high, n=of.n)
