"""Made-up histories of scheduled runs, with known truth: how often is an alarm false, how soon is a change
found?

    python -m benchmarks.histories [--series 400] [--seed 1] [--jobs 2]

Every series is one scenario run again and again. Noise between runs multiplies error rate, P99 and P50; half
of its variance is common to them, since a slow machine is slow in all. Failures are counted among 2,000
requests a run.

Nights of one run: four rules see the same series. This suite's (`analysis.trend.watch`); that of CI scripts,
a fifth more than in the last run; three standard deviations above the runs before; and one that was told the
true level and the true noise and looks at the mean of the last one, two and three runs.

Nights with repeats: this suite's rule, which asks for more runs the same night while it is open whether
something is worse. What a night is like may be shared by its runs: in the last rows, half of the variance.

Without a change, 250 nights: false alarms are nights with an alarm for the worse, in any figure, from the
second on. With one: after 20 nights error rate 1 % becomes 3 %, or P99 a quarter more; found within
three nights.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from analysis.intervals import share_interval
from analysis.trend.entry import TITLES, Entry, Figure
from analysis.trend.step import night
from analysis.trend.watch import Watch, doubtful, part_of, shifts

NIGHTS, BEFORE, WITHIN = 250, 20, 3
CONFIRM = 6
"""Runs more in a night, at most: what `loadverdict regression` does unless told otherwise."""
CONFIRMS = (0, 2, 4, 6, 8, 12)
LONG = 4
"""One in so many series is long and without a change."""
REQUESTS = 2000
USUAL = {"error_rate": 0.01, "p99_all": 400.0, "p50_ok": 200.0}
CHANGES = {"error rate 1 to 3 %": ("error_rate", 3.0), "P99 + 25 %": ("p99_all", 1.25)}
ALLOWED = 0.02
"""False alarms per run: one in fifty."""

Random = np.random.Generator
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Rule = Callable[[Sequence[Entry], float], set[tuple[str, int]]]


class Kind(NamedTuple):
    """A kind of noise: its name, standard deviation, how it is drawn for so many runs, and how much of its
    variance all runs of a night share."""

    name: str
    sd: float
    draw: Callable[[Random, int], Floats]
    shared: float = 0.0


def even(width: float) -> Kind:
    """Evenly spread over so much to both sides."""
    return Kind(
        f"even, ± {width:.0%}", width / math.sqrt(3), lambda random, n: random.uniform(-width, width, n)
    )


def normal(sd: float) -> Kind:
    """Normal."""
    return Kind(f"normal, sd {sd:.0%}", sd, lambda random, n: random.normal(0, sd, n))


def heavy(sd: float) -> Kind:
    """With outliers: Student's t of three degrees of freedom."""
    return Kind(
        f"with outliers, sd {sd:.0%}", sd, lambda random, n: random.standard_t(3, n) * sd / math.sqrt(3)
    )


def wandering(sd: float) -> Kind:
    """Each run takes half of its deviation from the one before, as on a machine with neighbours."""

    def draw(random: Random, n: int) -> Floats:
        found = random.normal(0, sd, n)
        for i in range(1, n):
            found[i] = found[i - 1] / 2 + found[i] * math.sqrt(0.75)
        return found

    return Kind(f"wandering, sd {sd:.0%}", sd, draw)


def shared(sd: float) -> Kind:
    """Normal; half of the variance is the night's, as on a machine with a neighbour all night long."""
    return normal(sd)._replace(name=f"half the night's, sd {sd:.0%}", shared=0.5)


KINDS = (
    even(0.1), even(0.15), even(0.2), normal(0.1), normal(0.125), normal(0.15), normal(0.2), heavy(0.15),
    wandering(0.1), shared(0.1), shared(0.15),
)  # fmt: skip


class Machine:
    """Runs one scenario again and again.

    Args:
        kind: of noise.
        nights, most: how many nights at most, and how many runs in each.
        change: what changes after `BEFORE` nights, if anything.
        random: where noise and failures come from.
    """

    def __init__(self, kind: Kind, nights: int, most: int, change: str | None, random: Random) -> None:
        self._random = random
        self._changed, self._times = CHANGES[change] if change else ("", 1.0)
        self._of_runs = _deviations(kind, nights * most, random)
        self._of_nights = _deviations(kind, nights, random)
        self._shared = kind.shared
        self._made = 0

    def run(self, night: int) -> Entry:
        """The next run."""
        level = {name: self._level(name, night) for name in USUAL}
        failed = int(self._random.binomial(REQUESTS, min(1.0, level["error_rate"])))
        self._made += 1
        return _entry(self._made, failed, level)

    def _level(self, name: str, night: int) -> float:
        own, common = self._of_runs[name][self._made], self._of_nights[name][night]
        deviation = math.sqrt(1 - self._shared) * own + math.sqrt(self._shared) * common
        times = self._times if name == self._changed and night >= BEFORE else 1.0
        return USUAL[name] * times * math.exp(deviation)


