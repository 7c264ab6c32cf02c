"""Class rates: the error rate of each class of failures by load level, with its line, for the picture."""

from __future__ import annotations

import numpy as np

from analysis.classes import Judge
from analysis.fitted import fitted_class
from analysis.intervals import share
from analysis.knee import knee
from analysis.levels import Levels
from analysis.usable import failure_labels
from analysis.verdict import ClassLevel, ClassRates, LoadLevel, StatusClass

MOST_CLASSES = 4
"""More coloured lines than this cannot be told apart."""


def class_rates(
    judge: Judge, statuses: dict[str, StatusClass], levels: Levels, table: list[LoadLevel]
) -> list[ClassRates]:
    """The most frequent classes, all requests of a level being the denominator; empty where load is
    withheld."""
    if judge.doubt or not table:
        return []
    failing = judge.failing
    labels = failure_labels(judge.rows.samples, failing)
    width = len(labels.names)
    known = levels.place[failing] >= 0
    cell = levels.place[failing][known] * width + labels.codes[known]
    weight = judge.weight[failing][known]
    counts = np.bincount(cell, weight, minlength=len(levels) * width).reshape(len(levels), width)
    found = []
    for name in list(statuses)[:MOST_CLASSES]:
        code = labels.names.index(name)
        rows = [
            ClassLevel(
                users_low=level.users_low,
                users_high=level.users_high,
                errors=round(float(errors)),
                error_rate=share(round(float(errors)), level.requests),
            )
            for level, errors in zip(table, counts[:, code], strict=True)
        ]
        per_window = judge.per_window(failing[labels.codes == code])
        # Asked only after "rises", as for all failures together: a bend in noise means nothing.
        answer = statuses[name].load_effect
        bend = knee(judge.windows, per_window) if answer == "rises" else None
        curve = fitted_class(judge.windows, per_window, bend)
        found.append(ClassRates(name=name, load_effect=answer, levels=rows, knee=bend, fitted=curve))
    return found
