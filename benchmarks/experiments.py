"""How often the conclusion of an experiment is wrong, on made-up arms with known truth.

    python -m benchmarks.experiments [--runs 1000]

Requests fail with a rate that the change multiplies by a known ratio. Arms of one state differ (standard
deviation of their log odds), and failures come in bursts of some seconds. Prints the table of
docs/experiments.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import product

import numpy as np

from analysis.experiment.arms import Arm
from analysis.experiment.conclude import conclude
from analysis.experiment.effects import rate_effect
from analysis.experiment.report import About
from analysis.verdict import Percentiles, Quality

ARM_S = 30
ANSWERS = ("supports", "contradicts", "cannot_tell")
GOOD = Quality(valid=True, complete=True)
ABOUT = About(
    id="made-up",
    experiment="made-up",
    title="made up",
    suspect="pool",
    suspect_title="Pool",
    change="made up",
    measure="error_rate",
    scenario="steps",
    target="made-up",
    level=20,
    unit="users",
    seed=1,
    arm_s=ARM_S,
    warm_up_s=5,
    pairs=2,
    started_utc="",
)


def made_arm(
    state: str, rate: float, spread: float, burst_s: float, per_s: float, rng: np.random.Generator
) -> Arm:
    """An arm of 30 s with an error rate of its own, in bursts of `burst_s` (0: evenly)."""
    odds = rate / (1 - rate) * np.exp(rng.normal(0, spread)) if rate < 1 else np.inf
    own = odds / (1 + odds)
    seconds = np.full(ARM_S, own)
    if burst_s:
        # On for burst_s, off for as long that the rate comes out; four failures of five within bursts.
        on = min(0.95, own / 0.8)
        at, is_on, seconds = 0.0, rng.random() < on, np.zeros(ARM_S)
        while at < ARM_S:
            length = rng.exponential(burst_s if is_on else burst_s * (1 - on) / on)
            seconds[int(at) : int(at + length) + 1] = 0.8 if is_on else 0.0
            at, is_on = at + length, not is_on
        seconds *= own / 0.8 / on
    requests = rng.poisson(per_s, ARM_S)
    errors = rng.binomial(requests, np.minimum(seconds, 1.0))
    two = [counts.reshape(-1, 2).sum(axis=1) for counts in (requests, errors)]
    none = Percentiles(n=0, p50=None, p95=None, p99=None)
    return Arm(state, state, 0.0, ARM_S, two[0], two[1], {}, none, GOOD)


def conclusions(
    rate: float, ratio: float, spread: float, burst_s: float, per_s: float, runs: int, seed: int = 1
) -> tuple[Counter[str], float]:
    """How often each conclusion came, and how often the interval held the true ratio."""
    found: Counter[str] = Counter()
    covered = judged = 0
    for number in range(runs):
        rng = np.random.default_rng([seed, number])
        first = [made_arm("first", rate, spread, burst_s, per_s, rng) for _ in range(2)]
        changed = [made_arm("changed", rate * ratio, spread, burst_s, per_s, rng) for _ in range(2)]
        found[conclude(first, changed, ABOUT).answer] += 1
        if sum(arm.errors.sum() for arm in first):
            _, low, high = rate_effect(first, changed, lambda arm: arm.errors).ratio
            judged += 1
            covered += low <= ratio <= high
    return found, covered / max(judged, 1)


def rows(runs: int) -> Iterator[str]:
    """The table: for each truth the share of each conclusion."""
    heads = ("error rate", "becomes", "arms differ", "failures", *ANSWERS, "interval held")
    yield f"| {' | '.join(heads)} |".replace("_", " ")
    yield "|--:|--:|--:|---|--:|--:|--:|--:|"
    for rate, ratio, spread, burst_s in product((0.3, 0.05), (0.02, 0.5, 1.0), (0.0, 0.1, 0.3), (0.0, 2.0)):
        found, held = conclusions(rate, ratio, spread, burst_s, 30, runs)
        shares = " | ".join(f"{found[answer] / runs:.1%}" for answer in ANSWERS)
        kind = "bursts of 2 s" if burst_s else "even"
        yield f"| {rate:.0%} | {rate * ratio:.1%} | {spread:.0%} | {kind} | {shares} | {held:.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    for line in rows(parser.parse_args().runs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
