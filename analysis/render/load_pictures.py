"""Pictures of the error rate against load: all failures together, and class by class.

Curves and bands come from the verdict (`analysis.fitted`); nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator

from analysis.render import answers, canvas, wording
from analysis.render.canvas import LOOK
from analysis.sentence import where
from analysis.verdict import ClassRates, FittedPoint, LoadLevel, Verdict
from analysis.windows import Windows

_KNEE_STRIP = 0.025
"""The knee's interval is a strip at the foot of the picture: over its whole height it would hide the band."""
_TICKS_APART = 0.06
_DODGE = 0.012
"""Classes stand beside each other at a level, so many of the load range apart."""


def error_rate_by_load(verdict: Verdict, windows: Windows) -> bytes:
    """Error rate per load level with intervals, the windows as faint dots, and the fitted line or knee."""
    load = verdict.load_effect
    titles = {
        "rises": f"Errors rise with load: {answers.load_range(verdict)}",
        "falls": f"Errors fall with load: {answers.load_range(verdict)}",
        "constant": "The error rate is the same at every load",
        "inconclusive": "Does load matter? This run cannot tell",
    }
    title = titles[load.answer] if verdict.errors or not verdict.requests else "No errors at any load"
    picture, axes = canvas.figure(title)
    axes.set_xlabel(canvas.label(load.axis))
    axes.set_ylabel("error rate")
    _load_ticks(axes, verdict.levels)
    if not len(windows) or not windows.requests.sum():
        canvas.no_data(axes)
        return canvas.png(picture)
    limit = next(iter(answers.limits(verdict, "error_rate")), None)
    top = _top_rate(verdict, windows, limit)
    canvas.percent_axis(axes, top)
    marks = [_dots(axes, windows, top), *_levels(axes, verdict), *_fit(axes, verdict)]
    if limit is not None:
        axes.axhline(limit, color=LOOK.ink, linewidth=1, linestyle=(0, (1, 2)))
        name = f"target: under {wording.percent(limit)}"
        marks.append(Line2D([], [], color=LOOK.ink, linewidth=1, linestyle=(0, (1, 2)), label=name))
    canvas.legend(picture, marks, columns=2)
    return canvas.png(picture)


def error_rate_by_class(verdict: Verdict, _: Windows) -> bytes:
    """The most frequent classes by load level, each with its line and band: one rises where another stays."""
    classes = verdict.class_rates
    says = {row.name: answers.LOAD[row.load_effect] for row in classes}
    title = ", ".join(f"{answers.status_short(row.name)} {says[row.name]}" for row in classes[:3])
    picture, axes = canvas.figure(title)
    axes.set_xlabel(canvas.label(verdict.load_effect.axis))
    axes.set_ylabel("share of all requests")
    _load_ticks(axes, verdict.levels)
    canvas.percent_axis(axes, _top_of_classes(classes))
    reach = max((level.users_high for level in classes[0].levels), default=1.0)
    marks: list[Line2D | Patch] = []
    for number, (row, colour) in enumerate(zip(classes, LOOK.series, strict=False)):
        _curve(axes, row.fitted, colour, band=0.12)
        shift = (number - (len(classes) - 1) / 2) * _DODGE * reach
        _class_levels(axes, row, shift, colour)
        name = canvas.label(f"{answers.status_name(row.name)}: {says[row.name]}")
        marks.append(Line2D([], [], color=colour, marker="o", markersize=5, linewidth=1.8, label=name))
    canvas.legend(picture, marks, columns=1 if len(marks) < 3 else 2)
    return canvas.png(picture)


def _class_levels(axes: Axes, row: ClassRates, shift: float, colour: str) -> None:
    middle = np.array([(level.users_low + level.users_high) / 2 for level in row.levels]) + shift
    rates = np.array([level.error_rate.value or 0.0 for level in row.levels])
    low = np.array([level.error_rate.low or 0.0 for level in row.levels])
    high = np.array([level.error_rate.high or 0.0 for level in row.levels])
    axes.vlines(middle, low, np.maximum(low, high), color=colour, linewidth=1.4, alpha=0.75, zorder=4)
    axes.plot(middle, rates, "o", color=colour, markersize=5, markeredgewidth=0, zorder=5)