def _deviations(kind: Kind, count: int, random: Random) -> dict[str, Floats]:
    common, part = kind.draw(random, count), math.sqrt(0.5)
    own = {name: kind.draw(random, count) for name in USUAL}
    # Even noise stays even: the sum of two would not be.
    return own if kind.name.startswith("even") else {name: part * (common + one) for name, one in own.items()}


def history(kind: Kind, nights: int, change: str | None, random: Random) -> list[Entry]:
    """One series, of one run a night."""
    machine = Machine(kind, nights, 1, change, random)
    return [machine.run(night) for night in range(nights)]


def _entry(place: int, failed: int, level: dict[str, float]) -> Entry:
    low, high = share_interval(failed, REQUESTS)
    figures = {}
    for name, (title, unit) in TITLES.items():
        value, bounds = level[name], {}
        if name == "error_rate":
            value, bounds = failed / REQUESTS, {"low": low, "high": high}
        figures[name] = Figure(name=name, title=title, unit=unit, value=value, n=REQUESTS, **bounds)
    return Entry(
        run_id=f"run-{place:03}",
        scenario="made-up",
        started_utc=f"2026-01-01T00:{place:02}:00Z",
        exit_code=0,
        whole=True,
        requests=REQUESTS,
        errors=failed,
        sentence="",
        figures=figures,
    )


def suite(series: Sequence[Entry], sd: float) -> set[tuple[str, int]]:
    """This suite's rule."""
    del sd
    return {(shift.name, shift.found) for shift in shifts(series) if shift.step.worse}


def fifth_more(series: Sequence[Entry], sd: float) -> set[tuple[str, int]]:
    """A fifth more than in the last run."""
    del sd
    return {
        (name, place)
        for name in USUAL
        for place in range(1, len(series))
        if series[place].figures[name].value > 1.2 * series[place - 1].figures[name].value
    }


def three_deviations(series: Sequence[Entry], sd: float) -> set[tuple[str, int]]:
    """Three standard deviations above the mean of all runs before, from the sixth run on."""
    del sd
    found = set()
    for name in USUAL:
        values = np.array([entry.figures[name].value for entry in series])
        for place in range(5, len(values)):
            before = values[:place]
            if values[place] > before.mean() + 3 * before.std(ddof=1):
                found.add((name, place))
    return found


def told_the_truth(series: Sequence[Entry], sd: float) -> set[tuple[str, int]]:
    """Knows level and noise; the chance of a false alarm is shared among figures and looks alike."""
    found = set()
    for name, usual in USUAL.items():
        values = np.array([entry.figures[name].value for entry in series])
        chance = math.sqrt((1 - usual) / usual / REQUESTS) if name == "error_rate" else 0.0
        logs = np.log(np.maximum(values, 0.2 / REQUESTS) / usual)
        for looked in range(1, WITHIN + 1):
            limit = norm.isf(ALLOWED / len(USUAL) / WITHIN) * math.hypot(sd, chance) / math.sqrt(looked)
            means = np.convolve(logs, np.ones(looked) / looked, "valid")
            found |= {(name, int(place) + looked - 1) for place in np.flatnonzero(means > limit)}
    return found


RULES: dict[str, Rule] = {
    "loadverdict": suite,
    "a fifth more than the last run": fifth_more,
    "three standard deviations": three_deviations,
    "told the truth": told_the_truth,
}


def false_alarms(kind: Kind, count: int, seed: int) -> list[float]:
    """Of each rule, the share of runs with an alarm though nothing changed."""
    random = np.random.default_rng([seed, 0])
    found = [0] * len(RULES)
    for _ in range(count):
        series = history(kind, NIGHTS, None, random)
        for i, rule in enumerate(RULES.values()):
            found[i] += len({place for _, place in rule(series, kind.sd)})
    return [alarms / count / (NIGHTS - 1) for alarms in found]


def detected(kind: Kind, change: str, count: int, seed: int) -> list[float]:
    """Of each rule, the share of series in which the change was found within three runs."""
    random = np.random.default_rng([seed, 1])
    name, _ = CHANGES[change]
    soon = range(BEFORE, BEFORE + WITHIN)
    found = [0] * len(RULES)
    for _ in range(count):
        series = history(kind, BEFORE + WITHIN, change, random)
        for i, rule in enumerate(RULES.values()):
            found[i] += any(figure == name and place in soon for figure, place in rule(series, kind.sd))
    return [hits / count for hits in found]


class Kept(NamedTuple):
    """Nights with repeats: how often there was an alarm, and how many runs a night had."""

    alarms: float
    runs: float


