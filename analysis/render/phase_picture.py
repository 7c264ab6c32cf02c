"""Phases against load: what each takes, by the target's own log, with intervals."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import LineStyleType

from analysis.render import canvas, wording
from analysis.render.canvas import LOOK
from analysis.verdict import Phase, Verdict
from analysis.windows import Windows

_MOST_PHASES = 6
_LEAST_MS = 0.1


def phases_by_load(verdict: Verdict, _: Windows) -> bytes:
    """The phases that take most, the whole request in black."""
    assert verdict.server is not None
    picture, axes = canvas.figure(_title(verdict.server.phases))
    axes.set_xlabel(canvas.label(verdict.load_effect.axis))
    axes.set_ylabel("mean time")
    shown = [phase for phase in verdict.server.phases if phase.levels]
    total = [phase for phase in shown if phase.name == "total"]
    parts = sorted((p for p in shown if p.name != "total"), key=lambda p: -(p.share or 0.0))[:_MOST_PHASES]
    if not shown:
        canvas.no_data(axes, "the phase log has no line of any load level")
        return canvas.png(picture)
    marks: list[Line2D | Patch] = []
    lows, highs = [], []
    for phase, colour in [*zip(parts, LOOK.series, strict=False), *((p, LOOK.ink) for p in total)]:
        load = np.array([(level.users_low + level.users_high) / 2 for level in phase.levels])
        own = [level.own_ms for level in phase.levels]
        mean = np.array([max(v.value or 0.0, _LEAST_MS) for v in own])
        low = np.array([mean[i] if v.low is None else max(v.low, _LEAST_MS) for i, v in enumerate(own)])
        high = np.array([mean[i] if v.high is None else v.high for i, v in enumerate(own)])
        reach = np.array([np.maximum(mean - low, 0), np.maximum(high - mean, 0)])
        style: LineStyleType = "--" if phase.name == "total" else "-"
        axes.errorbar(
            load,
            mean,
            yerr=reach,
            color=colour,
            linestyle=style,
            linewidth=1.6,
            marker="o",
            markersize=4.5,
            elinewidth=1.1,
            capsize=2.5,
        )
        name = "whole request" if phase.name == "total" else phase.name
        marks.append(Line2D([], [], color=colour, linestyle=style, marker="o", label=canvas.label(name)))
        lows.append(mean)
        highs.append(high)
    canvas.duration_axis(axes, np.concatenate(lows), np.concatenate(highs))
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    canvas.legend(picture, marks)
    return canvas.png(picture)


def _title(phases: list[Phase]) -> str:
    grown = [phase for phase in phases if phase.with_load == "grows" and phase.name != "total"]
    if grown and grown[0].levels:
        first, last = (wording.milliseconds(grown[0].levels[i].own_ms.value) for i in (0, -1))
        return f"{wording.capital(grown[0].name)} grows with load: {first}, then {last}"
    if all(phase.with_load == "constant" for phase in phases):
        return "No phase grows with load"
    return "Where the time goes"
