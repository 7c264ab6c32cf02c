"""Fitted curves: how often their 95 % band holds the true rate, point by point.

python -m benchmarks.curves --runs 100 --seed 700000
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from analysis.fitted import fitted
from analysis.knee import knee
from analysis.load import load_effect
from analysis.usable import Floats
from analysis.windows import windows
from tests.analysis.run_builder import by_load, make_run, shuffled_steps

LEVELS = (4, 8, 14, 20, 28, 36)
LENGTHS = {"150 s": 6.25, "720 s": 30.0}
"""Name, seconds per step (24 steps in four shuffled blocks)."""


def flat(users: Floats) -> Floats:
    """The same everywhere."""
    return np.full(len(users), 0.166)


def smooth(users: Floats) -> Floats:
    """A straight rise."""
    return 0.02 + 0.012 * users


def bent(users: Floats) -> Floats:
    """A line that bends at 17 users."""
    return 0.01 + 0.018 * np.maximum(0.0, users - 17)


def exceeded(users: Floats) -> Floats:
    """A capacity of 17 users."""
    return 0.004 + 0.95 * np.maximum(0.0, 1 - 17 / users)


def main() -> int:
    """Print the table; exit code 1 if a band holds the truth at under 85 % of its points."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=700_000)
    options = parser.parse_args()
    worst = 1.0
    heads = "| truth | length | runs with a curve | points inside | mean width in points |"
    sys.stdout.write(f"{heads}\n|---|---|---|---|---|\n")
    for rate in (flat, smooth, bent, exceeded):
        for name, step_s in LENGTHS.items():
            inside, widths, curves = [], [], 0
            for seed in range(options.seed, options.seed + options.runs):
                run = make_run(
                    users=shuffled_steps(seed, LEVELS), errors=by_load(rate), seed=seed, step_s=step_s
                )
                cut = windows(run.samples)
                load = load_effect(cut)
                points = fitted(cut, load, knee(cut) if load.answer == "rises" else None)
                truth = rate(np.array([point.load for point in points]))
                curves += bool(points)
                inside += [p.low - 1e-9 <= t <= p.high + 1e-9 for p, t in zip(points, truth, strict=True)]
                widths += [100 * (p.high - p.low) for p in points]
            share = float(np.mean(inside))
            worst = min(worst, share)
            sys.stdout.write(
                f"| {rate.__name__} | {name} | {curves} | {100 * share:.1f} | {np.mean(widths):.1f} |\n"
            )
            sys.stdout.flush()
    return int(worst < 0.85)


if __name__ == "__main__":
    raise SystemExit(main())
