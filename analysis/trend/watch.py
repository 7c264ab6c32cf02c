"""Watch: goes through a series night by night, as the scheduled runs came, and tells each change of level.

A night has one run, or several where the first left doubts. After every night the last one, two and three
are held against those before (`analysis.trend.step`). A change that is certain enough begins a new level,
against which the nights that follow are held: so each change is told once, and the list is the same whether
the series is looked at daily or at once. How certain is set so that of fifty nights at most one is a false
alarm, over all figures and looks (`benchmarks.histories`): a single night must stand out by far, three by
less; and where the comparison is coarse, little can be found anyway while most false alarms come from there,
so less is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analysis.comparison.report import Unit
from analysis.intervals import share_upper
from analysis.trend.entry import KIND, MOST_KINDS, TITLES, Entry, Figure
from analysis.trend.step import UNSEEN, Night, Step, night, step

CHANCE = {1: 0.0015, 2: 0.004, 3: 0.02}
"""So rare by chance must a step be: of the last night alone, of the last two, of the last three."""
PARTS = {"error_rate": 0.1, "p99_all": 1.0, "p50_ok": 0.1}
"""What each figure gets of that: most goes where changes are hard to see."""
KINDS_PART = 0.1
"""What all kinds of failure get together, as many as are kept of a run."""
FOR_BETTER = 0.5
"""What a change for the better gets."""
FINE_SE = 0.06
"""Standard error of a step of a duration; where it is larger, the chance goes down with its square."""
SOUGHT = {"error_rate": 0.02, "p99_all": 0.25}
"""A night that may be worse by so much is worth another run: by two points of the requests, by a quarter."""
BASE_NIGHTS = 30
"""A level is what its latest nights show; what was there a hundred nights ago is no part of today's."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One figure went to another level.

    Attributes:
        name, title: the figure's.
        begins: place of the first run of the new level in the series.
        found: place of the last run of the night after which it was clear.
        step: what both levels are.
    """

    name: str
    title: str
    begins: int
    found: int
    step: Step


@dataclass(frozen=True, slots=True)
class Walk:
    """A figure's way through a series.

    Attributes:
        name, title, unit: the figure's.
        shifts: its changes of level, oldest first.
        looks: what the newest night, the newest two and three show; none where it lacks the figure.
        part: what it gets of the chance of a false alarm.
    """

    name: str
    title: str
    unit: Unit
    shifts: list[Shift]
    looks: list[Step]
    part: float


class Placed(NamedTuple):
    """One figure's night in a series: where its runs lie there, and what those that have the figure show."""

    places: list[int]
    night: Night


class Watch:
    """One figure's level, night after night.

    Args:
        part: what the figure gets of the chance of a false alarm.
    """

    def __init__(self, part: float) -> None:
        self._part = part
        self._level: list[Night] = []
        self._noise = UNSEEN

    def looks(self, newest: Night) -> list[Step]:
        """What a night, together with the one and the two before it, shows against the level before them."""
        nights = [*self._level[-BASE_NIGHTS - max(CHANCE) + 1 :], newest]
        return [
            step(nights[-latest - BASE_NIGHTS : -latest], nights[-latest:], self._noise)
            for latest in CHANCE
            if latest < len(nights)
        ]

    def add(self, newest: Night) -> Step | None:
        """Take a night in; returns the step that it makes certain, if any, which begins a new level."""
        seen = _clearest(self.looks(newest), self._part)
        self._level.append(newest)
        if seen is not None:
            old, self._level = self._level[: -seen.nights_new], self._level[-seen.nights_new :]
            self._noise = self._noise.and_level(old[-BASE_NIGHTS:])
        return seen


def walks(series: Sequence[Entry]) -> list[Walk]:
    """Every figure's way through a series of whole runs; none without runs."""
    return [walk for name in names(series) if (walk := _walk(name, series)) is not None]


def shifts(series: Sequence[Entry]) -> list[Shift]:
    """Every change of level in a series of whole runs, by the time at which it was clear."""
    return in_time(walks(series))


def in_time(ways: Sequence[Walk]) -> list[Shift]:
    """The changes of all figures, by the time at which each was clear."""
    return sorted((shift for way in ways for shift in way.shifts), key=lambda shift: shift.found)


