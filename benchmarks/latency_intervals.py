"""How often the 95 % intervals of latency percentiles hold the truth, where latency wanders.

    python -m benchmarks.latency_intervals --runs 200

Made-up runs whose log latency wanders (Ornstein-Uhlenbeck) beside the noise of single requests, at one load
or over steps up and down again. The truth is the percentile of the process, the mix of loads being given.
Compared are the intervals as they are, and those that take requests for independent.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from analysis.latency import NAMES, Distribution
from analysis.ranked import Ranked
from analysis.usable import Floats, Ints, usable
from recording.sample import Category, Samples

NOISE = 0.4
"""Standard deviation of the log latency of single requests."""
STEP_EFFECT = 0.5
STEPS = (0, 1, 2, 1, 0)
GRID_S = 0.1


@dataclass(frozen=True, slots=True)
class World:
    """Length, requests per second, and how long and how far the latency wanders (s, as a share)."""

    length_s: float
    rate_per_s: float
    memory_s: float
    wander: float


WORLDS = (
    World(150, 20, 1, 0.0),
    World(150, 20, 2, 0.3),
    World(150, 20, 10, 0.3),
    World(600, 20, 2, 0.3),
    World(600, 20, 10, 0.3),
)


def draw(world: World, steps: tuple[int, ...], rng: np.random.Generator) -> tuple[Samples, Ints]:
    """A run and the load level of each request."""
    rows = int(rng.poisson(world.length_s * world.rate_per_s))
    start = np.sort(rng.uniform(0, world.length_s, rows))
    level = np.array(steps)[(start / world.length_s * len(steps)).astype(int)]
    grid = np.arange(0, world.length_s + GRID_S, GRID_S)
    wander = _wander(len(grid), world, rng)
    log_ms = 4 + STEP_EFFECT * level + np.interp(start, grid, wander) + rng.normal(0, NOISE, rows)
    return _samples(1e9 + start, np.exp(log_ms)), level.astype(np.int64)


def _wander(points: int, world: World, rng: np.random.Generator) -> Floats:
    keep = np.exp(-GRID_S / world.memory_s)
    noise = rng.normal(0, world.wander, points)
    noise[1:] *= np.sqrt(1 - keep**2)
    for i in range(1, points):
        noise[i] += keep * noise[i - 1]
    return np.asarray(noise, np.float64)


def _samples(start_s: Floats, duration_ms: Floats) -> Samples:
    rows = len(start_s)
    one, unknown, text = np.ones(rows, np.int32), np.full(rows, -1, np.int32), Category.constant("", rows)
    return Samples(
        start_s=start_s,
        duration_ms=duration_ms,
        endpoint=text,
        method=text,
        status=np.full(rows, 200, np.int16),
        outcome=Category.constant("ok", rows),
        code=text,
        users=one,
        in_flight=unknown,
        account=unknown,
        node=text,
        stage=text,
        response_bytes=unknown.astype(np.int64),
        weight=one,
    )


def truth(world: World, level: Ints, share: float) -> float:
    """The percentile of the process over the loads of these requests, by bisection."""
    spread = float(np.hypot(world.wander, NOISE))
    mix = [(NormalDist(4 + STEP_EFFECT * i, spread), float((level == i).mean())) for i in np.unique(level)]
    low, high = 0.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        below = sum(part * law.cdf(middle) for law, part in mix)
        low, high = (middle, high) if below < share else (low, middle)
    return float(np.exp(low))


def judged(world: World, steps: tuple[int, ...], seed: int) -> Iterator[tuple[str, bool, bool]]:
    """For each percentile of the run and of its highest level: held as it is, held if independent."""
    samples, level = draw(world, steps, np.random.default_rng(seed))
    ranked = Ranked.of(usable(samples), level, max(steps) + 1)
    highest = np.full(1, max(steps))
    for place, found, levels in (
        ("run", ranked.latencies(), level),
        ("level", ranked.latencies(max(steps)), highest),
    ):
        for name, share in NAMES.items():
            value = truth(world, levels, share)
            independent = replace(found.ok, effects=())
            yield f"{name} of the {place}", _holds(found.ok, share, value), _holds(independent, share, value)


def _holds(found: Distribution, share: float, value: float) -> bool:
    low, high = found.interval(share)
    return (low is None or low <= value) and (high is None or value <= high)


def main() -> None:
    """Print a Markdown table of coverage, in per cent: as it is, and in brackets if independent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("| s, per s, memory s, wander | load |", " | ".join(f"{n} run | {n} level" for n in NAMES), "|")
    print("|---|---|" + "---|" * 2 * len(NAMES))
    for world in WORLDS:
        for shape, steps in (("one", (0,)), ("steps", STEPS)):
            held = defaultdict(list)
            for seed in range(options.seed, options.seed + options.runs):
                for name, mine, other in judged(world, steps, seed):
                    held[name].append((mine, other))
            cells = [held[f"{n} of the {place}"] for n in NAMES for place in ("run", "level")]
            shares = [np.mean(cell, axis=0) * 100 for cell in cells]
            label = f"{world.length_s:g}, {world.rate_per_s:g}, {world.memory_s:g}, {world.wander:g}"
            print(
                f"| {label} | {shape} |", " | ".join(f"{a:.0f} ({b:.0f})" for a, b in shares), "|", flush=True
            )


if __name__ == "__main__":
    main()
