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
        name: (n,) signal, as its number in `names`.
        label: (n,) probe, phase or region, as its number in `words`.
        value: (n,) figure.
        place: (n,) load level, -1 where it is not known.
        names, words: text -> number. Comparing a million texts for each of a hundred figures takes seconds.
    """

    time_s: Floats
    name: Ints
    label: Ints
    value: Floats
    place: Ints
    names: dict[str, int]
    words: dict[str, int]

    def rows(self, name: str, label: str | None = None) -> Bools:
        """Which rows are of a signal (and label)."""
        found = self.name == self.names.get(name, -1)
        return np.asarray(
            found if label is None else found & (self.label == self.words.get(label, -1)), np.bool_
        )

    def labels(self, name: str) -> list[str]:
        """The labels of a signal, in alphabetical order."""
        present = set(np.unique(self.label[self.rows(name)]).tolist())
        return sorted(word for word, number in self.words.items() if number in present)


def _numbered(texts: NDArray[np.str_]) -> tuple[Ints, dict[str, int]]:
    known: dict[str, int] = {}
    numbers = np.fromiter(
        (known.setdefault(text, len(known)) for text in texts.tolist()), np.int64, len(texts)
    )
    return numbers, known


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
    name, names = _numbered(readings.name[chosen])
    label, words = _numbered(readings.labels[chosen])
    return Told(time_s, name, label, readings.value[chosen], place, names, words)
