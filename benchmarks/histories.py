"""Made-up histories of scheduled runs, with known truth: how often is an alarm false, how soon is a change
found?

    python -m benchmarks.histories [--series 400] [--seed 1] [--jobs 2]

Every series is one scenario run again and again. Noise between runs multiplies error rate, P99 and P50; half
of its variance is common to them, since a slow machine is slow in all. Failures are counted among 2,000
requests a run. Four rules see the same series: this suite's (`analysis.trend.watch`); that of CI scripts, a
fifth more than in the last run; three standard deviations above the runs before; and one that was told the
true level and the true noise and looks at the mean of the last one, two and three runs.

Without a change, 250 runs: false alarms are runs with an alarm for the worse, in any figure, from the
second run on. With one: after 20 runs error rate 1 % becomes 3 %, or P99 a quarter more; found within
three runs.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from analysis.intervals import share_interval
from analysis.trend.entry import TITLES, Entry, Figure
from analysis.trend.judge import regression
from analysis.trend.watch import shifts

RUNS, BEFORE, WITHIN, CONFIRM = 250, 20, 3, 2
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
    """A kind of noise: its name, standard deviation, and how it is drawn."""

    name: str
    sd: float
    draw: Callable[[Random, int], Floats]


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


KINDS = (
    even(0.1), even(0.15), even(0.2), normal(0.1), normal(0.125), normal(0.15), normal(0.2), heavy(0.15),
    wandering(0.1),
)  # fmt: skip


def history(kind: Kind, runs: int, change: str | None, random: Random) -> list[Entry]:
    """One series."""
    common, shares = kind.draw(random, runs), math.sqrt(0.5)
    level = {}
    for name, usual in USUAL.items():
        # Even noise stays even: the sum of two would not be.
        own = kind.draw(random, runs)
        deviation = own if kind.name.startswith("even") else shares * (common + own)
        level[name] = usual * np.exp(deviation)
    if change is not None:
        name, times = CHANGES[change]
        level[name][BEFORE:] *= times
    failed = random.binomial(REQUESTS, np.clip(level["error_rate"], 0, 1))
    return [_entry(i, int(failed[i]), {name: float(level[name][i]) for name in USUAL}) for i in range(runs)]


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
        series = history(kind, RUNS, None, random)
        for i, rule in enumerate(RULES.values()):
            found[i] += len({place for _, place in rule(series, kind.sd)})
    return [alarms / count / (RUNS - 1) for alarms in found]


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


def one_night(kind: Kind, change: str | None, count: int, seed: int) -> float:
    """The share of nights with an alarm: the 21st run, and two more at once where it looks worse."""
    random = np.random.default_rng([seed, 2])
    found = 0
    for _ in range(count):
        series = history(kind, BEFORE + 1 + CONFIRM, change, random)
        for runs in range(BEFORE + 1, len(series) + 1):
            report = regression(series[:runs])
            if report.alarms or not report.doubtful:
                break
        found += bool(report.alarms)
    return found / count


def one_kind(place: int, count: int, seed: int) -> list[list[float]]:
    """All of one kind of noise: false alarms and each change, a column per rule; last, single nights."""
    kind = KINDS[place]
    seed = seed * 100 + place
    tables = [
        false_alarms(kind, max(1, count // LONG), seed),
        *(detected(kind, change, count, seed) for change in CHANGES),
    ]
    return [*tables, [one_night(kind, change, count, seed) for change in (None, *CHANGES)]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    with multiprocessing.Pool(given.jobs) as pool:
        found = pool.map(partial(one_kind, count=given.series, seed=given.seed), range(len(KINDS)), 1)
    for i, rule in enumerate(RULES):
        print(f"\n**{rule}**\n\n| noise between runs | false alarms per run | {' | '.join(CHANGES)} |")
        print("|---|---|" + "---|" * len(CHANGES))
        for kind, table in zip(KINDS, found, strict=True):
            alarms, *hits = (row[i] for row in table[:-1])
            print(_row(kind, alarms, hits))
    print(f"\n**one night, with {CONFIRM} runs more where the first looks worse**\n")
    print(f"| noise between runs | false alarms per night | {' | '.join(CHANGES)} |")
    print("|---|---|" + "---|" * len(CHANGES))
    for kind, table in zip(KINDS, found, strict=True):
        alarms, *hits = table[-1]
        print(_row(kind, alarms, hits))
    print("\nMost that can be found of P99 + 25 %, normal noise: " + ", ".join(map(_most, KINDS[3:7])))


def _most(kind: Kind) -> str:
    """By a rule that knows all, has one false alarm in fifty for this figure alone, and takes the mean of
    three runs: the most powerful test there is (Neyman, Pearson)."""
    size = math.log(CHANGES["P99 + 25 %"][1]) * math.sqrt(WITHIN) / kind.sd
    return f"{norm.cdf(size - norm.isf(ALLOWED)):.0%} at {kind.name}"


def _row(kind: Kind, alarms: float, hits: Sequence[float]) -> str:
    return f"| {kind.name} | {alarms:.2%} | {' | '.join(f'{hit:.1%}' for hit in hits)} |"


if __name__ == "__main__":
    main()