def _top_of_classes(classes: Sequence[ClassRates]) -> float:
    rates = [level.error_rate.high or 0.0 for row in classes for level in row.levels if level.error_rate.n]
    points = [point.rate for row in classes for point in row.fitted]
    return min(1.02, 1.12 * max([*rates, *points, 0.01]))


def _load_ticks(axes: Axes, levels: Sequence[LoadLevel]) -> None:
    """The levels themselves where the plan had steps that are not too close to print."""
    steps = [level.users_low for level in levels if level.users_low == level.users_high]
    apart = min((b - a for a, b in pairwise(steps)), default=0.0)
    if 0 < len(steps) == len(levels) and apart >= _TICKS_APART * (steps[-1] - steps[0]):
        axes.xaxis.set_major_locator(FixedLocator(steps))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def _top_rate(verdict: Verdict, windows: Windows, limit: float | None) -> float:
    """Upper end of the scale: levels and target, and the windows as far as they do not dwarf those."""
    levels = [level.error_rate.high or level.error_rate.value or 0.0 for level in verdict.levels]
    rates = windows.error_rate[np.isfinite(windows.error_rate)]
    highest = float(rates.max(initial=0.0))
    important = max([*levels, limit or 0.0, 0.01])
    return min(1.02, 1.12 * max(important, min(highest, 2.5 * important)))


def _dots(axes: Axes, windows: Windows, top: float) -> Line2D | Patch:
    seen = np.isfinite(windows.error_rate) & np.isfinite(windows.load)
    requests = windows.requests[seen]
    area = 4 + 40 * requests / max(1, int(requests.max(initial=1)))
    load, rates = windows.load[seen], windows.error_rate[seen]
    beyond = rates > top
    places = ((~beyond, "o", rates), (beyond, "^", np.full(len(rates), top * 0.975)))
    opacity = max(0.06, min(0.28, 40 / max(1, len(rates))))
    for chosen, marker, heights in places:
        axes.scatter(
            load[chosen],
            heights[chosen],
            s=area[chosen],
            marker=marker,
            color=LOOK.dots,
            alpha=opacity,
            linewidth=0,
        )
    return Line2D(
        [], [], color=LOOK.dots, alpha=0.4, linewidth=0, marker="o", markersize=5, label="time window"
    )


def _levels(axes: Axes, verdict: Verdict) -> list[Line2D | Patch]:
    rows = [
        ((level.users_low + level.users_high) / 2, rate.value, rate.low, rate.high)
        for level in verdict.levels
        if (rate := level.error_rate).value is not None
    ]
    for middle, value, low, high in rows:
        assert value is not None
        down, up = value - (value if low is None else low), (value if high is None else high) - value
        axes.errorbar(
            middle,
            value,
            yerr=[[max(0.0, down)], [max(0.0, up)]],
            color=LOOK.series[0],
            marker="o",
            markersize=5.5,
            linewidth=1.8,
            capsize=3.5,
            zorder=4,
        )
    name = "load level, 95 % interval"
    return [Line2D([], [], color=LOOK.series[0], marker="o", linewidth=1.8, label=name)] if rows else []


def _fit(axes: Axes, verdict: Verdict) -> list[Line2D | Patch]:
    """The curve that the analysis fitted with its band, and the knee where there is one."""
    load, knee, colour = verdict.load_effect, verdict.knee, LOOK.series[1]
    marks: list[Line2D | Patch] = []
    if load.fitted:
        _curve(axes, load.fitted, colour)
        name = "fitted curve" if knee is not None else "fitted line"
        marks.append(Line2D([], [], color=colour, linewidth=1.8, label=f"{name}, 95 % band"))
    if knee is not None:
        axes.axvspan(knee.low, knee.high, ymax=_KNEE_STRIP, color=colour, alpha=0.55, linewidth=0, zorder=0.5)
        axes.axvline(knee.users, color=colour, linewidth=1.2, linestyle="--")
        name = canvas.label(f"errors begin at about {where(knee, load.axis)}")
        marks.append(Line2D([], [], color=colour, linewidth=1.2, linestyle="--", label=name))
    return marks


def _curve(axes: Axes, points: Sequence[FittedPoint], colour: str, band: float = 0.15) -> None:
    load = [point.load for point in points]
    low, high = [point.low for point in points], [point.high for point in points]
    axes.fill_between(load, low, high, color=colour, alpha=band, linewidth=0, zorder=1)
    axes.plot(load, [point.rate for point in points], color=colour, linewidth=1.8, zorder=3)
