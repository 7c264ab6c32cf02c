"""The picture of an investigation: what each change did to the errors (or the P99), one below another."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.investigation.report import Trial
from analysis.render import canvas, wording
from analysis.render.canvas import LOOK

FIRST, CHANGED = LOOK.series[0], LOOK.series[1]
Figure = tuple[float, float, float]


def trials_picture(trials: Sequence[Trial]) -> bytes:
    """PNG: for each experiment its figure as it is and changed, with 95 % intervals; the first one above."""
    by_rate = all(trial.measure == "error_rate" for trial in trials)
    what = "Error rate" if by_rate else "P99 of successes"
    picture, axes = canvas.figure(f"{what} as it is and with each change")
    drawn = [(trial, found) for trial in trials if (found := _figures(trial)) is not None]
    if not drawn:
        canvas.no_data(axes)
        return canvas.png(picture)
    for row, (_, figures) in enumerate(drawn):
        for figure, colour, mark, shift in zip(figures, (FIRST, CHANGED), "os", (-0.12, 0.12), strict=True):
            _draw(axes, row + shift, figure, colour, mark)
    top = max(high for _, figures in drawn for _, _, high in figures)
    _axes(axes, [trial.experiment for trial, _ in drawn], top, by_rate)
    longest = max(len(trial.experiment) for trial, _ in drawn)
    picture.subplots_adjust(left=min(0.42, 0.05 + 0.0145 * longest))
    canvas.legend(picture, _marks(), columns=2)
    return canvas.png(picture)


def _figures(trial: Trial) -> tuple[Figure, Figure] | None:
    if trial.measure == "p99":
        found = trial.p99_ms
        if found is None or found.first is None or found.changed is None:
            return None
        return (found.first,) * 3, (found.changed,) * 3
    rate = trial.error_rate
    if rate is None or rate.first.value is None or rate.changed.value is None:
        return None
    first, changed = (
        (one.value or 0.0, one.low or 0.0, one.high if one.high is not None else one.value or 0.0)
        for one in (rate.first, rate.changed)
    )
    return first, changed


def _draw(axes: Axes, row: float, figure: Figure, colour: str, mark: str) -> None:
    value, low, high = figure
    axes.hlines([row], [low], [high], color=colour, linewidth=2.2, alpha=0.75)
    axes.plot([value], [row], mark, color=colour, markersize=7, clip_on=False)


def _axes(axes: Axes, names: Sequence[str], top: float, by_rate: bool) -> None:
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.yaxis.set_major_locator(FixedLocator(range(len(names))))
    axes.set_yticklabels([canvas.label(wording.clean(name, 24)) for name in names])
    axes.set_xlim(0, min(1.02, 1.08 * max(top, 0.01)) if by_rate else 1.08 * top)
    axes.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    written = (
        (lambda value, _: f"{value * 100:.4g} %")
        if by_rate
        else (lambda value, _: wording.milliseconds(value))
    )
    axes.xaxis.set_major_formatter(FuncFormatter(written))
    axes.set_xlabel("error rate" if by_rate else "P99 of successes")


def _marks() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=colour, marker=mark, linewidth=2.2, markersize=7, label=name)
        for colour, mark, name in ((FIRST, "o", "as it is"), (CHANGED, "s", "changed"))
    ]
