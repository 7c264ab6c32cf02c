"""Latency against load: percentiles of successes and of all requests per level, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import LineStyleType

from analysis.render import canvas, wording
from analysis.render.canvas import LOOK
from analysis.verdict import LoadLevel, Percentiles, Verdict
from analysis.windows import Windows

_STYLES: dict[str, tuple[LineStyleType, str, float]] = {
    "p99": ("-", "o", 1.6),
    "p95": ("--", "s", 1.2),
    "p50": (":", "^", 1.2),
}
"""Line, marker and width of each percentile; the view has the colour."""
_APART = 0.008
"""All requests stand this part of the load range to the right, so that no interval hides another."""


@dataclass(frozen=True, slots=True)
class _Point:
    load: float
    value: float
    low: float | None
    high: float | None

    @property
    def reach(self) -> tuple[float, float]:
        """How far its interval goes down and up; nothing where a bound is not known."""
        down = 0.0 if self.low is None else self.value - self.low
        return max(0.0, down), max(0.0, 0.0 if self.high is None else self.high - self.value)


def latency_by_load(verdict: Verdict, _: Windows) -> bytes:
    """P50, P95 and P99 per load level: successes, and all requests where any failed."""
    picture, axes = canvas.figure(_title(verdict))
    axes.set_xlabel(canvas.label(verdict.load_effect.axis))
    axes.set_ylabel("duration")
    levels = verdict.levels
    width = levels[-1].users_high - levels[0].users_low if levels else 0.0
    views = [("successes", 1, 0.0)] + ([("all requests", 0, _APART * width)] if verdict.errors else [])
    drawn: list[_Point] = []
    marks: list[Line2D | Patch] = []
    for name, colour, shift in views:
        for percentile, style in _STYLES.items():
            points = list(_points(levels, name, percentile, shift))
            if points:
                label = f"{percentile.upper()} {name}"
                marks.append(_draw(axes, points, style, LOOK.series[colour], label))
                drawn += points
    if not drawn:
        canvas.no_data(axes, "too few requests per load level")
        return canvas.png(picture)
    _scales(axes, drawn)
    canvas.legend(picture, marks, columns=len(views))
    return canvas.png(picture)


def _title(verdict: Verdict) -> str:
    """What load does to the successes, by the highest percentile that both ends have."""
    known = [level for level in verdict.levels if level.latency_ms is not None]
    axis = verdict.load_effect.axis
    for name in ("p99", "p95", "p50"):
        told = [level for level in known if _view(level, "successes", name) is not None]
        if len(told) >= 2:
            first, last = (_at(level, name) for level in (told[0], told[-1]))
            return f"{name.upper()} of successes: {first} {axis}, {last}"
    return "Latency by load"


def _at(level: LoadLevel, name: str) -> str:
    figure = getattr(_view(level, "successes", name), name)
    return f"{wording.milliseconds(figure)} at {wording.between(level.users_low, level.users_high)}"


def _view(level: LoadLevel, view: str, percentile: str) -> Percentiles | None:
    """The figures of a view if this percentile of it is known and finite."""
    if level.latency_ms is None:
        return None
    figures = level.latency_ms.ok if view == "successes" else level.latency_ms.all
    return None if getattr(figures, percentile) is None else figures


def _points(levels: list[LoadLevel], view: str, percentile: str, shift: float) -> Iterator[_Point]:
    for level in levels:
        figures = _view(level, view, percentile)
        if figures is not None:
            yield _Point(
                (level.users_low + level.users_high) / 2 + shift,
                getattr(figures, percentile),
                getattr(figures, f"{percentile}_low"),
                getattr(figures, f"{percentile}_high"),
            )


def _draw(
    axes: Axes, points: list[_Point], style: tuple[LineStyleType, str, float], colour: str, label: str
) -> Line2D:
    line, marker, width = style
    axes.errorbar(
        [point.load for point in points],
        [point.value for point in points],
        yerr=np.array([point.reach for point in points]).T,
        color=colour,
        linestyle=line,
        linewidth=width,
        marker=marker,
        markersize=4.5,
        elinewidth=1.1,
        capsize=2.5,
    )
    return Line2D(
        [], [], color=colour, linestyle=line, linewidth=width, marker=marker, markersize=4.5, label=label
    )


def _scales(axes: Axes, drawn: list[_Point]) -> None:
    low = np.array([point.value - point.reach[0] for point in drawn])
    high = np.array([point.value + point.reach[1] for point in drawn])
    canvas.duration_axis(axes, low, high)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
