"""Planned load: what a scenario asks for over time, drawn before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.render import canvas
from analysis.render.canvas import LOOK

LINES = LOOK.series[1:] + LOOK.series[:1]


class PlannedLine(NamedTuple):
    """The plan of one part: its name ("" where there is only one), what its levels count, and its corners
    (seconds since the start, level) in order of time."""

    name: str
    unit: str
    corners: Sequence[tuple[float, float]]


def planned_load(
    title: str, lines: Sequence[PlannedLine], due: Sequence[tuple[float, float, float]] = ()
) -> bytes:
    """A PNG of the plan; where parts count different things, the second one has its scale on the right.

    Args:
        title: what it is.
        lines: what is planned.
        due: (start, end, arrivals per second) of what was drawn, for a single open load.
    """
    picture, axes = canvas.figure(title)
    drawn = [line for line in lines if line.corners]
    units = list(dict.fromkeys(line.unit for line in drawn))
    if not drawn:
        canvas.no_data(axes)
        return canvas.png(picture)
    canvas.time_axis(axes, max(line.corners[-1][0] for line in drawn))
    axes.set_ylabel(canvas.label(units[0]))
    sides = {units[0]: axes}
    if len(units) > 1:
        sides[units[1]] = canvas.behind(axes, f"{units[1]} (dashed)")
    marks: list[Line2D | Patch] = []
    for unit, side in sides.items():
        levels = [level for line in drawn if line.unit == unit for _, level in line.corners]
        canvas.count_axis(side, max([*levels, *(rate for _, _, rate in due)]))
    if due:
        marks.append(_bars(axes, due))
    for i, line in enumerate(drawn):
        style = "-" if line.unit == units[0] else "--"
        name = f"{line.name}: {line.unit}" if line.name else f"planned {line.unit}"
        times, heights = zip(*line.corners, strict=True)
        (mark,) = sides[line.unit].plot(
            times,
            heights,
            style,
            color=LINES[i % len(LINES)],
            linewidth=1.8,
            label=canvas.label(name),
        )
        marks.append(mark)
    canvas.legend(picture, marks, columns=2)
    return canvas.png(picture)


def _bars(axes: Axes, due: Sequence[tuple[float, float, float]]) -> Patch:
    starts, ends, rates = zip(*due, strict=True)
    widths = [end - start for start, end in zip(starts, ends, strict=True)]
    axes.bar(starts, rates, widths, align="edge", color=LOOK.users, linewidth=0)
    return Patch(color=LOOK.users, label="arrivals drawn, per second")
