"""Watch: goes through a series run by run, as the scheduled runs came, and tells each change of level.

After every run the last one, two and three are held against those before (`analysis.trend.step`). A change
that is certain enough begins a new level, against which the runs that follow are held: so each change is
told once, and the list is the same whether the series is looked at daily or at once. How certain is set so
that of fifty runs at most one is a false alarm, over all figures and looks (`benchmarks.histories`): a
single run must stand out by far, three runs by less; and where runs differ much, little can be found
anyway while most false alarms come from there, so less is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.comparison.report import Unit
from analysis.intervals import share_upper
from analysis.trend.entry import KIND, MOST_KINDS, TITLES, Entry, Figure
from analysis.trend.step import UNSEEN, Noise, Step, step

CHANCE = {1: 0.0005, 2: 0.001, 3: 0.02}
"""So rare by chance must a step be: of the last run alone, of the last two, of the last three."""
PARTS = {"error_rate": 0.1, "p99_all": 1.0, "p50_ok": 0.1}
"""What each figure gets of that: most goes where changes are hard to see."""
KINDS_PART = 0.1
"""What all kinds of failure get together, as many as are kept of a run."""
FOR_BETTER = 0.5
"""What a change for the better gets."""
QUIET_SD = 0.09
"""Between runs of a figure; where they differ by more, the chance goes down with their variance."""
DOUBTFUL = 0.05
"""A run that is worse than its level by so rare a step is worth another look at once."""
BASE_RUNS = 30
"""A level is what its latest runs show; what was there a hundred runs ago is no part of today's."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One figure went to another level.

    Attributes:
        name, title: the figure's.
        begins: place of the first run of the new level in the series.
        found: place of the run after which it was clear.
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
        level: values of the runs of the level that it has now, oldest first.
        noise: what earlier levels showed of how runs differ.
        part: what it gets of the chance of a false alarm.
    """

    name: str
    title: str
    unit: Unit
    shifts: list[Shift]
    level: list[Figure]
    noise: Noise
    part: float


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


def _walk(name: str, series: Sequence[Entry]) -> Walk | None:
    given = [(place, figure) for place, figure in enumerate(values(name, series)) if figure is not None]
    if not given:
        return None
    figures = [figure for _, figure in given]
    title, unit, part = figures[0].title, figures[0].unit, part_of(name)
    found: list[Shift] = []
    begin, noise = 0, UNSEEN
    for last in range(1, len(figures)):
        seen = newest(figures[begin : last + 1], part, noise)
        if seen is not None:
            before, begin = begin, last + 1 - seen.runs_new
            noise = noise.and_level(figures[max(before, begin - BASE_RUNS) : begin])
            found.append(Shift(name, title, given[begin][0], given[last][0], seen))
    return Walk(name, title, unit, found, figures[begin:], noise, part)


def part_of(name: str) -> float:
    """What a figure gets of the chance."""
    return PARTS.get(name, KINDS_PART / MOST_KINDS)


def newest(level: Sequence[Figure], part: float = 1.0, noise: Noise = UNSEEN) -> Step | None:
    """The step that the latest runs of a level make, if one is certain."""
    looks = (
        step(level[-latest - BASE_RUNS : -latest], level[-latest:], noise)
        for latest in CHANCE
        if latest < len(level)
    )
    return _clearest(looks, part)


def against(pinned: Sequence[Figure], level: Sequence[Figure], part: float = 1.0) -> Step | None:
    """The same against runs that were pinned; None where none of them has the figure."""
    if not pinned:
        return None
    return _clearest((step(pinned, level[-latest:]) for latest in CHANCE if latest <= len(level)), part)


def _clearest(looks: Iterable[Step], part: float) -> Step | None:
    sure = (seen for seen in looks if certain(seen, part))
    return min(sure, key=lambda seen: seen.p_value, default=None)


def certain(seen: Step, part: float) -> bool:
    """Whether a step is large enough to matter, and too rare to be chance."""
    return seen.matters and seen.p_value < _allowed(seen, part)


def _allowed(seen: Step, part: float) -> float:
    allowed = CHANCE[seen.runs_new] * part * (1.0 if seen.worse else FOR_BETTER)
    return allowed if seen.unit == "share" else allowed * min(1.0, (QUIET_SD / seen.noise) ** 2)


def doubtful(walk: Walk) -> bool:
    """Whether the newest run looks worse than its level, not certainly so: two runs more would tell."""
    if walk.name not in PARTS or len(walk.level) < 2:
        return False
    seen = step(walk.level[-1 - BASE_RUNS : -1], walk.level[-1:], walk.noise)
    return seen.worse and seen.matters and seen.p_value < DOUBTFUL
