"""Figure: what a target came to, and what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.freezes import Silences
from analysis.latency import Latencies
from analysis.levels import Levels
from analysis.usable import Ints, Usable
from analysis.verdict import FingerprintReport
from analysis.windows import Windows


@dataclass(frozen=True, slots=True)
class Measured:
    """What one target came to, in its unit (ratios for %).

    Attributes:
        value: None if it could not be measured.
        low, high: 95 % interval where there is one. None: no such bound can be given.
        n: requests behind it.
        note: what a reader must know about the figure, or why there is none.
        worst: what the value may really be (some requests were never answered); a pass needs this to hold as
            well.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""
    worst: float | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """A run as far as targets are measured on it.

    Attributes:
        rows: its usable rows.
        windows, levels: cut by time and by load.
        times: the distributions of all its requests.
        silent: stretches without an answer.
        kinds: kinds of failure, told apart.
        failing: the rows of each kind by its id.
        lacks: what the source cannot tell.
        length_s: seconds from start to end, where a file of sums tells that and its rows do not.
    """

    rows: Usable
    windows: Windows
    levels: Levels
    times: Latencies
    silent: Silences
    kinds: Sequence[FingerprintReport]
    failing: Mapping[str, Ints]
    lacks: frozenset[str]
    length_s: float | None = None