def nights_of(machine: Machine, nights: int, confirm: int) -> Iterator[tuple[set[str], int]]:
    """Night after night: which figures are told to be worse, and how many runs were made."""
    watches = {name: Watch(part_of(name)) for name in USUAL}
    for place in range(nights):
        runs: list[Entry] = []
        while len(runs) <= confirm:
            runs.append(machine.run(place))
            tonight = {name: night([run.figures[name] for run in runs]) for name in USUAL}
            if not doubtful({name: watch.looks(tonight[name]) for name, watch in watches.items()}):
                break
        steps = {name: watch.add(tonight[name]) for name, watch in watches.items()}
        yield {name for name, step in steps.items() if step is not None and step.worse}, len(runs)


def quiet_nights(kind: Kind, count: int, seed: int) -> Kept:
    """Without a change: false alarms per night."""
    random = np.random.default_rng([seed, 2])
    alarms, made = 0, 0
    for _ in range(count):
        machine = Machine(kind, NIGHTS, CONFIRM + 1, None, random)
        for told, runs in nights_of(machine, NIGHTS, CONFIRM):
            alarms, made = alarms + bool(told), made + runs
    return Kept(alarms / count / (NIGHTS - 1), made / count / NIGHTS)


def changed_nights(kind: Kind, change: str, count: int, seed: int, confirm: int = CONFIRM) -> Kept:
    """The share of series in which the change was found within three nights, and the runs of those."""
    random = np.random.default_rng([seed, 3])
    name, _ = CHANGES[change]
    found, made = 0, 0
    for _ in range(count):
        machine = Machine(kind, BEFORE + WITHIN, confirm + 1, change, random)
        last = list(nights_of(machine, BEFORE + WITHIN, confirm))[BEFORE:]
        found += any(name in told for told, _ in last)
        made += sum(runs for _, runs in last)
    return Kept(found / count, made / count / WITHIN)


class Measured(NamedTuple):
    """All of one kind of noise: of each rule, false alarms and each change; then the nights with repeats."""

    single: list[list[float]]
    quiet: Kept
    changed: list[Kept]


def one_kind(place: int, count: int, seed: int) -> Measured:
    """Everything about one kind of noise."""
    kind, few = KINDS[place], max(1, count // LONG)
    seed = seed * 100 + place
    single = [
        false_alarms(kind, few, seed),
        *(detected(kind, change, count, seed) for change in CHANGES),
    ]
    changed = [changed_nights(kind, change, count, seed) for change in CHANGES]
    return Measured(single, quiet_nights(kind, few, seed), changed)


def by_confirm(confirm: int, count: int, seed: int) -> Kept:
    """The hardest row, with so many repeats at most."""
    return changed_nights(normal(0.2), "P99 + 25 %", count, seed * 100, confirm)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    same = {"count": given.series, "seed": given.seed}
    with multiprocessing.Pool(given.jobs) as pool:
        found = pool.map(partial(one_kind, **same), range(len(KINDS)), 1)
        hardest = pool.map(partial(by_confirm, **same), CONFIRMS, 1)
    for i, rule in enumerate(RULES):
        print(f"\n**one run a night: {rule}**\n")
        _head("false alarms per run", *CHANGES)
        for kind, one in zip(KINDS, found, strict=True):
            alarms, *hits = (row[i] for row in one.single)
            _row(kind.name, f"{alarms:.2%}", *(f"{hit:.1%}" for hit in hits))
    print(f"\n**with up to {CONFIRM} runs more a night while it is open whether something is worse**\n")
    _head("false alarms per night", *CHANGES, "runs a night", "after P99 + 25 %")
    for kind, one in zip(KINDS, found, strict=True):
        shares = (f"{change.alarms:.1%}" for change in one.changed)
        runs = (f"{kept.runs:.1f}" for kept in (one.quiet, one.changed[-1]))
        _row(kind.name, f"{one.quiet.alarms:.2%}", *shares, *runs)
    print("\nP99 + 25 %, normal, sd 20%: ", end="")
    print(", ".join(f"{kept.alarms:.1%} with {n} more" for n, kept in zip(CONFIRMS, hardest, strict=True)))
    print("\nMost that can be found of it by one run a night: " + ", ".join(map(_most, KINDS[3:7])))


def _most(kind: Kind) -> str:
    """By a rule that knows all, has one false alarm in fifty for this figure alone, and takes the mean of
    three runs: the most powerful test there is (Neyman, Pearson)."""
    size = math.log(CHANGES["P99 + 25 %"][1]) * math.sqrt(WITHIN) / kind.sd
    return f"{norm.cdf(size - norm.isf(ALLOWED)):.0%} at {kind.name}"


def _head(*names: str) -> None:
    _row("noise between runs", *names)
    print("|---" * (len(names) + 1) + "|")


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
