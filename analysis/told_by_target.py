"""Told by the target: the probes' readings as columns, each with the load level of its moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.levels import Levels
from analysis.usable import Bools, Floats, Ints, Usable
from recording.run import Readings

SOURCE = "target"


@dataclass(frozen=True, slots=True)
class Told:
    """Readings of the target within the run, in order of time.

    Attributes:
        time_s: (n,) epoch seconds.
        name: (n,) signal.
        label: (n,) probe, phase or region.
        value: (n,) figure.
        place: (n,) load level, -1 where it is not known.
    """

    time_s: Floats
    name: NDArray[np.str_]
    label: NDArray[np.str_]
    value: Floats
    place: Ints

    def rows(self, name: str, label: str | None = None) -> Bools:
        """Which rows are of a signal (and label)."""
        found = self.name == name
        return np.asarray(found if label is None else found & (self.label == label), np.bool_)

    def labels(self, name: str) -> list[str]:
        """The labels of a signal, in alphabetical order."""
        return [str(label) for label in np.unique(self.label[self.rows(name)])]


def told_by_target(readings: Readings | None, rows: Usable, levels: Levels) -> Told | None:
    """The target's readings while requests were sent; None if there are none.

    The level of a moment is that of the last request sent before it.
    """
    if readings is None or not len(rows.samples):
        return None
    start_s = rows.samples.start_s
    within = (readings.time_s >= start_s[0]) & (readings.time_s <= float(rows.samples.end_s.max()))
    chosen = np.flatnonzero((readings.source == SOURCE) & np.isfinite(readings.value) & within)
    if not len(chosen):
        return None
    chosen = chosen[np.argsort(readings.time_s[chosen], kind="stable")]
    time_s = readings.time_s[chosen]
    before = np.searchsorted(start_s, time_s, side="right") - 1
    place = levels.place[before] if len(levels) else np.full(len(chosen), -1, np.int64)
    return Told(time_s, readings.name[chosen], readings.labels[chosen], readings.value[chosen], place)
