"""The picture of a trend: one figure over the runs of a series, its levels, and where it changed."""

from __future__ import annotations

from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.comparison.figure import figure
from analysis.render import canvas
from analysis.render.canvas import LOOK
from analysis.trend.report import Line, Series

MOST_RUNS = 200
WORSE, BETTER = LOOK.series[0], LOOK.series[3]


def trend_picture(series: Series, line: Line) -> bytes | None:
    """PNG; None where no run has the figure. The newest `MOST_RUNS` are drawn."""
    first = max(0, len(line.values) - MOST_RUNS)
    shown = [
        (place, value) for place, value in enumerate(line.values) if value is not None and place >= first
    ]
    if not shown:
        return None
    picture, axes = canvas.figure(f"{line.title}: {_title(series, line)}")
    places, values = zip(*shown, strict=True)
    axes.plot(places, values, "-", color=LOOK.grid, linewidth=1.2, zorder=1)
    axes.plot(places, values, "o", color=LOOK.dots, markersize=4.5, zorder=3)
    pinned = [(place, value) for place, value in shown if series.runs[place].pinned]
    if pinned:
        axes.plot(*zip(*pinned, strict=True), "s", color=LOOK.series[1], markersize=7, zorder=2)
    ends = [begin for begin, _ in line.levels[1:]] + [len(line.values)]
    for number, ((begin, level), end) in enumerate(zip(line.levels, ends, strict=True)):
        if end <= first:
            continue
        colour = LOOK.muted
        if number:
            colour = WORSE if level > line.levels[number - 1][1] else BETTER
            axes.axvline(max(begin, first) - 0.5, color=colour, linewidth=1, linestyle=":")
        axes.hlines([level], [max(begin, first) - 0.4], [end - 0.6], color=colour, linewidth=2)
    axes.set_ylim(bottom=0)
    axes.set_xlim(first - 0.8, len(line.values) - 0.2)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: _date(series, place)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figure(line.unit, value)))
    axes.set_xlabel("run, by the day on which it began")
    picture.subplots_adjust(left=0.15)
    return canvas.png(picture)


def _title(series: Series, line: Line) -> str:
    mine = [change for change in series.changes if change.name == line.name]
    if not mine:
        return f"no change in {sum(value is not None for value in line.values)} runs"
    return mine[-1].text.replace("−", "-")


def _date(series: Series, place: float) -> str:
    at = round(place)
    return series.runs[at].started_utc[5:10] if 0 <= at < len(series.runs) else ""
