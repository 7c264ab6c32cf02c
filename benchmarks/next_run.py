"""Next run: how often the advice of an undecided run decides, once it is followed.

    python -m benchmarks.next_run --runs 60 --seed 400000 --jobs 2

Draws runs of the scenario `steps` (146 s), keeps those whose answer about load is inconclusive, and makes the
run that is advised on the same made-up world: as planned, and until it is decided within half as much again.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np

from analysis.load import load_effect
from analysis.next_plan import LONGEST_S, Plan, Seen, plan_by_bursts, plan_by_counts, plan_by_slope
from analysis.next_run import SPARE
from analysis.temporal import temporal
from analysis.windows import Windows
from benchmarks.blocks import draw_blocks
from benchmarks.until_decided import STEP_S, WARM_UP_S, judge, judged_until, looks_at

BLOCKS = 4
KINDS = ("constant", "case_plain", "case_wander", "wander_60s", "wander_180s", "bursts", "bursts_with_load")
SHAPELESS = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Followed:
    """One run, and what became of its advice; None where it was decided or no advice could be computed."""

    kind: str
    truth: str
    plan: Plan | None
    planned: str = ""
    stopping: str = ""
    stopped_s: float = 0.0


def follow(task: tuple[str, int, str]) -> Followed:
    """Make a run, ask for advice, and follow it on the same world."""
    kind, seed, how = task
    short = draw_blocks(kind, seed, BLOCKS, STEP_S, WARM_UP_S)
    end_s = WARM_UP_S + BLOCKS * short.block_s
    plan = advice(short.until(end_s), end_s, how)
    if plan is None or plan.is_too_long:
        return Followed(kind, short.truth, plan)
    most = max(plan.blocks, int(min(plan.duration_s * SPARE, LONGEST_S) // (plan.step_s * len(plan.levels))))
    run = draw_blocks(kind, seed, most, plan.step_s)
    planned = judge(run, run.block_s * plan.blocks, (1.0,))
    stopping = judged_until(run, looks_at([run.block_s * block for block in range(2, most + 1)]))
    if stopping is None:
        return Followed(kind, short.truth, plan, planned.answer, "inconclusive", run.block_s * most)
    return Followed(kind, short.truth, plan, planned.answer, stopping.answer, stopping.at_s)


def advice(cut: Windows, length_s: float, how: str) -> Plan | None:
    """The plan of an undecided run; None if it is decided."""
    effect = load_effect(cut)
    if effect.answer != "inconclusive":
        return None
    seen = Seen(length_s, float(np.nanmean(cut.load)))
    pattern = temporal(cut, SHAPELESS)
    if how == "counts" or effect.slope is None:
        return plan_by_counts(effect, pattern, seen)
    if pattern.answer == "clustered":
        return plan_by_bursts(effect, pattern, seen)
    return plan_by_slope(effect, seen)


def report(rows: list[Followed], how: str) -> None:
    """Print the table."""
    line = sys.stdout.write
    line(f"\nPlanned by {how}.\n\n| kind | undecided | over two hours | minutes planned (median) | decided ")
    line("| right | decided, stopping | right | minutes (mean) |\n|---|---|---|---|---|---|---|---|---|\n")
    for kind in KINDS:
        mine = [r for r in rows if r.kind == kind and r.plan is not None]
        run = [r for r in mine if r.planned]
        if not run:
            line(f"| {kind} | {len(mine)} | {len(mine)} | | | | | | |\n")
            continue
        planned = np.median([r.plan.duration_s for r in run if r.plan]) / 60
        cells = [f"{len(mine)}", f"{len(mine) - len(run)}", f"{planned:.0f}"]
        for answers in ([r.planned for r in run], [r.stopping for r in run]):
            right = [a == r.truth for a, r in zip(answers, run, strict=True)]
            cells += [
                f"{100 * np.mean([a != 'inconclusive' for a in answers]):.0f}",
                f"{100 * np.mean(right):.0f}",
            ]
        line(f"| {kind} | {' | '.join(cells)} | {np.mean([r.stopped_s for r in run]) / 60:.0f} |\n")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=60, help="per kind")
    parser.add_argument("--seed", type=int, default=400_000, help="first seed")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    began = time.perf_counter()
    for how in ("slope", "counts"):
        tasks = [(kind, seed, how) for kind, seed in product(KINDS, seeds)]
        with ProcessPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(follow, tasks, chunksize=10))
        report(rows, how)
    sys.stdout.write(f"\n{time.perf_counter() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
