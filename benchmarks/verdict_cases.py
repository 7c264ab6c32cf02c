"""Verdicts on a folder of runs with known truth: how many answers are acceptable.

    python -m benchmarks.verdict_cases PATH [--without-users] [--verbose]

PATH holds labels.csv (columns file, truth_class, profile, accept_load_effect, accept_temporal,
accept_time_drift, must_decide, knee_users, u_max) and the runs it names, in the format of the
case with a column `users`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.diagnose import diagnose
from analysis.verdict import Verdict
from recording.case_csv import read_case_csv
from recording.run import Run

QUESTIONS = ("load_effect", "temporal", "time_drift")
DECIDED = {"rises", "falls", "constant", "clustered", "distributed", "yes", "no"}
KNEE_TOLERANCE = 0.1


def main() -> int:
    """Run all cases and print the tables; exit code 1 if under 99 % of the load answers are acceptable."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument(
        "--without-users", action="store_true", help="drop the users, as foreign files lack them"
    )
    parser.add_argument("--verbose", action="store_true", help="print every answer that is not acceptable")
    options = parser.parse_args()
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


if __name__ == "__main__":
    raise SystemExit(main())
