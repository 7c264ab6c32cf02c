"""Planned load: what a scenario asks for over time, drawn before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.render import canvas
from analysis.render.canvas import LOOK


def planned_load(
    title: str,
    unit: str,
    line: Sequence[tuple[float, float]],
    due: Sequence[tuple[float, float, float]] = (),
) -> bytes:
    """A PNG of the plan.

    Args:
        title: what it is.
        unit: what the levels count.
        line: (seconds since the start, level), the corners of the plan in order of time.
        due: (start, end, arrivals per second) of what was drawn, for an open load.
    """
    picture, axes = canvas.figure(title)
    axes.set_ylabel(canvas.label(unit))
    if not line:
        canvas.no_data(axes)
        return canvas.png(picture)
    times, levels = zip(*line, strict=True)
    canvas.time_axis(axes, times[-1])
    canvas.count_axis(axes, max([*levels, *(rate for _, _, rate in due)]))
    marks: list[Line2D | Patch] = []
    if due:
        starts, ends, rates = zip(*due, strict=True)
        widths = [end - start for start, end in zip(starts, ends, strict=True)]
        axes.bar(starts, rates, widths, align="edge", color=LOOK.users, linewidth=0)
        marks.append(Patch(color=LOOK.users, label="arrivals drawn, per second"))
    axes.plot(times, levels, color=LOOK.series[1], linewidth=1.8)
    marks.append(Line2D([], [], color=LOOK.series[1], linewidth=1.8, label=f"planned {unit}"))
    canvas.legend(picture, marks, columns=2)
    return canvas.png(picture)
