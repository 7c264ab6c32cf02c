"""How often a comparison of runs of one and the same service calls the new ones worse, or better.

    python -m benchmarks.comparisons [--pairs 300] [--seed 1]

Runs of two minutes, ten requests a second, lognormal answers of about 120 ms. Nothing changes but that the
durations of every run are multiplied by a factor of its own, and those above its P95 by another one (both:
standard deviation `sd`, lognormal). Prints how often a duration is called worse or better, in per cent with
95 % intervals, with P50 and P95 of successes in the headline and without.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from analysis.comparison.headline import SURE, headline
from analysis.comparison.judge import compare
from analysis.comparison.seen import Seen, seen
from analysis.intervals import share_interval
from recording.run import Run
from recording.sample import Category, Samples

SDS = (0.05, 0.1, 0.2)
RUNS = (1, 3)
LENGTH_S, PER_S = 120.0, 10.0


def made_up(rng: np.random.Generator, sd: float) -> Seen:
    """A run without failures at one level of load."""
    rows = int(LENGTH_S * PER_S)
    duration_ms = 120 * rng.lognormal(0, 0.3, rows) * np.exp(rng.normal(0, sd))
    slow = duration_ms > np.quantile(duration_ms, 0.95)
    duration_ms = np.where(slow, duration_ms * np.exp(rng.normal(0, sd)), duration_ms)
    samples = Samples(
        start_s=1.75e9 + np.sort(rng.uniform(0, LENGTH_S, rows)),
        duration_ms=duration_ms,
        status=np.full(rows, 200, np.int16),
        users=np.full(rows, 10, np.int32),
        in_flight=np.full(rows, -1, np.int32),
        account=np.full(rows, -1, np.int32),
        response_bytes=np.full(rows, 80, np.int64),
        weight=np.ones(rows, np.int32),
        endpoint=Category.constant("login", rows),
        method=Category.constant("POST", rows),
        outcome=Category.constant("ok", rows),
        code=Category.constant("", rows),
        node=Category.constant("local", rows),
        stage=Category.constant("", rows),
    )
    return seen(Run(id="made-up", source="made_up", samples=samples))


def main() -> None:
    """Draw pairs, compare, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print("| runs a side | sd | worse | worse without P50, P95 | better | better without |")
    print("|---|---|---|---|---|---|")
    for runs, sd in product(RUNS, SDS):
        rng = np.random.default_rng(asked.seed)
        found = []
        for _ in range(asked.pairs):
            sides = [[made_up(rng, sd) for _ in range(runs)] for _ in range(2)]
            lines = [line for line in compare(*sides).lines if line.key != "freeze"]
            without = [line for line in lines if line.key not in SURE]
            found.append((headline(lines)[0], headline(without)[0]))
        cells = (_share([one[i] == word for one in found]) for word in ("worse", "better") for i in (0, 1))
        print(f"| {runs} | {sd:g} | {' | '.join(cells)} |", flush=True)


def _share(hits: list[bool]) -> str:
    low, high = share_interval(sum(hits), len(hits))
    return f"{100 * sum(hits) / len(hits):.1f} ({100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    main()
