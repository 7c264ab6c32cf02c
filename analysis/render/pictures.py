"""Pictures of a run over time, and the list of all pictures; each title says the finding.

Drawn for light paper; the page turns them into dark ones by itself (report.css).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.render import answers, canvas, wording
from analysis.render.canvas import LOOK
from analysis.render.columns import Columns, columns
from analysis.render.latency_picture import latency_by_load
from analysis.render.load_pictures import error_rate_by_class, error_rate_by_load
from analysis.render.phase_picture import phases_by_load
from analysis.verdict import Freeze, Verdict
from analysis.windows import Windows

_MOST_CLASSES = 5
_FEW = 40
_NARROWEST = 0.006


def names(verdict: Verdict) -> list[str]:
    """All pictures of a verdict, the slowest to draw first; by class only where there are two to compare, of
    phases only where there are any."""
    phases = verdict.server is not None and bool(verdict.server.phases)
    there = {"error_rate_by_class": len(verdict.class_rates) > 1, "phases_by_load": phases}
    return [name for name in _DRAW if there.get(name, True)]


def pictures(verdict: Verdict, windows: Windows, wanted: Iterable[str] | None = None) -> dict[str, bytes]:
    """PNG files by name: those that are wanted, or all."""
    return {name: _DRAW[name](verdict, windows) for name in (names(verdict) if wanted is None else wanted)}


def rehearse() -> None:
    """Draw something: a first picture loads fonts and more, which a process that waits can do ahead."""
    picture, axes = canvas.figure("0 %")
    axes.plot([0, 1])
    canvas.legend(picture, [Patch(label="errors")])
    canvas.png(picture)


def errors_by_status(verdict: Verdict, windows: Windows) -> bytes:
    """Errors per window stacked by status, users as an area behind."""
    first = next(iter(verdict.by_status.items()), None)
    title = "No errors over the whole run" if verdict.requests else "No requests"
    if first is not None:
        share = f"{wording.count(first[1].count)} of {wording.plural(verdict.errors, 'error')}"
        title = f"{answers.status_name(first[0])}: {share}"
    picture, axes = canvas.figure(title)
    cut = columns(windows)
    marks = _time_frame(axes, cut)
    axes.set_ylabel(f"errors per {wording.seconds(cut.width_s)}")
    if not len(cut):
        canvas.no_data(axes)
        return canvas.png(picture)
    kinds = [(name, cut.by_class[:, i]) for i, name in enumerate(cut.classes) if name != "ok"]
    shown, others = kinds[:_MOST_CLASSES], kinds[_MOST_CLASSES:]
    if others:
        shown.append((f"{len(others)} others", np.sum([counts for _, counts in others], axis=0)))
    bottom = np.zeros(len(cut))
    for (name, counts), colour in zip(shown, LOOK.series, strict=False):
        axes.stairs(bottom + counts, cut.edges_s, baseline=bottom, fill=True, color=colour, linewidth=0.4)
        bottom = bottom + counts
        marks.append(Patch(color=colour, label=canvas.label(answers.status_name(name))))
    canvas.count_axis(axes, float(bottom.max(initial=0)))
    canvas.legend(picture, marks, columns=2)
    return canvas.png(picture)


def errors_per_window(verdict: Verdict, windows: Windows) -> bytes:
    """Errors per window, bursts shaded and freezes hatched."""
    bursts = verdict.temporal.bursts
    titles = {
        "clustered": wording.capital(answers.why_lines(verdict)[1].numbers) or "Errors come in bursts",
        "distributed": "No bursts beyond what the load explains",
        "none": "No errors over the whole run",
        "inconclusive": "Bursts or not? This run cannot tell",
    }
    title = titles[verdict.temporal.answer]
    if verdict.freezes:
        longest = wording.seconds(max(freeze.duration_s for freeze in verdict.freezes))
        title += f"; {wording.plural(len(verdict.freezes), 'freeze')}, longest {longest}"
    picture, axes = canvas.figure(title)
    cut = columns(windows)
    canvas.time_axis(axes, cut.end_s)
    axes.set_ylabel(f"errors per {wording.seconds(cut.width_s)}")
    if not len(cut):
        canvas.no_data(axes)
        return canvas.png(picture)
    for burst in bursts:
        axes.axvspan(*_span(burst.start_s, burst.end_s, cut.end_s), color=LOOK.burst, linewidth=0)
    axes.stairs(cut.errors, cut.edges_s, fill=True, color=LOOK.series[0], linewidth=0.4)
    _hatched(axes, verdict.freezes, cut.end_s)
    canvas.count_axis(axes, float(cut.errors.max(initial=0)))
    marks: list[Line2D | Patch] = [Patch(color=LOOK.series[0], label="errors")]
    if bursts:
        marks.append(Patch(color=LOOK.burst, label="burst"))
    if verdict.freezes:
        marks.append(Patch(facecolor="none", edgecolor=LOOK.ink, hatch="//////", label="freeze"))
    canvas.legend(picture, marks)
    return canvas.png(picture)


def latency(verdict: Verdict, windows: Windows) -> bytes:
    """Median and P99 of successes per window, users behind."""
    ok, everything = verdict.latency_ms.ok, verdict.latency_ms.all
    title = (
        f"P99 {wording.milliseconds(ok.p99)} for successes, {wording.milliseconds(everything.p99)} for all"
    )
    picture, axes = canvas.figure(title if ok.p99 is not None else "Latency of successes")
    marks = _time_frame(axes, columns(windows))
    axes.set_ylabel("duration")
    seen = np.isfinite(windows.ok_p99_ms) & (windows.ok_p99_ms > 0)
    if not seen.any():
        canvas.no_data(axes, "no successes")
        return canvas.png(picture)
    time_s, low, high = windows.mid_s, windows.ok_p50_ms, windows.ok_p99_ms
    # A window whose neighbours saw no success makes no line: where windows are few, points show it.
    size = 4.5 if seen.sum() < _FEW else 0.0
    axes.fill_between(time_s, low, high, color=LOOK.series[1], alpha=0.16, linewidth=0)
    for values, style, width, name in ((high, "-", 1.1, "P99"), (low, "-", 2.0, "P50 (median)")):
        axes.plot(
            time_s,
            values,
            style,
            color=LOOK.series[1],
            linewidth=width,
            marker="o",
            markersize=size,
            markeredgewidth=0,
        )
        marks.append(Line2D([], [], color=LOOK.series[1], linewidth=width, label=name))
    canvas.duration_axis(axes, low[seen], high[seen])
    canvas.legend(picture, marks)
    return canvas.png(picture)


def _time_frame(axes: Axes, cut: Columns) -> list[Line2D | Patch]:
    """Time below, users behind where they are known; returns the legend's first entries."""
    canvas.time_axis(axes, cut.end_s)
    if not len(cut) or not np.isfinite(cut.load).any():
        return []
    load = _held(cut.load)
    other = canvas.behind(axes, cut.axis)
    other.stairs(load, cut.edges_s, fill=True, color=LOOK.users, linewidth=0)
    other.set_ylim(0, max(1.0, float(load.max())) * 1.05)
    return [Patch(color=LOOK.users, label=canvas.label(f"{cut.axis} (right)"))]


def _held(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps filled with the value before them: users do not vanish because nobody sent a request."""
    known = np.flatnonzero(np.isfinite(values))
    before = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return values[known[np.maximum(before, 0)]]


def _span(start_s: float, end_s: float, total_s: float) -> tuple[float, float]:
    """A stretch of time, widened where it would be too thin to see."""
    missing = max(0.0, _NARROWEST * total_s - (end_s - start_s)) / 2
    return start_s - missing, end_s + missing


def _hatched(axes: Axes, freezes: list[Freeze], end_s: float) -> None:
    for freeze in freezes:
        over_s = freeze.start_s + freeze.duration_s if freeze.end_s is None else freeze.end_s
        left, right = _span(freeze.start_s, over_s, end_s)
        axes.axvspan(left, right, facecolor="none", edgecolor=LOOK.ink, hatch="//////", linewidth=0.8)


_DRAW: dict[str, Callable[[Verdict, Windows], bytes]] = {
    "latency_by_load": latency_by_load,
    "phases_by_load": phases_by_load,
    "error_rate_by_load": error_rate_by_load,
    "error_rate_by_class": error_rate_by_class,
    "latency": latency,
    "errors_by_status": errors_by_status,
    "errors_per_window": errors_per_window,
}
