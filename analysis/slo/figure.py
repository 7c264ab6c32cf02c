"""Figure: what a target came to, and what it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.freezes import Silences
from analysis.latency import Latencies
from analysis.levels import Levels
from analysis.usable import Ints, Usable
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
    """A run as far as targets are measured on it; what not every target needs is worked out when asked.

    Attributes:
        rows: its usable rows.
        windows: the run cut by time.
        levels: the run cut by load.
        times: the distributions of all its requests.
        silent: stretches without an answer.
        clear: of each kind of failure whether clients were told what to do (None: not known), and its rows.
        lacks: what the source cannot tell.
        length_s: seconds from start to end, where a file of sums tells that and its rows do not.
        until_s: of a run that goes on: up to here all is known, epoch seconds.
    """

    rows: Usable
    windows: Windows
    levels: Callable[[], Levels]
    times: Callable[[], Latencies]
    silent: Callable[[], Silences]
    clear: Callable[[], Sequence[tuple[bool | None, Ints]]]
    lacks: frozenset[str]
    length_s: float | None = None
    until_s: float | None = None
