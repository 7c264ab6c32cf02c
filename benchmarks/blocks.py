"""Blocks: made-up runs on blocks of levels repeated for as long as one likes, judged before they are over.

    from benchmarks.blocks import draw_blocks
    long = draw_blocks("case_wander", seed=7, blocks=34, step_s=7.0)
    long.until(251.0)

The same closed loop and kinds as `benchmarks.simulate`, but kept in fine slices, so that the windows of any
beginning can be cut as wide as those of a run that ended there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.load_axis import USERS
from analysis.usable import Floats
from analysis.windows import Windows, default_width
from benchmarks.kinds import HARDER, KINDS, WANDERING, World
from benchmarks.simulate import BLOCK_SHARES, closed_loop, wander

SLICE_S = 0.25
THINK_S, ANSWER_MS, ERROR_MS = (0.8, 2.0), (60, 260), (20.0, 1000.0, 3000.0)


@dataclass(frozen=True, slots=True)
class LongRun:
    """A made-up run in slices of a quarter second, and its truth: rises, constant, falls or unclear."""

    truth: str
    time_s: Floats
    users: Floats
    requests: Floats
    errors: Floats
    block_s: float

    def until(self, end_s: float) -> Windows:
        """The run up to a moment, cut into windows as a run of that length would be."""
        slices = max(1, round(default_width(end_s) / SLICE_S))
        width = slices * SLICE_S
        count = round(end_s / SLICE_S) // slices
        return cut(self.time_s, self.users, self.requests, self.errors, slices, count, width)


def draw_blocks(kind: str, seed: int, blocks: int, step_s: float, warm_up_s: float = 0.0) -> LongRun:
    """Make one run of shuffled blocks; the same arguments give the same run.

    The server and its users depend on kind and seed alone, so that a longer run can be made of the same world
    (of bursts, only how often they come and how long they last).

    Args:
        kind: a key of KINDS or HARDER; what happens once in a run happens once in all the blocks together.
        seed: of everything random.
        blocks: how many times every level is visited.
        step_s: seconds per visit.
        warm_up_s: seconds at the lowest level before the first block.
    """
    world, order, chance = (np.random.default_rng([seed, sum(kind.encode()), part]) for part in range(3))
    fill, truth, _, _ = {**KINDS, **HARDER}[kind]
    peak = int(world.integers(20, 61))
    levels = np.maximum(1, np.rint(peak * np.asarray(BLOCK_SHARES)))
    visits = np.concatenate([order.permutation(levels) for _ in range(blocks)])
    duration_s = warm_up_s + len(visits) * step_s
    time_s = (np.arange(round(duration_s / SLICE_S), dtype=np.float64) + 0.5) * SLICE_S
    place = np.floor((time_s - warm_up_s) / step_s).astype(int)
    users = np.where(place < 0, levels.min(), visits[np.clip(place, 0, len(visits) - 1)])
    w = World(
        rng=chance,
        duration_s=duration_s,
        time_s=time_s,
        users=users,
        p=np.zeros(len(time_s)),
        err_ms=float(world.choice(ERROR_MS)),
        think_s=float(world.uniform(*THINK_S)),
        base_ms=float(world.uniform(*ANSWER_MS)),
        capacity=float(world.uniform(0.7, 1.6) * peak),
    )
    sigma = 0.0 if world.random() < 0.4 else float(world.uniform(0.1, 0.34))
    sigma, memory_s = WANDERING.get(kind, (sigma, float(world.uniform(3, 30))))
    fill(w)
    factor = wander(chance, len(users), SLICE_S, sigma, memory_s) if sigma else np.ones(len(users))
    n, k, _ = closed_loop(w, factor, SLICE_S)
    return LongRun(truth, time_s, users, n, k, len(levels) * step_s)


def cut(
    time_s: Floats, users: Floats, n: Floats, k: Floats, slices: int, count: int, width: float
) -> Windows:
    """Windows of so many slices each, from the first `count` of them."""

    def total(values: Floats) -> Floats:
        return np.asarray(values[: count * slices].reshape(count, slices).sum(axis=1), np.float64)

    requests, errors = total(n), total(k)
    filled = requests > 0
    load, time = (
        np.divide(total(n * values), requests, out=np.full(count, np.nan), where=filled)
        for values in (users, time_s)
    )
    start = np.arange(count, dtype=np.float64) * width
    nothing = np.full(count, np.nan)
    return Windows(
        origin_s=0.0,
        width_s=width,
        start_s=start,
        time_s=np.where(filled, time, start + width / 2),
        requests=requests.astype(np.int64),
        errors=errors.astype(np.int64),
        axis=USERS,
        load=load,
        users=load,
        in_flight=nothing,
        classes=("ok", "503"),
        by_class=np.column_stack([requests - errors, errors]).astype(np.int64),
        ok_p50_ms=nothing,
        ok_p99_ms=nothing,
    )
