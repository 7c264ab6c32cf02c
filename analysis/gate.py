"""Gate: a verdict becomes an exit code. Never 0 when nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from analysis.verdict import SloOutcome

MET, MISSED, INCOMPLETE, INVALID, NO_DATA = 0, 1, 3, 4, 6
WORDS: dict[int, Literal["met", "missed", "incomplete", "invalid", "no_data"]] = {
    MET: "met",
    MISSED: "missed",
    INCOMPLETE: "incomplete",
    INVALID: "invalid",
    NO_DATA: "no_data",
}
"""The exit codes in a word each."""


class Trusted(Protocol):
    """Whether a run can be trusted, and is whole."""

    @property
    def valid(self) -> bool:
        """Whether the load generator kept up."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""


class Answered(Protocol):
    """A target that was judged."""

    @property
    def outcome(self) -> SloOutcome:
        """What came of it."""


class Gated(Protocol):
    """As much of a verdict as the gate needs."""

    @property
    def requests(self) -> int:
        """How many were measured."""

    @property
    def quality(self) -> Trusted:
        """Of the measurement."""

    @property
    def slo(self) -> Sequence[Answered]:
        """Every target."""


def validity_code(verdict: Gated) -> int:
    """0 if the run is whole and can be trusted, else 6 (nothing measured), 4 (invalid) or 3 (incomplete)."""
    if verdict.requests == 0:
        return NO_DATA
    if not verdict.quality.valid:
        return INVALID
    return MET if verdict.quality.complete else INCOMPLETE


def gate_code(verdict: Gated) -> int:
    """`validity_code`, then 1 if a target was missed, then 6 if one could not be measured."""
    code = validity_code(verdict)
    if code != MET:
        return code
    outcomes = {result.outcome for result in verdict.slo}
    if "missed" in outcomes:
        return MISSED
    return NO_DATA if "no_data" in outcomes else MET