def names(series: Sequence[Entry]) -> list[str]:
    """The figures that any run of the series has: those that all have first, then kinds of failure."""
    kinds = {name for entry in series for name in entry.figures if name.startswith(KIND)}
    return [*TITLES, *sorted(kinds)]


def values(name: str, series: Sequence[Entry]) -> list[Figure | None]:
    """One figure of every run; a kind of failure that a run did not have is none of its requests."""
    known = next((entry.figures[name] for entry in series if name in entry.figures), None)
    return [entry.figures.get(name) or _absent(known, entry) for entry in series]


def _absent(known: Figure | None, entry: Entry) -> Figure | None:
    rate = entry.figures.get("error_rate")
    if known is None or rate is None or not known.name.startswith(KIND):
        return None
    if sum(name.startswith(KIND) for name in entry.figures) >= MOST_KINDS:
        return None  # It may be among those that were too many to keep.
    high = share_upper(0, rate.n, 0.975)
    return Figure(name=known.name, title=known.title, unit="share", value=0.0, low=0.0, high=high, n=rate.n)


def nights(name: str, series: Sequence[Entry], places: Iterable[int] | None = None) -> list[Placed]:
    """One figure's nights, oldest first; of the runs at some places, or of all."""
    every = values(name, series)
    by_night: dict[str, list[int]] = {}
    for place in range(len(series)) if places is None else places:
        by_night.setdefault(series[place].night, []).append(place)
    found = ((there, [one for place in there if (one := every[place])]) for there in by_night.values())
    return [Placed(there, night(figures)) for there, figures in found if figures]


def _walk(name: str, series: Sequence[Entry]) -> Walk | None:
    known = next((one for one in values(name, series) if one is not None), None)
    if known is None:
        return None
    watch, found, looks = Watch(part_of(name)), [], []
    placed = nights(name, series)
    for number, (places, newest) in enumerate(placed):
        looks = watch.looks(newest) if places[-1] == len(series) - 1 else []
        seen = watch.add(newest)
        if seen is not None:
            begins = placed[number + 1 - seen.nights_new].places[0]
            found.append(Shift(name, known.title, begins, places[-1], seen))
    return Walk(name, known.title, known.unit, found, looks, part_of(name))


def part_of(name: str) -> float:
    """What a figure gets of the chance."""
    return PARTS.get(name, KINDS_PART / MOST_KINDS)


def against(pinned: Sequence[Night], since: Sequence[Night], part: float = 1.0) -> Step | None:
    """The step that the newest nights make against runs that were pinned; None where none has the figure."""
    if not pinned:
        return None
    return _clearest((step(pinned, since[-latest:]) for latest in CHANCE if latest <= len(since)), part)


def _clearest(looks: Iterable[Step], part: float) -> Step | None:
    """The rarest of the steps that are certain."""
    sure = (seen for seen in looks if certain(seen, part))
    return min(sure, key=lambda seen: seen.p_value, default=None)


def certain(seen: Step, part: float) -> bool:
    """Whether a step is large enough to matter, and too rare to be chance."""
    return seen.matters and seen.p_value < _allowed(seen, part)


def _allowed(seen: Step, part: float) -> float:
    allowed = CHANCE[seen.nights_new] * part * (1.0 if seen.worse else FOR_BETTER)
    return allowed if seen.unit == "share" else allowed * min(1.0, (FINE_SE / seen.se) ** 2)


def doubtful(looks: Mapping[str, Sequence[Step]]) -> list[str]:
    """The figures that more runs in the newest night would tell of: those that look worse, and may be so by
    as much as is sought. None once a figure is worse for certain by that night alone: it has its answer.

    Args:
        looks: of each figure, as `Watch.looks` has them.
    """
    if any(_settled(name, steps) for name, steps in looks.items()):
        return []
    return [name for name, least in SOUGHT.items() if any(_open(seen, least) for seen in looks.get(name, ()))]


def _open(seen: Step, least: float) -> bool:
    return seen.worse and seen.high >= least


def _settled(name: str, looks: Sequence[Step]) -> bool:
    return any(seen.nights_new == 1 and seen.worse and certain(seen, part_of(name)) for seen in looks)
