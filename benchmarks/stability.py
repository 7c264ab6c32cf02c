"""Stability: does the answer stay when the run is told differently, or when a part of it is lost?

    python -m benchmarks.stability --runs 1 --seed 300000

Draws `--runs` made-up runs per kind, shape and length as rows, judges each of them as it is and under every
change of `benchmarks.changes`, and prints how often the answers stay, become inconclusive, are decided only
then, or turn to an opposite answer (rises, constant, falls among each other; clustered and distributed; drift
yes and no). Where nothing may change, the whole verdict.json of every n-th run (`--whole`) is compared.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from analysis.diagnose import diagnose
from analysis.verdict import Verdict
from benchmarks.changes import CHANGES, NEVER_OPPOSITE, QUESTIONS, SAME_ANSWER, SAME_VERDICT, Asked, answers
from benchmarks.kinds import HARDER, KINDS
from benchmarks.rows import ENDPOINTS, made_run
from benchmarks.simulate import SHAPES, draw
from recording.run import Run

DURATIONS = (60.0, 150.0, 300.0, 600.0)
UNDECIDED = "inconclusive"
ASKED = (*SAME_ANSWER, *NEVER_OPPOSITE)
OUTCOMES = ("same", "lost", "gained", "opposite")
CONCENTRATION = "concentration"
"""Key of verdict.json that names accounts and nodes."""
ENDPOINT = re.compile(rf"\b(?:{'|'.join(ENDPOINTS)})(?:-\d+)?\b")
Task = tuple[str, str, float, int]


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask of every run.

    Attributes:
        without_users: take the users away first, so that requests in flight measure the load.
        whole: compare the whole verdict of one run in so many.
        changes: names of the changes to try on every run.
    """

    without_users: bool
    whole: int
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """One run under one change: three answers before, three after."""

    task: Task
    truth: str
    change: str
    before: tuple[str, str, str]
    after: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """One run: answers under every change, and which changes left the whole verdict the same."""

    answers: tuple[Answered, ...]
    whole: tuple[tuple[str, bool], ...]


def outcome(before: str, after: str) -> str:
    """What a change did to one answer; "none" (no failures) against anything else is opposite too."""
    if before == after:
        return "same"
    if after == UNDECIDED:
        return "lost"
    return "gained" if before == UNDECIDED else "opposite"


def judge(task: Task, asking: Asking) -> Judged:
    """All changes of one run."""
    run = made_run(*task)
    if asking.without_users:
        unknown = np.full(len(run.samples), -1, np.int32)
        run = replace(run, samples=replace(run.samples, users=unknown), lacks=frozenset({"users"}))
    truth, before = draw(*task).truth, answers(Asked(run.samples))
    found = [
        Answered(task, truth, name, before, answers(_changed(run, name, task[3]))) for name in asking.changes
    ]
    return Judged(tuple(found), _whole(run, task[3]) if _chosen(task) % asking.whole == 0 else ())


def _chosen(task: Task) -> int:
    """A number that spreads the runs to compare over kinds, shapes and lengths."""
    return sum(repr(task).encode())


def _changed(run: Run, name: str, seed: int) -> Asked:
    return CHANGES[name](run.samples, np.random.default_rng([seed, sum(name.encode())]))


def _whole(run: Run, seed: int) -> tuple[tuple[str, bool], ...]:
    first = nameless(diagnose(run))
    changed = {name: replace(run, samples=_changed(run, name, seed).samples) for name in SAME_VERDICT}
    return tuple((name, nameless(diagnose(other)) == first) for name, other in changed.items())


def nameless(verdict: Verdict) -> str:
    """The verdict as text, without what names endpoints, accounts and nodes."""
    values = json.loads(verdict.to_json())
    del values[CONCENTRATION]
    return ENDPOINT.sub("endpoint", json.dumps(values))


def measure(tasks: Sequence[Task], asking: Asking, jobs: int) -> list[Judged]:
    """All runs, in the order of the tasks."""
    if jobs == 1:
        return [judge(task, asking) for task in tasks]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(judge, tasks, [asking] * len(tasks), chunksize=20))


def report(judged: Sequence[Judged], asking: Asking) -> None:
    """One table per question, the whole verdicts, and every opposite answer."""
    rows = [row for run in judged for row in run.answers]
    for place, question in enumerate(QUESTIONS):
        columns = " | ".join(OUTCOMES)
        sys.stdout.write(f"\n| {question} | runs | {columns} |\n|{'---|' * (len(OUTCOMES) + 2)}\n")
        for name in asking.changes:
            here = [outcome(r.before[place], r.after[place]) for r in rows if r.change == name]
            counts = Counter(here)
            cells = " | ".join(_cell(counts[word], len(here), word) for word in OUTCOMES)
            sys.stdout.write(f"| {name} | {len(here)} | {cells} |\n")
    sys.stdout.write("\n| whole verdict | runs | same |\n|---|---|---|\n")
    for name in SAME_VERDICT:
        same = [good for run in judged for change, good in run.whole if change == name]
        sys.stdout.write(f"| {name} | {len(same)} | {sum(same)} |\n")
    lines = "".join(f"  {line}\n" for line in opposite(rows))
    sys.stdout.write(f"\nopposite answers:\n{lines or '  none'}")


def _cell(count: int, of: int, word: str) -> str:
    return str(count) if word == "opposite" else f"{100 * count / max(of, 1):.1f}"


def opposite(rows: Iterable[Answered]) -> list[str]:
    """Each opposite answer in a line."""
    return [
        f"{question} {r.before[place]} -> {r.after[place]}, {r.change}: {_named(r)}"
        for r in rows
        for place, question in enumerate(QUESTIONS)
        if outcome(r.before[place], r.after[place]) == "opposite"
    ]


def _named(row: Answered) -> str:
    kind, shape, duration_s, seed = row.task
    return f"{kind} {shape} {duration_s:.0f} s seed {seed} (load {row.truth})"


def main() -> int:
    """Run and print; exit code 1 if a whole verdict differs or an answer about load turns to its opposite."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1, help="per kind, shape and length")
    parser.add_argument("--seed", type=int, default=300_000, help="first seed")
    parser.add_argument("--durations", type=float, nargs="+", default=DURATIONS, metavar="S")
    parser.add_argument("--kinds", nargs="+", default=[*KINDS, *HARDER])
    parser.add_argument("--shapes", nargs="+", default=SHAPES)
    parser.add_argument("--changes", nargs="+", default=ASKED, choices=[*CHANGES])
    parser.add_argument("--whole", type=int, default=8, help="compare the whole verdict of one run in n")
    parser.add_argument("--without-users", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.runs)
    tasks = list(product(options.kinds, options.shapes, options.durations, seeds))
    asking = Asking(options.without_users, options.whole, tuple(options.changes))
    began = time.perf_counter()
    judged = measure(tasks, asking, options.jobs)
    seconds = time.perf_counter() - began
    sys.stdout.write(f"{len(tasks)} runs, seeds {seeds.start} to {seeds.stop - 1}, {seconds:.0f} s\n")
    report(judged, asking)
    turned = any(outcome(r.before[0], r.after[0]) == "opposite" for run in judged for r in run.answers)
    return int(turned or not all(good for run in judged for _, good in run.whole))


if __name__ == "__main__":
    raise SystemExit(main())
