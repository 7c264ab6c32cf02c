"""Evidence: everything that was found out about a run, gathered for those who weigh it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.usable import Usable
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

SEEN_SHARE = 0.1
"""A status or message with less of the failures than this does not make a suspect."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was found out, as the signals read it; `of` where it is about one kind of failure."""

    rows: Usable
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
        label = str(kind.status) if str(kind.status) in self.by_status else kind.outcome
        group = self.by_status.get(label)
        statuses = {} if group is None else {label: group.model_copy(update={"count": kind.count})}
        return replace(self, fingerprints=(kind,), by_status=statuses, of=kind)

    def own(self, pattern: str | None) -> FingerprintReport | None:
        """The largest kind of failure whose message fits a suspect's pattern, if large enough to matter; the
        one kind that all is about, if so."""
        if self.of is not None:
            return self.of
        if pattern is None:
            return None
        found = [f for f in self.fingerprints if re.search(pattern, f.message, re.IGNORECASE)]
        return found[0] if found and found[0].count >= SEEN_SHARE * self.errors else None
