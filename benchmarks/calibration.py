"""Recipe and engine side by side on the same made-up runs: how often each is right.

    python -m benchmarks.calibration --runs 40 --seed 100000 --jobs 2

Draws `--runs` runs per kind, shape and length from seeds that begin at `--seed` and prints the tables of
docs/method.md. Seeds under 1000 were used for tuning; report on others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np

from analysis.drift import time_drift
from analysis.knee import knee
from analysis.load import load_effect
from analysis.temporal import temporal
from benchmarks.kinds import HARDER, KINDS
from benchmarks.recipe import drift_answer, knee_users, load_answer
from benchmarks.simulate import SHAPES, Made, draw
from benchmarks.tables import BLIND, Record, Rows, report

DURATIONS = (60.0, 90.0, 150.0, 300.0, 600.0, 900.0)
KNEE_TOLERANCE = 0.1


def judge(task: tuple[str, str, float, int]) -> Record:
    """Make one run and ask both."""
    kind, shape, duration_s, seed = task
    made = draw(kind, shape, duration_s, seed)
    cut = made.windows
    engine, recipe = load_effect(cut), load_answer(cut)
    bend = knee(cut) if engine.answer == "rises" and made.knee else None
    found = (bend.users, bend.low, bend.high) if bend else None
    old = knee_users(cut) if recipe.answer == "rises" and made.knee else None
    return Record(
        kind=kind,
        shape=shape,
        duration_s=duration_s,
        truth=made.truth,
        must=made.must_decide,
        recipe=recipe.answer,
        engine=engine.answer,
        confidence=engine.confidence,
        recipe_confidence=recipe.confidence,
        drifts=made.drifts,
        drift_engine=time_drift(cut).answer,
        drift_recipe=drift_answer(cut),
        pattern=made.pattern,
        temporal=temporal(cut, made.positions).answer,
        knee_engine=_knee(made, found),
        knee_recipe=_knee(made, old),
    )


def _knee(made: Made, found: tuple[float, float, float] | None) -> tuple[bool, bool, float] | None:
    if found is None or made.knee is None:
        return None
    users, low, high = found
    peak = float(np.nanmax(made.windows.load))
    near = abs(users - made.knee) <= KNEE_TOLERANCE * peak
    return low <= made.knee <= high, near, (high - low) / peak


def measure(tasks: Sequence[tuple[str, str, float, int]], jobs: int) -> Rows:
    """All records, in the order of the tasks."""
    if jobs == 1:
        return [judge(task) for task in tasks]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(judge, tasks, chunksize=100))


def main() -> int:
    """Run and print; exit code 1 if more than 5 % of the runs blind to load are called rises."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=40, help="per kind, shape and length")
    parser.add_argument("--seed", type=int, default=100_000, help="first seed")
    parser.add_argument("--durations", type=float, nargs="+", default=DURATIONS, metavar="S")
    parser.add_argument("--kinds", nargs="+", default=[*KINDS, *HARDER])
    parser.add_argument("--shapes", nargs="+", default=SHAPES)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    tasks = list(product(options.kinds, options.shapes, options.durations, seeds))
    began = time.perf_counter()
    rows = measure(tasks, options.jobs)
    sys.stdout.write(
        f"{len(rows)} runs, seeds {seeds.start} to {seeds.stop - 1}, {time.perf_counter() - began:.0f} s\n"
    )
    report(rows)
    blind = [r for r in rows if r.kind in BLIND]
    return int(bool(blind) and np.mean([r.engine == "rises" for r in blind]) > 0.05)


if __name__ == "__main__":
    raise SystemExit(main())
