"""The picture of a comparison: how much every figure changed, with its interval."""

from __future__ import annotations

import math

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.comparison.report import Answer, Comparison
from analysis.render import canvas
from analysis.render.canvas import LOOK

COLOURS: dict[Answer, str] = {
    "better": LOOK.series[3],
    "worse": LOOK.series[0],
    "same": LOOK.ink,
    "cannot_tell": LOOK.series[5],
}
WIDEST = 3.0
"""Changes beyond this many times are drawn at the edge."""


def changes_picture(report: Comparison) -> bytes | None:
    """PNG: relative changes; None where there are none."""
    shown = [line for line in report.lines if line.change is not None]
    if not shown:
        return None
    picture, axes = canvas.figure("How much each figure changed")
    for place, line in enumerate(reversed(shown)):
        low, value, high = (_bounded(x) for x in (line.change_low, line.change, line.change_high))
        axes.hlines([place], [low], [high], color=COLOURS[line.answer], linewidth=2.2, alpha=0.75)
        axes.plot([value], [place], "o", color=COLOURS[line.answer], markersize=7, clip_on=False)
    axes.axvline(0, color=LOOK.muted, linewidth=1)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.yaxis.set_major_locator(FixedLocator(range(len(shown))))
    names = [line.title for line in reversed(shown)]
    axes.yaxis.set_major_formatter(FuncFormatter(lambda _, place: names[place or 0]))
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x * 100:+.0f} %".replace("-", "−")))
    axes.set_xlabel("change, new against base")
    picture.subplots_adjust(left=0.24)
    return canvas.png(picture)


def _bounded(change: float | None) -> float:
    return WIDEST if change is None or not math.isfinite(change) else min(change, WIDEST)
