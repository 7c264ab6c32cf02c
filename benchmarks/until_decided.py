"""Runs that stop when they know: how often they are wrong, and how long they take.

    python -m benchmarks.until_decided --runs 200 --seed 300000 --jobs 2

Draws runs of shuffled blocks up to `--at-most` seconds, and plays three ways of judging them: once at the
end; after every block at the full levels ("naive"), stopping at the first answer; and after every block at
levels that share one budget (`analysis.sequential`). Seeds under 1000 were used for tuning; report on others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from analysis.load import load_effect
from benchmarks.blocks import LongRun, draw_blocks
from benchmarks.tables import wilson

WANDERING = ("wander_60s", "wander_180s", "case_plain", "case_wander")
BLIND = ("constant", "bursts", "drift", "outage", "warm_up", *WANDERING, "periodic_job")
RISING = ("rises_smooth", "rises_knee", "rate_limit", "load_and_drift", "bursts_with_load", "retry_storm")
OTHER = ("falls",)
LEVELS, STEP_S, WARM_UP_S = 5, 7.0, 6.0
"""The scenario `steps`."""
FIRST_BLOCKS = 2
"""Blocks before the first look, as in `scenarios.until`."""
UNDECIDED = "inconclusive"
CONFIDENCES = (0.0, 0.9, 0.95, 0.98, 0.99, 1.01)


@dataclass(frozen=True, slots=True)
class Ended:
    """An answer, when it was given, and how sure of it the engine said it was."""

    answer: str
    at_s: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Played:
    """One run judged in three ways."""

    kind: str
    truth: str
    once: Ended
    naive: Ended
    spending: Ended


def play(task: tuple[str, int, int, float, float]) -> Played:
    """Make one run and judge it in every way."""
    kind, seed, blocks, step_s, warm_up_s = task
    run = draw_blocks(kind, seed, blocks, step_s, warm_up_s)
    ends = [warm_up_s + run.block_s * block for block in range(FIRST_BLOCKS, blocks + 1)]
    once = judge(run, ends[-1], (1.0,))
    naive = judged_until(run, [(end, (1.0,)) for end in ends[:-1]]) or once
    spending = judged_until(run, looks_at(ends)) or Ended(UNDECIDED, ends[-1], None)
    return Played(kind, run.truth, once, naive, spending)


def looks_at(ends_s: Sequence[float]) -> list[tuple[float, tuple[float, ...]]]:
    """Each end, and the looks up to and including it as shares of the last one."""
    shares = [end / ends_s[-1] for end in ends_s]
    return [(end, tuple(shares[: i + 1])) for i, end in enumerate(ends_s)]


def judged_until(run: LongRun, looks: Iterable[tuple[float, tuple[float, ...]]]) -> Ended | None:
    """The first look that decides; None if none does."""
    judged = (judge(run, end, shares) for end, shares in looks)
    return next((one for one in judged if one.answer != UNDECIDED), None)


def judge(run: LongRun, end_s: float, looks: tuple[float, ...]) -> Ended:
    """The run up to a moment, at the levels of the last of some looks."""
    found = load_effect(run.until(end_s), looks=looks)
    return Ended(found.answer, end_s, found.confidence)


def measure(tasks: Sequence[tuple[str, int, int, float, float]], jobs: int) -> list[Played]:
    """All runs, in the order of the tasks."""
    if jobs == 1:
        return [play(task) for task in tasks]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(play, tasks, chunksize=20))


WAYS = ("once", "naive", "spending")


def _per_cent(hits: int, runs: int) -> str:
    low, high = wilson(hits, runs)
    return f"{100 * hits / max(runs, 1):.1f} ({100 * low:.1f}–{100 * high:.1f})"


def _share(rows: Sequence[Played], way: str, answers: Sequence[str]) -> str:
    return _per_cent(sum(getattr(row, way).answer in answers for row in rows), len(rows))


def _minutes(rows: Sequence[Played], way: str) -> str:
    return f"{np.mean([getattr(row, way).at_s for row in rows]) / 60:.1f}"


def report(rows: Sequence[Played], kinds: Sequence[str]) -> None:
    """Print the tables."""
    line = sys.stdout.write
    line("\n| kind | runs | false rises: once | naive | spending | constant: once | spending | minutes |\n")
    line("|---|---|---|---|---|---|---|---|\n")
    for name in [*(k for k in kinds if k in BLIND), "all of them"]:
        mine = [r for r in rows if r.kind == name or (name == "all of them" and r.kind in BLIND)]
        cells = [_share(mine, way, ("rises",)) for way in WAYS]
        cells += [_share(mine, way, ("constant",)) for way in ("once", "spending")]
        line(f"| {name} | {len(mine)} | {' | '.join(cells)} | {_minutes(mine, 'spending')} |\n")
    line("\n| kind | runs | right: once | naive | spending | minutes |\n|---|---|---|---|---|---|\n")
    for name in (k for k in kinds if k not in BLIND):
        mine = [r for r in rows if r.kind == name]
        cells = [_share(mine, way, (mine[0].truth,)) for way in WAYS]
        line(f"| {name} | {len(mine)} | {' | '.join(cells)} | {_minutes(mine, 'spending')} |\n")
    line("\n| confidently wrong | once | naive | spending |\n|---|---|---|---|\n")
    for name, group in (("all kinds", BLIND + RISING + OTHER), ("load raises errors", RISING)):
        mine = [r for r in rows if r.kind in group]
        line(f"| {name} | {' | '.join(_wrong(mine, way) for way in WAYS)} |\n")
    _reliability(rows)


def _wrong(rows: Sequence[Played], way: str) -> str:
    return _per_cent(sum(getattr(row, way).answer not in (UNDECIDED, row.truth) for row in rows), len(rows))


def _reliability(rows: Sequence[Played]) -> None:
    sys.stdout.write("\n| spending, said | confidence | runs | stated | right |\n|---|---|---|---|---|\n")
    for answer, (low, high) in product(("rises", "constant", "falls"), pairwise(CONFIDENCES)):
        mine = [r for r in rows if r.spending.answer == answer and low <= (r.spending.confidence or 0) < high]
        if mine:
            stated = np.mean([r.spending.confidence or np.nan for r in mine])
            hits = sum(r.truth == answer for r in mine)
            line = f"| {answer} | {low:g}–{min(high, 1):g} | {len(mine)} | {100 * stated:.1f} "
            sys.stdout.write(f"{line}| {_per_cent(hits, len(mine))} |\n")


def main() -> int:
    """Run and print; exit code 1 if a kind blind to load is called rises in more than 5 %."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200, help="per kind")
    parser.add_argument("--seed", type=int, default=300_000, help="first seed")
    parser.add_argument("--at-most", type=float, default=1200.0, metavar="S")
    parser.add_argument("--step", type=float, default=STEP_S, metavar="S")
    parser.add_argument("--kinds", nargs="+", default=[*BLIND, *RISING, *OTHER])
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    blocks = int((options.at_most - WARM_UP_S) // (LEVELS * options.step))
    seeds = range(options.seed, options.seed + options.runs)
    tasks = [(kind, seed, blocks, options.step, WARM_UP_S) for kind, seed in product(options.kinds, seeds)]
    began = time.perf_counter()
    rows = measure(tasks, options.jobs)
    sys.stdout.write(f"{len(rows)} runs of up to {blocks} blocks, {time.perf_counter() - began:.0f} s\n")
    report(rows, options.kinds)
    by_kind = [[r.spending.answer == "rises" for r in rows if r.kind == kind] for kind in BLIND]
    return int(any(np.mean(hits) > 0.05 for hits in by_kind if hits))


if __name__ == "__main__":
    raise SystemExit(main())
