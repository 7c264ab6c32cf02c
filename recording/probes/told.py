"""Told: what a target said about itself at one moment, in one form whatever the source; and a Reading."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Labels = dict[str, str]


class ProbeError(Exception):
    """A reading that failed; the message is a clause for a sentence and holds no secret."""


class Reading(NamedTuple):
    """One figure on the run's clock: epoch seconds, name with unit, label, value."""

    time_s: float
    name: str
    label: str
    value: float


class Series(NamedTuple):
    """One figure of the target with its labels."""

    labels: Labels
    value: float


@dataclass(slots=True)
class Told:
    """Figures by the target's own names, words, and names that were there without a value."""

    numbers: dict[str, list[Series]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)

    def add(self, name: str, value: float, labels: Labels | None = None) -> None:
        """A figure; what is not finite is none."""
        if math.isfinite(value):
            self.numbers.setdefault(name, []).append(Series(labels or {}, value))
        else:
            self.empty.add(name)


def flattened(value: Any, told: Told, path: str = "") -> Told:
    """A JSON value by dotted paths: `checks.database.ping_ms`; items of lists by number."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        flattened(item, told, f"{path}.{key}" if path else str(key))
    if isinstance(value, bool | int | float):
        told.add(path, float(value))
    elif isinstance(value, str):
        told.texts[path] = value
    elif value is None:
        told.empty.add(path)
    return told
