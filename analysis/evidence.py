"""Evidence: everything that was found out about a run, gathered for those who weigh it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Everything that was found out, as the signals read it."""

    rows: Usable
    levels: Sequence[LoadLevel]
    load: LoadEffect
    temporal: Temporal
    drift: TimeDrift
    fingerprints: Sequence[FingerprintReport]
    by_status: dict[str, StatusClass]
    concentration: Sequence[Concentration]
    freezes: Sequence[Freeze]
    latency: LatencyMs
    quality: Quality
    server: Server | None = None

    @property
    def errors(self) -> int:
        """Failures in all."""
        return self.rows.errors

    def own(self, pattern: str | None) -> FingerprintReport | None:
        """The largest kind of failure whose message fits a suspect's pattern, if large enough to matter."""
        if pattern is None:
            return None
        found = [f for f in self.fingerprints if re.search(pattern, f.message, re.IGNORECASE)]
        return found[0] if found and found[0].count >= SEEN_SHARE * self.errors else None
