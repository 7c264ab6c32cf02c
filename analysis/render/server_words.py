"""What the target told about itself, in words and rows: the same on terminal, page and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from analysis.render import answers, wording
from analysis.verdict import Phase, PhaseLevel, ServerLevel, Verdict

L = TypeVar("L", PhaseLevel, ServerLevel)

PHASE_HEADS = ("Phase", "With load", "Share of the time", "Change (95 %)")
"""The change is that from the lowest load to the highest; its intervals hold for all phases at once."""
FIGURE_HEADS = ("Figure", "Probe")
_MOST_LEVELS = 5


class Cell(NamedTuple):
    """A figure, and what stands small below it on the page."""

    value: str
    interval: str


def cells(row: list[str]) -> list[Cell]:
    """The figures of a row, behind its two words."""
    parts = (text.partition(" (") for text in row[2:])
    return [Cell(value, rest.removesuffix(")")) for value, _, rest in parts]


def phases_line(verdict: Verdict) -> str:
    """Which phase grows, in a sentence; "" without a phase log."""
    return wording.clean(verdict.server.phases_text, 400) if verdict.server else ""


def alt(verdict: Verdict) -> str:
    """What the picture of the phases shows, for those who do not see it."""
    return f"Time of each phase against load: {phases_line(verdict)}"


def limit_lines(verdict: Verdict) -> list[str]:
    """What was used up, those that lead to errors first; else that nothing was."""
    limits = verdict.server.limits if verdict.server else []
    return [wording.clean(limit.text, 300) for limit in limits]


def used_up(verdict: Verdict) -> str:
    """The resource that was used up when errors came, or any that was; "" if none was."""
    limits = [limit for limit in verdict.server.limits if limit.at_limit] if verdict.server else []
    return wording.clean(limits[0].text, 300) if limits else ""


def phase_heads(verdict: Verdict) -> list[str]:
    """Heads of the table of phases: the mean time at each level in the end."""
    axis = wording.clean(verdict.load_effect.axis, 20)
    return [*PHASE_HEADS, *(f"at {name} {axis}" for name in level_names(verdict))]


def phase_rows(verdict: Verdict) -> list[list[str]]:
    """A row per phase: own time, in which no other phase lies."""
    if verdict.server is None:
        return []
    names = level_names(verdict)
    return [[*_phase_head(phase), *_phase_levels(phase, names)] for phase in verdict.server.phases]


def level_names(verdict: Verdict) -> list[str]:
    """The levels that have a column, evenly picked where there are many."""
    names = [wording.between(level.users_low, level.users_high) for level in verdict.levels]
    if len(names) <= _MOST_LEVELS:
        return names
    return [names[round(i * (len(names) - 1) / (_MOST_LEVELS - 1))] for i in range(_MOST_LEVELS)]


def figure_rows(verdict: Verdict) -> list[list[str]]:
    """A row per figure of the target: mean and most at each level."""
    if verdict.server is None:
        return []
    names = level_names(verdict)
    rows = []
    for figure in verdict.server.figures:
        if figure.signal == "region":
            rows.append(["region", wording.clean(figure.probe, 40), *([""] * len(names))])
            continue
        cells = [_mean_and_most(level) for level in _at(figure.levels, names)]
        rows.append([figure.signal, wording.clean(figure.probe, 40), *cells])
    return rows


def figure_heads(verdict: Verdict) -> list[str]:
    """Heads of that table."""
    axis = wording.clean(verdict.load_effect.axis, 20)
    return [*FIGURE_HEADS, *(f"at {name} {axis}" for name in level_names(verdict))]


def _phase_head(phase: Phase) -> list[str]:
    change = wording.UNKNOWN
    if phase.change_ms is not None:
        bounds = "" if phase.low is None else f" ({_signed(phase.low)} to {_signed(phase.high)})"
        change = f"{_signed(phase.change_ms)} ms{bounds}"
    share = wording.percent(phase.share) if phase.share is not None else wording.UNKNOWN
    name = "whole request" if phase.name == "total" else wording.clean(phase.name, 40)
    return [name, answers.PHASE[phase.with_load], share, change]


def _phase_levels(phase: Phase, names: list[str]) -> list[str]:
    return [
        wording.UNKNOWN
        if level is None
        else wording.milliseconds_within(level.own_ms.value, level.own_ms.low, level.own_ms.high)
        for level in _at(phase.levels, names)
    ]


def _at(levels: Sequence[L], names: list[str]) -> list[L | None]:
    """The level of each name; None where it is not there."""
    by_name = {wording.between(level.users_low, level.users_high): level for level in levels}
    return [by_name.get(name) for name in names]


def _signed(value: float | None) -> str:
    if value is None:
        return wording.UNKNOWN
    text = f"{value:+,.0f}" if abs(value) >= 10 else f"{value:+.1f}"
    return "0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _mean_and_most(level: ServerLevel | None) -> str:
    if level is None:
        return wording.UNKNOWN
    mean, most = _plain(level.mean), _plain(level.max)
    return mean if mean == most else f"{mean} (most {most})"


def _plain(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return wording.count(value)
    return f"{value:.3g}"
