"""Unanswered: a latency that no answer stands behind is never a pass.

Who is refused knows it within milliseconds. Such times are kept as they are, and a limit that they exceed is
missed; that they keep one says nothing about how fast the target answers.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from analysis.slo.figure import Measured
from analysis.slo.grammar import SloTarget
from analysis.slo.selection import Selection
from analysis.usable import Bools

NO_ANSWER = "none of these requests is known to have been answered"


def without_answer(target: SloTarget, found: Measured, chosen: Selection) -> Measured:
    """A percentile of requests; one that keeps its limit may really be anything where none was answered."""
    if found.value is None or not target.holds(found.value) or _is_any_answered(chosen):
        return found
    return replace(found, low=None, high=None, note=NO_ANSWER, worst=math.inf)


def _is_any_answered(chosen: Selection) -> bool:
    return any((_answered(chosen, rows) & chosen.chosen(rows)).any() for rows in chosen.slabs())


def _answered(chosen: Selection, rows: slice) -> Bools:
    """Which of some rows are an answer, be it a wrong one; a success is one, with or without a status."""
    run = chosen.rows
    return np.asarray(~run.failed[rows] | (run.samples.status[rows] > 0), np.bool_)
