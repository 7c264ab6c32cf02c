"""At level: what a run, a phase and a figure of the target were at the same level of load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from analysis.verdict import LoadLevel, PhaseLevel, Server, ServerLevel

L = TypeVar("L", PhaseLevel, ServerLevel)

LEAST_REQUESTS = 30
"""Of a level, to say something about it."""


def ok_per_s(level: LoadLevel) -> float | None:
    """Successes a second; None where the rate is not known."""
    if level.rate_per_s is None or level.error_rate.value is None:
        return None
    return level.rate_per_s * (1 - level.error_rate.value)


def passed_per_s(at: PhaseLevel, level: LoadLevel) -> float:
    """How often a second requests passed a phase."""
    return (at.own_ms.n or 0) * (level.rate_per_s or 0.0) / max(level.requests, 1)


def matched(levels: Sequence[LoadLevel], rows: Sequence[L]) -> list[tuple[LoadLevel, L]]:
    """Levels of the run with what was read there, the lowest first."""
    here = {(row.users_low, row.users_high): row for row in rows}
    pairs = ((level, here.get((level.users_low, level.users_high))) for level in levels)
    return [(level, row) for level, row in pairs if row is not None]


def phase_levels(server: Server | None, name: str) -> Sequence[PhaseLevel]:
    """A phase at every level; nothing if it was not logged."""
    return next((phase.levels for phase in (server.phases if server else ()) if phase.name == name), ())


def figure_levels(server: Server | None, signal: str) -> list[tuple[str, Sequence[ServerLevel]]]:
    """A figure at every level, of each probe that read it."""
    figures = server.figures if server else ()
    return [(figure.probe, figure.levels) for figure in figures if figure.signal == signal]
