"""The picture of an experiment: each arm in order of time, with its figure and interval."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.experiment.report import ArmReport, ExperimentReport
from analysis.render import canvas, wording
from analysis.render.canvas import LOOK

COLOURS = {"first": LOOK.series[0], "changed": LOOK.series[1]}
MARKS = {"first": "o", "changed": "s"}


def arms_picture(report: ExperimentReport) -> bytes:
    """PNG: error rate (or P99 of successes) of every arm; states told apart by colour and mark."""
    about = report.about
    by_rate = about.measure == "error_rate"
    what = "Error rate" if by_rate else "P99 of successes"
    picture, axes = canvas.figure(f"{what} of each arm, in order of time")
    shown = [(number, arm, _figure(arm, by_rate)) for number, arm in enumerate(report.arms, 1)]
    drawn = [(number, arm, figure) for number, arm, figure in shown if figure is not None]
    if not drawn:
        canvas.no_data(axes)
        return canvas.png(picture)
    top = max(high for _, _, (_, _, high) in drawn)
    if by_rate:
        axes.set_ylabel("error rate")
        canvas.percent_axis(axes, min(1.02, 1.12 * max(top, 0.01)))
    else:
        axes.set_ylim(0, 1.12 * top)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.milliseconds(value)))
    for number, arm, figure in drawn:
        _draw(axes, number, arm, figure)
    axes.set_xlim(0.5, len(report.arms) + 0.5)
    axes.xaxis.set_major_locator(FixedLocator(range(1, len(report.arms) + 1)))
    axes.set_xlabel("arm")
    canvas.legend(picture, _marks(about.change), columns=2)
    return canvas.png(picture)


def _figure(arm: ArmReport, by_rate: bool) -> tuple[float, float, float] | None:
    if by_rate:
        rate = arm.error_rate
        if rate.value is None or rate.low is None or rate.high is None:
            return None
        return rate.value, rate.low, rate.high
    if arm.p99_ms is None:
        return None
    return arm.p99_ms, arm.p99_low_ms or arm.p99_ms, arm.p99_high_ms or arm.p99_ms


def _draw(axes: Axes, number: int, arm: ArmReport, figure: tuple[float, float, float]) -> None:
    value, low, high = figure
    colour = COLOURS[arm.state]
    axes.vlines([number], [low], [high], color=colour, linewidth=2.2, alpha=0.75)
    axes.plot(
        [number],
        [value],
        MARKS[arm.state],
        color=colour if arm.trusted else LOOK.paper,
        markeredgecolor=colour,
        markersize=7,
        clip_on=False,
    )


def _marks(change: str) -> list[Line2D | Patch]:
    names = {"first": "as it is", "changed": canvas.label(wording.clean(change, 40))}
    return [
        Line2D([], [], color=COLOURS[state], marker=MARKS[state], linewidth=2.2, markersize=7, label=name)
        for state, name in names.items()
    ]
