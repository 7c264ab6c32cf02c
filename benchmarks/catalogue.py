"""Who is blamed where the truth is known: runs of the lab with each of its faults, and the confusion matrix.

    python -m benchmarks.catalogue FOLDER [--seeds 5|3-5] [--faults none,small-pool+broken-hash] [--short]

FOLDER keeps the runs: what is there already is diagnosed anew and not run again, so that a change of
config/suspects.yaml is judged in seconds. Each run is judged twice: with the target's own figures, and from
outside only (the same run without what its probes have read). The default scenario takes 2.5 minutes a run,
`--short` one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.lab_answers import loadverdict, record
from lab.faults import FAULTS, parse_faults
from recording.folder import RunFolder

SHORT = {"  step_s: 7": "  step_s: 4", "  blocks: 4": "  blocks: 3", "  warm_up_s: 6": "  warm_up_s: 4"}
MIXTURES = (
    "small-pool+broken-hash",
    "lock-timeout+broken-hash",
    "rate-limit+broken-hash",
    "busy-valkey+broken-hash",
)
NOBODY = "nobody"
SHARE_OFF = 0.03
HIGH_WEIGHT = 3.0
"""A healthy lab may give no suspect so much: a likelihood of twenty to one."""


class Part(NamedTuple):
    """Of a mixture, the part of its requests that failed for a cause: by status and message, and as told."""

    suspect: str
    true: float
    told: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One run as it was judged: who is to blame in truth, and the suspects with their weights, in order."""

    fault: str
    seed: int
    truth: frozenset[str]
    error_rate: float
    suspects: tuple[tuple[str, float], ...]
    parts: tuple[Part, ...] = ()

    @property
    def first(self) -> str:
        """The first suspect."""
        return self.suspects[0][0] if self.suspects else NOBODY

    def right(self, among: int) -> bool:
        """Whether the truth is among the first so many; of a mixture, all of it, each with one place more."""
        if not self.truth:
            return not any(weight >= HIGH_WEIGHT for _, weight in self.suspects)
        return self.truth <= {name for name, _ in self.suspects[: among + len(self.truth) - 1]}


def run(fault: str, seed: int, folder: Path, *, short: bool) -> Path:
    """The run folder of a fault and seed, made if it is not there."""
    here = folder / f"{fault}-{seed}"
    found = sorted(here.glob("*/manifest.json"))
    if found:
        return found[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    record(fault, seed, folder, SHORT if short else {})
    return next(here.glob("*/manifest.json")).parent


def judged(fault: str, seed: int, path: Path) -> Judged:
    """Diagnose a run folder anew."""
    out = path / "catalogue"
    loadverdict("diagnose", str(path), "--out", str(out))
    verdict: dict[str, Any] = json.loads((out / "verdict.json").read_text())
    return Judged(
        fault,
        seed,
        frozenset(one.truth.suspect for one in parse_faults(fault) if one.truth.suspect),
        verdict["error_rate"]["value"] or 0.0,
        tuple((suspect["name"], suspect["weight"]) for suspect in verdict["suspects"]),
        tuple(_parts(fault, verdict)),
    )


def _parts(fault: str, verdict: dict[str, Any]) -> Iterator[Part]:
    """Of a mixture, each cause's part; what fails in a way that no cause should produce is nobody's."""
    told = {suspect["name"]: suspect["explains"] or 0.0 for suspect in verdict["suspects"]}
    causes = [one.truth for one in parse_faults(fault)]
    for truth in causes if len(causes) > 1 else ():
        true = sum(
            kind["share"]
            for kind in verdict["fingerprints"]
            if kind["status"] in truth.statuses and kind["message"] == truth.message
        )
        yield Part(truth.suspect, true, told.get(truth.suspect, 0.0))


def from_outside(path: Path) -> Path:
    """A copy of a run without what its probes have read."""
    copy = path.parent / "outside" / path.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path, copy, ignore=shutil.ignore_patterns("analysis", "catalogue", "samples"))
    folder = RunFolder(copy)
    readings = pq.read_table(folder.readings_parquet)
    pq.write_table(readings.filter(pc.equal(readings["source"], "generator")), folder.readings_parquet)
    events = (copy / "events.jsonl").read_text().splitlines(keepends=True)
    (copy / "events.jsonl").write_text("".join(line for line in events if '"probe' not in line))
    return copy


def table(title: str, runs: Sequence[Judged], among: int) -> None:
    """Print the confusion matrix, and how often the truth was among the first."""
    print(f"\n## {title}\n")
    print("| fault | truth | errors | right | first suspects (times) | weights |\n|---|---|---|---|---|---|")
    for fault in dict.fromkeys(one.fault for one in runs):
        mine = [one for one in runs if one.fault == fault]
        first = ", ".join(f"{name} ({n})" for name, n in Counter(one.first for one in mine).most_common())
        weights = "; ".join(f"{name} {weight:.1f}" for name, weight in mine[0].suspects[:4])
        rate = sum(one.error_rate for one in mine) / len(mine)
        right = sum(one.right(among) for one in mine)
        truth = " + ".join(sorted(mine[0].truth)) or NOBODY
        print(f"| {fault} | {truth} | {rate:.1%} | {right}/{len(mine)} | {first} | {weights} |")
    right = sum(one.right(among) for one in runs)
    print(
        f"\nThe truth is among the first {among} in {right} of {len(runs)} ({right / len(runs):.0%}).",
        flush=True,
    )


def shares_table(runs: Sequence[Judged]) -> None:
    """Print what each suspect is said to explain of a mixture, against the truth."""
    print("\n## Shares of mixtures\n")
    print("| fault | seed | suspect | failed for it | told | off by, points |\n|---|---|---|---|---|---|")
    off = []
    for one in runs:
        for part in one.parts:
            off.append(abs(part.told - part.true))
            print(
                f"| {one.fault} | {one.seed} | {part.suspect} | {part.true:.1%} | {part.told:.1%} | "
                f"{100 * off[-1]:.1f} |"
            )
    if off:
        within = sum(value <= SHARE_OFF for value in off)
        print(f"\nWithin {100 * SHARE_OFF:.0f} points: {within} of {len(off)}.", flush=True)


def seeds(text: str) -> range:
    """So many from 1 on, or those from one to another."""
    first, _, last = text.rpartition("-")
    return range(int(first or 1), int(last) + 1)


def main() -> None:
    """Make the runs that are missing, judge all, print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=seeds, default="5", help="how many, or which: 3-5")
    parser.add_argument("--faults", default=",".join((*FAULTS, *MIXTURES)))
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    inside, outside = [], []
    for fault in options.faults.split(","):
        for seed in options.seeds:
            path = run(fault, seed, options.folder, short=options.short)
            inside.append(judged(fault, seed, path))
            outside.append(judged(fault, seed, from_outside(path)))
            print(
                f"{fault} {seed}: {inside[-1].first}; from outside {outside[-1].first}",
                file=sys.stderr,
                flush=True,
            )
    table("With probes", inside, among=1)
    table("From outside", outside, among=2)
    shares_table(inside)


if __name__ == "__main__":
    main()
