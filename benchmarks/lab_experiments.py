"""The experiments of the case on the real lab: each on the fault that it is for, and on others.

    python -m benchmarks.lab_experiments [--seed 1] [NAME:FAULT ...]

About a minute a pair. Prints the table of docs/experiments.md, and exits with 1 if an experiment did not
support its own suspect, or supported it where another fault was on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ARM, LONG = "10s", {"cache-off": "30s", "lock-100ms": "30s", "bcrypt-10": "60s"}
"""Bursts, and few users with slow logins, need longer."""

OWN = (
    ("pool-50", "small-pool"),
    ("cache-off", "busy-valkey"),
    ("bcrypt-10", "bcrypt-blocking"),
    ("bcrypt-worker-pool", "bcrypt-blocking"),
    ("lock-100ms", "lock-timeout"),
    ("network-latency", "network-latency"),
)
OTHERS = (
    ("pool-50", "case"),
    ("cache-off", "bcrypt-blocking"),
    ("cache-off", "broken-hash"),
    ("lock-100ms", "periodic-stall"),
    ("lock-100ms", "bcrypt-blocking"),
    ("bcrypt-worker-pool", "lock-timeout"),
    ("bcrypt-10", "small-pool"),
    ("network-latency", "small-pool"),
    ("fresh-connections", "small-pool"),
    ("fresh-connections", "rate-limit"),
    ("own-account", "broken-hash"),
    ("own-account", "lock-timeout"),
    ("two-instances", "broken-hash"),
    ("two-instances", "bcrypt-blocking"),
)


class Found(NamedTuple):
    """What an experiment said on a fault."""

    conclusion: str
    sentence: str


def found_on(name: str, fault: str, arm: str, seed: int) -> Found:
    """Run one experiment on a lab of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("experiment", name, "--fault", fault, "--arm", arm, "--seed", str(seed))
        command = [sys.executable, "-m", "commands.main", *words, "--json", "--experiments-dir", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        return Found("not possible", done.stderr.strip().splitlines()[-1].removeprefix("loadverdict: "))
    report = json.loads(done.stdout)
    return Found(report["conclusion"].replace("_", " "), f"{report['sentence']} {report['why']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="NAME:FAULT")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asked = [tuple(pair.split(":", 1)) for pair in options.pairs] or [*OWN, *OTHERS]
    print("| experiment | fault | conclusion | in words |\n|---|---|---|---|", flush=True)
    wrong = 0
    for name, fault in asked:
        is_own = (name, fault) in OWN
        found = found_on(name, fault, LONG.get(name, ARM) if is_own else ARM, options.seed)
        wrong += (found.conclusion == "supports") != is_own
        shown = f"**{fault}**" if is_own else fault
        print(f"| {name} | {shown} | {found.conclusion} | {found.sentence} |", flush=True)
    print(f"\n{wrong} of {len(asked)} not as they should be", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    assert Path("config/experiments").is_dir(), "run it from the project's folder"
    sys.exit(main())
