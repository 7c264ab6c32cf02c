"""Gate: a verdict becomes an exit code. Never 0 when nothing was measured."""

from __future__ import annotations

from analysis.verdict import Verdict

MET, MISSED, INCOMPLETE, INVALID, NO_DATA = 0, 1, 3, 4, 6


def validity_code(verdict: Verdict) -> int:
    """0 if the run is whole and can be trusted, else 6 (nothing measured), 4 (invalid) or 3 (incomplete)."""
    if verdict.requests == 0:
        return NO_DATA
    if not verdict.quality.valid:
        return INVALID
    return MET if verdict.quality.complete else INCOMPLETE


def gate_code(verdict: Verdict) -> int:
    """`validity_code`, then 1 if a target was missed, then 6 if one could not be measured."""
    code = validity_code(verdict)
    if code != MET:
        return code
    outcomes = {result.outcome for result in verdict.slo}
    if "missed" in outcomes:
        return MISSED
    return NO_DATA if "no_data" in outcomes else MET
