"""Evidence: everything that was found out about a run, gathered for those who weigh it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.attribution import label_of
from analysis.conditions import gathered
from analysis.levels import Levels
from analysis.usable import Ints, Usable, sums
from analysis.verdict import (
    Concentration,
    FingerprintReport,
    Freeze,
    LatencyMs,
    LoadEffect,
    LoadLevel,
    Quality,
    Server,
    StatusClass,
    Temporal,
    TimeDrift,
)
from recording.sample import Category, picked

SEEN_SHARE = 0.1
"""A status or message with less of the failures than this does not make a suspect."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was found out, as the signals read it; `of` where it is about one kind of failure.

    `failing` are the rows of each kind by its id, `by_endpoint` failures and requests of each endpoint.
    """

    rows: Usable
    duration_s: float
    cut: Levels
    failing: Mapping[str, Ints]
    by_endpoint: Mapping[str, tuple[int, int]]
    levels: Sequence[LoadLevel]
    load: LoadEffect
    temporal: Temporal
    drift: TimeDrift
    fingerprints: Sequence[FingerprintReport]
    by_status: dict[str, StatusClass]
    concentration: Sequence[Concentration]
    freezes: Sequence[Freeze]
    stalls: Sequence[Freeze]
    latency: LatencyMs
    quality: Quality
    server: Server | None = None
    target: str | None = None
    of: FingerprintReport | None = None

    @property
    def errors(self) -> int:
        """Failures in all, or of the one kind."""
        return self.rows.errors if self.of is None else self.of.count

    def about(self, kind: FingerprintReport) -> Evidence:
        """The same about one kind of failure alone: no other speaks for or against anybody."""
        label = label_of(kind, self.by_status)
        group = self.by_status.get(label)
        statuses = {} if group is None else {label: group.model_copy(update={"count": kind.count})}
        own = self.failing[kind.id]
        struck = np.zeros(len(self.rows.samples), np.bool_)
        struck[own] = True
        rows = replace(self.rows, failed=struck, errors=kind.count)
        failures = requests_at(rows, own)
        return replace(
            self,
            rows=rows,
            fingerprints=(kind,),
            by_status=statuses,
            by_endpoint={name: (failures[name], n) for name, (_, n) in self.by_endpoint.items()},
            # Where nothing is concentrated in the run, it is not asked again for each kind: that takes long.
            concentration=gathered(rows, self.cut) if self.concentration else (),
            of=kind,
        )

    def own(self, pattern: str | None) -> FingerprintReport | None:
        """The largest kind of failure whose message fits a suspect's pattern, if large enough to matter; the
        one kind that all is about, if so."""
        if self.of is not None:
            return self.of
        if pattern is None:
            return None
        found = [f for f in self.fingerprints if re.search(pattern, f.message, re.IGNORECASE)]
        return found[0] if found and found[0].count >= SEEN_SHARE * self.errors else None


def endpoint_counts(rows: Usable) -> dict[str, tuple[int, int]]:
    """Failures and requests of each endpoint."""
    failures = requests_at(rows, np.flatnonzero(rows.failed))
    requests = _by_endpoint(rows.samples.endpoint, rows.weight)
    return {name: (failures[name], requests[name]) for name in rows.samples.endpoint.names}


def requests_at(rows: Usable, chosen: Ints) -> dict[str, int]:
    """Requests of each endpoint among the chosen rows."""
    return _by_endpoint(rows.samples.endpoint.take(chosen), picked(rows.weight, chosen))


def _by_endpoint(endpoint: Category, weight: Ints) -> dict[str, int]:
    counts = sums(endpoint.codes, weight, len(endpoint.names))
    return {name: round(count) for name, count in zip(endpoint.names, counts.tolist(), strict=True)}
