"""Shown: what a signal makes of the evidence, and the form that every signal has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from analysis.evidence import Evidence
from analysis.verdict import FingerprintReport


class Expected(Protocol):
    """The part of a suspect's evidence line that a signal reads."""

    @property
    def wanted(self) -> frozenset[str]: ...

    @property
    def pattern(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What a signal shows: `strength` 0 to 1 if as expected, 0 if measured and not so; and the sentence."""

    strength: float
    text: str


Signal = Callable[[Evidence, Expected, FingerprintReport | None], Shown | None]
"""Evidence, what is expected, and the suspect's own kind of failure if it has one. None: not measured."""


def or_(names: list[str]) -> str:
    """Names as a choice, cut after three: "a or b"."""
    return " or ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} …"
