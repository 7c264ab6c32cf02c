"""The look of every picture: colours, sizes, axes, and a PNG of bounded size. No pyplot, no global state."""

from __future__ import annotations

import io
import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from analysis.render import wording

MAX_BYTES = 150_000
"""Pictures travel inside the page: none may be larger."""

# Small in inches, so that the letters stay readable where the page is as narrow as a phone.
_SIZE_INCHES = (5.6, 3.65)
_EDGE_INCHES, _TITLE_INCHES, _LEGEND_INCHES, _AXIS_INCHES, _LABEL_INCHES = 0.09, 0.2, 0.196, 0.56, 0.2
_CHARACTER_INCHES, _LAST_TICK_INCHES = 0.082, 0.2
_DPIS = (160, 120, 100, 72)
_TITLE_CHARACTERS = 62
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_MOST_TIME_TICKS = 6
_LOG_FROM = 20


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one picture. `series` is Okabe and Ito's palette, told apart by colour-blind readers."""

    paper: str
    ink: str
    muted: str
    grid: str
    users: str
    dots: str
    burst: str
    series: tuple[str, ...]


LOOK = Theme(
    paper="#ffffff",
    ink="#1a1f26",
    muted="#59626e",
    grid="#e6e9ed",
    users="#e3e8ee",
    dots="#59626e",
    burst="#fbe3b3",
    series=("#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#8a8f98"),
)


def figure(title: str) -> tuple[Figure, Axes]:
    """An empty picture with its finding as the title, and one pair of axes."""
    picture = Figure(figsize=_SIZE_INCHES, facecolor=LOOK.paper)
    FigureCanvasAgg(picture)
    lines = textwrap.wrap(label(title), _TITLE_CHARACTERS, max_lines=2, placeholder=" …")
    picture.suptitle(
        "\n".join(lines),
        x=_EDGE_INCHES / _SIZE_INCHES[0],
        y=1 - _EDGE_INCHES / _SIZE_INCHES[1],
        ha="left",
        va="top",
        fontsize=11,
        fontweight="bold",
        color=LOOK.ink,
        linespacing=1.25,
    )
    above = 2 * _EDGE_INCHES + len(lines) * _TITLE_INCHES
    picture.subplots_adjust(top=1 - above / _SIZE_INCHES[1], bottom=_AXIS_INCHES / _SIZE_INCHES[1])
    axes = picture.add_subplot()
    _dress(axes)
    return picture, axes


def behind(axes: Axes, name: str) -> Axes:
    """A second pair of axes behind the first, for the users; its scale stands on the right."""
    other = axes.twinx()
    _dress(other)
    other.grid(visible=False)
    other.set_ylabel(label(name), color=LOOK.muted, fontsize=9.5)
    other.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_zorder(other.get_zorder() + 1)
    axes.patch.set_visible(False)
    return other


def label(text: str) -> str:
    """A text as matplotlib may draw it: no formulas, and no letters that its font lacks."""
    return wording.clean(text, 160).encode("cp1252", "replace").decode("cp1252").replace("$", r"\$")


def time_axis(axes: Axes, end_s: float) -> None:
    """Time since the start as minutes and seconds, with few, round ticks."""
    end_s = max(end_s, 1.0)
    step = next((s for s in _TIME_STEPS_S if end_s / s <= _MOST_TIME_TICKS), max(86400.0, end_s / 5))
    axes.xaxis.set_major_locator(FixedLocator([i * step for i in range(int(end_s / step) + 1)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.moment(value)))
    axes.set_xlim(0, end_s)
    axes.set_xlabel("time since start (h:min:s)" if end_s >= 3600 else "time since start (min:s)")


def percent_axis(axes: Axes, top: float) -> None:
    """A share of requests from 0 to `top`, in per cent."""
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.4g} %"))


def count_axis(axes: Axes, top: float) -> None:
    """A count from 0 to at least `top`, whole numbers only."""
    axes.set_ylim(0, max(1.0, top) * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.count(value)))


def duration_axis(axes: Axes, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Durations in ms between two series: from 0, or logarithmic where the upper dwarfs the lower."""
    smallest, largest = float(np.nanmin(low)), float(np.nanmax(high))
    if largest > _LOG_FROM * max(float(np.nanmedian(low)), 0.1):
        axes.set_yscale("log")
        axes.set_ylim(10 ** math.floor(math.log10(max(smallest, 0.1))), largest * 1.5)
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(which="minor", length=0)
    else:
        axes.set_ylim(0, largest * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(5))
    # Last, since choosing a scale brings that scale's own formatter.
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.milliseconds(value)))


def legend(picture: Figure, handles: list[Line2D | Patch], columns: int = 3) -> None:
    """What the marks mean, below the picture, where it can hide none of them."""
    if handles:
        rows = -(-len(handles) // columns)
        picture.subplots_adjust(bottom=(_AXIS_INCHES + rows * _LEGEND_INCHES) / _SIZE_INCHES[1])
        picture.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0, 0),
            borderaxespad=0.3,
            ncols=columns,
            frameon=False,
            fontsize=9,
            labelcolor=LOOK.ink,
            handlelength=1.4,
            columnspacing=1.4,
            borderpad=0.1,
        )


def no_data(axes: Axes, text: str = "no data") -> None:
    """Say in the middle of the empty axes that there is nothing to draw."""
    # Scales without anything on them would only show figures that mean nothing.
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=LOOK.muted, fontsize=12
    )


def png(picture: Figure) -> bytes:
    """The picture as PNG under `MAX_BYTES`, as sharp as that allows."""
    _arrange(picture)
    content = b""
    for dpi in _DPIS:
        buffer = io.BytesIO()
        picture.savefig(
            buffer, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 4}
        )
        content = buffer.getvalue()
        if len(content) < MAX_BYTES:
            break
    return content


def _arrange(picture: Figure) -> None:
    """Room at both sides for the scales. Matplotlib's layout engines draw every picture twice to find out."""
    first, *others = picture.axes
    left = _EDGE_INCHES + _LABEL_INCHES + _tick_inches(first)
    right = _LAST_TICK_INCHES + sum(_LABEL_INCHES + _tick_inches(axes) for axes in others)
    picture.subplots_adjust(left=left / _SIZE_INCHES[0], right=1 - right / _SIZE_INCHES[0])


def _tick_inches(axes: Axes) -> float:
    """Room for the labels of the vertical scale."""
    if not axes.axison:
        return 0.0
    texts = axes.yaxis.get_major_formatter().format_ticks(list(axes.yaxis.get_majorticklocs()))
    return 0.08 + _CHARACTER_INCHES * max((len(text) for text in texts), default=0)


def _dress(axes: Axes) -> None:
    axes.set_facecolor(LOOK.paper)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=LOOK.grid, linewidth=0.8)
    axes.tick_params(colors=LOOK.muted, labelsize=9.5, length=0, pad=4)
    axes.tick_params(axis="x", pad=7)
    axes.xaxis.label.set(color=LOOK.muted, fontsize=9.5)
    axes.yaxis.label.set(color=LOOK.muted, fontsize=9.5)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LOOK.muted)
