"""Windows joined into as many columns as a picture can show: thousands of bars on a phone show nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.windows import Windows

MOST = 240


@dataclass(frozen=True, slots=True)
class Columns:
    """c columns of equal width.

    Attributes:
        edges_s: (c + 1,) borders, seconds since the run's start.
        width_s: seconds per column.
        errors: (c,) errors.
        classes: labels of the columns of `by_class`.
        by_class: (c, k) requests by class.
        axis: what `load` measures.
        load: (c,) mean load of the windows that know it; NaN without any.
    """

    edges_s: NDArray[np.float64]
    width_s: float
    errors: NDArray[np.int64]
    classes: tuple[str, ...]
    by_class: NDArray[np.int64]
    axis: str
    load: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.errors)

    @property
    def end_s(self) -> float:
        """Where the last column ends."""
        return float(self.edges_s[-1])


def columns(windows: Windows, most: int = MOST) -> Columns:
    """Join neighbouring windows until there are at most `most` columns."""
    count = len(windows)
    each = max(1, -(-count // most))
    group = np.arange(count) // each
    total = int(group[-1]) + 1 if count else 0
    width = windows.width_s * each
    origin = float(windows.start_s[0]) if count else 0.0

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(group, values, minlength=total).astype(np.float64)

    known = np.isfinite(windows.load)
    with np.errstate(invalid="ignore", divide="ignore"):
        load = summed(np.where(known, windows.load, 0.0)) / summed(known.astype(np.float64))
    by_class = np.zeros((total, len(windows.classes)), np.int64)
    np.add.at(by_class, group, windows.by_class)
    return Columns(
        edges_s=origin + np.arange(total + 1, dtype=np.float64) * width,
        width_s=width,
        errors=summed(windows.errors.astype(np.float64)).astype(np.int64),
        classes=windows.classes,
        by_class=by_class,
        axis=windows.axis,
        load=load,
    )
