"""A run that is going on as plain values for the live page: bounded in size, every text cleaned and in words.

The page draws and prints what it gets here and calculates nothing; it never sees a whole verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.render import answers, wording
from analysis.render.columns import columns
from analysis.verdict import Verdict
from analysis.windows import Windows

MOST_COLUMNS = 120
MOST_LEVELS = 40
MOST_POINTS = 60
MOST_CLASSES = 5
MOST_KINDS = 6
MOST_FREEZES = 20
MOST_FINDINGS = 20
MOST_DOTS = 240
MESSAGE = 160


NOTHING_YET = "No request is settled yet."
"""Instead of a verdict on a run of which nothing can be judged: that is no fault while it goes on."""


def live(verdict: Verdict, windows: Windows, *, final: bool = False) -> dict[str, Any]:
    """What the page shows of one look at a run.

    Args:
        verdict: of what is settled so far, or of the whole run.
        windows: the same cut by time.
        final: whether the run is over, so that the answer will not change any more.
    """
    load = verdict.load_effect
    begun = final or verdict.requests > 0
    return {
        "final": final,
        "sentence": wording.clean(verdict.sentence) if begun else NOTHING_YET,
        "requests": verdict.requests,
        "errors": verdict.errors,
        "rate": wording.interval(verdict.error_rate),
        "p99": wording.milliseconds(verdict.latency_ms.ok.p99),
        "answers": _answers(verdict),
        "sure": sure(verdict, final=final),
        "axis": wording.clean(load.axis, 30),
        "limit": min(answers.limits(verdict, "error_rate"), default=None),
        "levels": _levels(verdict),
        "fitted": _thinned([[p.load, p.rate, p.low, p.high] for p in load.fitted], MOST_POINTS),
        "dots": _dots(windows),
        "time": _time(windows),
        "freezes": _freezes(verdict),
        "bursts": [[b.start_s, b.end_s] for b in verdict.temporal.bursts[:MOST_FREEZES]],
        "kinds": _kinds(verdict),
        "findings": [
            {
                "severity": finding.severity,
                "word": answers.SEVERITY[finding.severity],
                "text": wording.clean(finding.text),
            }
            for finding in answers.findings(verdict)[:MOST_FINDINGS]
            if begun or finding.code != "no_data"
        ],
        "validity": answers.validity(verdict) if begun else "nothing measured yet",
        "valid": verdict.quality.valid and verdict.quality.complete if begun else None,
        "change": wording.clean(verdict.what_would_change),
        "command": wording.clean(verdict.next_run.command or "", 200) if verdict.next_run else "",
    }


def sure(verdict: Verdict, *, final: bool) -> str:
    """How far the answer about load can be relied upon."""
    load = verdict.load_effect
    if not final and verdict.requests == 0:
        return "Not decided yet."
    if not verdict.quality.valid:
        return "Nothing is sure: the measurement itself is invalid."
    if load.answer == "inconclusive":
        return "Not decided." if final else "Not decided yet."
    if load.confidence is None:
        right = "how often such answers are right was not measured."
    else:
        once = "" if final else " and judged once"
        share = wording.percent(load.confidence)
        right = f"of made-up runs as clear as this one{once}, {share} were judged right."
    if final:
        return f"Decided: {right}"
    return f"Clear so far: {right} Who looks again and again errs more often; the end has the last word."


def _answers(verdict: Verdict) -> list[dict[str, Any]]:
    """Load, pattern and drift: answer, size with interval, and why."""
    return [
        {
            "label": line.label,
            "answer": line.answer,
            "decided": line.decided,
            "numbers": wording.clean(line.numbers),
            "why": wording.sentence(wording.clean(line.why)),
        }
        for line in answers.why_lines(verdict)
    ]


def _levels(verdict: Verdict) -> list[dict[str, Any]]:
    shown = [level for level in verdict.levels if level.error_rate.value is not None]
    axis = verdict.load_effect.axis
    return [
        {
            "name": wording.clean(answers.level_name(level, axis), 60),
            "load": (level.users_low + level.users_high) / 2,
            "rate": level.error_rate.value,
            "low": level.error_rate.low,
            "high": level.error_rate.high,
            "text": wording.interval(level.error_rate),
            "requests": level.requests,
            "errors": level.errors,
        }
        for level in _thinned(shown, MOST_LEVELS)
    ]


def _dots(windows: Windows) -> list[list[float]]:
    """Load and error rate of each time window that holds requests."""
    seen = np.isfinite(windows.error_rate) & np.isfinite(windows.load)
    points = np.column_stack([windows.load[seen], windows.error_rate[seen]])
    return _thinned([[round(load, 2), round(rate, 5)] for load, rate in points.tolist()], MOST_DOTS)


def _time(windows: Windows) -> dict[str, Any]:
    """Errors by status in columns, the load behind them, and what the statuses are called."""
    cut = columns(windows, MOST_COLUMNS)
    kinds = [(i, name) for i, name in enumerate(cut.classes) if name != "ok"]
    shown, others = kinds[:MOST_CLASSES], kinds[MOST_CLASSES:]
    statuses = [
        {"name": answers.status_name(name), "counts": cut.by_class[:, i].tolist()} for i, name in shown
    ]
    if others:
        rest = cut.by_class[:, [i for i, _ in others]].sum(axis=1).tolist()
        statuses.append({"name": f"{len(others)} others", "counts": rest})
    for status in statuses:
        status["total"] = sum(status["counts"])
    return {
        "width_s": cut.width_s,
        "width": wording.seconds(cut.width_s) if len(cut) else "",
        "start_s": float(cut.edges_s[0]) if len(cut) else 0.0,
        "load": [round(value, 2) if np.isfinite(value) else None for value in cut.load.tolist()],
        "statuses": statuses,
    }


def _freezes(verdict: Verdict) -> list[dict[str, Any]]:
    longest = sorted(verdict.freezes, key=lambda freeze: -freeze.duration_s)[:MOST_FREEZES]
    return [
        {
            "start_s": freeze.start_s,
            "duration_s": freeze.duration_s,
            "text": f"{wording.seconds(freeze.duration_s)} without an answer at "
            f"{wording.moment(freeze.start_s)}, {wording.plural(freeze.in_flight, 'request')} waiting",
        }
        for freeze in sorted(longest, key=lambda freeze: freeze.start_s)
    ]


def _kinds(verdict: Verdict) -> list[dict[str, Any]]:
    return [
        {
            "name": answers.failure_name(kind.status, kind.outcome),
            "message": wording.clean(kind.message, MESSAGE),
            "count": kind.count,
            "share": wording.percent(kind.share),
            "with_load": answers.LOAD[kind.load_effect],
            "pattern": answers.pattern(kind.temporal, verdict),
            "clear": answers.CLEAR[kind.clear],
            "when": f"{wording.moment(kind.first_s)}–{wording.moment(kind.last_s)}",
        }
        for kind in verdict.fingerprints[:MOST_KINDS]
    ]


def _thinned(items: Sequence[Any], most: int) -> list[Any]:
    """The items, or so many of them at even distances."""
    if len(items) <= most:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]
