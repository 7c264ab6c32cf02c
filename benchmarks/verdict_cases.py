"""Verdicts on a folder of runs with known truth: how many answers are acceptable.

    python -m benchmarks.verdict_cases PATH [--without-users] [--verbose]
    python -m benchmarks.verdict_cases --simulated 300

PATH holds labels.csv (columns file, truth_class, profile, accept_load_effect, accept_temporal,
accept_time_drift, must_decide, knee_users, u_max) and the runs it names, in the format of the
case with a column `users`. `--simulated N` draws N runs per kind on shuffled levels and prints what was said.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.diagnose import diagnose
from analysis.load import load_effect
from analysis.verdict import Verdict
from analysis.windows import windows
from recording.case_csv import read_case_csv
from recording.run import Run
from tests.analysis.run_builder import Rate, by_load, by_time, make_run

QUESTIONS = ("load_effect", "temporal", "time_drift")
DECIDED = {"rises", "falls", "constant", "clustered", "distributed", "yes", "no"}
KNEE_TOLERANCE = 0.1


def main() -> int:
    """Run all cases and print the tables; exit code 1 if under 99 % of the load answers are acceptable."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--simulated", type=int, metavar="N", help="draw N runs per kind instead")
    parser.add_argument(
        "--without-users", action="store_true", help="drop the users, as foreign files lack them"
    )
    parser.add_argument("--verbose", action="store_true", help="print every answer that is not acceptable")
    options = parser.parse_args()
    if options.simulated:
        return _simulate(options.simulated)
    if options.path is None:
        parser.error("give PATH or --simulated N")
    with (options.path / "labels.csv").open(newline="") as stream:
        labels = list(csv.DictReader(stream))
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    began = time.perf_counter()
    for label in labels:
        run = read_case_csv(options.path / label["file"])
        verdict = diagnose(_without_users(run) if options.without_users else run)
        _count(tally, label, verdict, verbose=options.verbose)
    seconds = time.perf_counter() - began
    _print(tally, len(labels), seconds)
    return 0 if tally["load_effect"]["acceptable"] >= 0.99 * len(labels) else 1


def _without_users(run: Run) -> Run:
    unknown = np.full(len(run.samples), -1, np.int32)
    return replace(run, samples=replace(run.samples, users=unknown), lacks=run.lacks | {"users"})


def _count(tally: dict[str, Counter[str]], label: dict[str, str], verdict: Verdict, *, verbose: bool) -> None:
    for question in QUESTIONS:
        answer = getattr(verdict, question).answer
        good = answer in label[f"accept_{question}"].split("|")
        tally[question]["acceptable" if good else "wrong"] += 1
        tally[question]["confidently wrong"] += not good and answer in DECIDED
        tally[question][f"said {answer}"] += 1
        if not good and verbose:
            sys.stdout.write(
                f"{label['case_id']} {label['truth_class']} {label['profile']}: {question} {answer}, "
                f"acceptable {label[f'accept_{question}']}\n"
            )
    if label["must_decide"] == "yes":
        tally["must_decide"]["runs"] += 1
        tally["must_decide"]["missed"] += verdict.load_effect.answer == "inconclusive"
    if label["knee_users"] and verdict.knee is not None:
        error = abs(verdict.knee.users - float(label["knee_users"]))
        tally["knee"]["offered"] += 1
        tally["knee"]["within 10 % of peak"] += error <= KNEE_TOLERANCE * float(label["u_max"])


def _print(tally: dict[str, Counter[str]], runs: int, seconds: float) -> None:
    lines = [f"{runs} runs in {seconds:.1f} s ({1000 * seconds / max(runs, 1):.0f} ms a run)"]
    for question in QUESTIONS:
        counts = tally[question]
        said = ", ".join(f"{k[5:]} {v}" for k, v in sorted(counts.items()) if k.startswith("said "))
        good, wrong = counts["acceptable"], counts["confidently wrong"]
        lines.append(
            f"{question:12} acceptable {good:4d} ({good / max(runs, 1):6.1%})  confidently wrong {wrong:3d}  "
            f"said: {said}"
        )
    must, bend = tally["must_decide"], tally["knee"]
    lines.append(f"must decide  missed {must['missed']} of {must['runs']}")
    lines.append(
        f"knee         {bend['within 10 % of peak']} of {bend['offered']} offered within 10 % of peak users"
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _bursts(seed: int, length_s: float) -> Rate:
    """Ten to fifteen bursts at random times, blind to load."""
    rng = np.random.default_rng(seed + 1000)
    begin = np.cumsum(rng.exponential(length_s / 12, 60) + length_s / 75)

    def rate(time_s: np.ndarray) -> np.ndarray:
        inside = (time_s[:, None] >= begin) & (time_s[:, None] < begin + length_s / 75)
        return np.where(inside.any(axis=1), 0.6, 0.01)

    return by_time(rate)


def _wandering(seed: int, length_s: float) -> Rate:
    """16.6 %, wandering by 30 % with a memory of 15 s."""
    rng, memory = np.random.default_rng(seed + 5000), np.exp(-0.5 / 15)
    steps = np.zeros(int(2 * length_s) + 2)
    for i in range(1, len(steps)):
        steps[i] = memory * steps[i - 1] + np.sqrt(1 - memory**2) * rng.normal()
    return by_time(lambda time_s: np.clip(0.166 * (1 + 0.3 * steps[(2 * time_s).astype(int)]), 0, 1))


KINDS: dict[str, Callable[[int, float], Rate]] = {
    "constant 16.6 %": lambda _, __: by_load(lambda users: np.full(len(users), 0.166)),
    "constant, wandering": _wandering,
    "bursts": _bursts,
    "drift": lambda _, length_s: by_time(lambda time_s: 0.02 + 0.25 * time_s / length_s),
    "knee at 10": lambda _, __: by_load(lambda users: 0.04 * np.maximum(0, users - 10)),
    "smooth rise": lambda _, __: by_load(lambda users: 0.02 + 0.01 * users),
}
"""Seed and length of the run to its error rate."""

PLANS = (
    ("600 s,  5,300 requests", 30.0, 0.8),
    ("140 s,  3,100 requests", 7.0, 2.0),
    ("140 s,  1,200 requests", 7.0, 0.8),
)
"""Name, seconds per step (20 steps in four shuffled blocks), requests per user and second."""


def _simulate(runs: int) -> int:
    for plan, step_s, per_user_s in PLANS:
        for kind, rate in KINDS.items():
            said: Counter[str] = Counter()
            for seed in range(runs):
                run = make_run(
                    errors=rate(seed, 20 * step_s), seed=seed, step_s=step_s, per_user_s=per_user_s
                )
                said[load_effect(windows(run.samples)).answer] += 1
            shares = ", ".join(f"{answer} {count / runs:.1%}" for answer, count in sorted(said.items()))
            sys.stdout.write(f"{plan}  {kind:20} {shares}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
