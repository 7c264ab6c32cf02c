"""What the verdict says about the lab when the truth is known, run after run with other seeds.

    python benchmarks/lab_answers.py [--runs 5] [--faults case,broken-hash,none] [--again FOLDER]

Makes the table of docs/lab-answers.md. A run takes about 2.5 minutes; `--again` diagnoses the recorded runs
of an earlier call instead of making new ones.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from scenarios.config import CONFIG_DIR

HEADER = (
    "| fault | seed | exit of the gate | requests | errors | answer | slope, points (95 %) "
    "| errors begin at, users | drift | first suspect |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def loadverdict(*arguments: str) -> int:
    """Run the command line; returns its exit code."""
    command = [sys.executable, "-m", "commands.main", *arguments]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode


def record(fault: str, seed: int, folder: Path, other: Mapping[str, str] = MappingProxyType({})) -> int:
    """One run of the default scenario with a seed of its own, below `folder` / FAULT-SEED.

    Args:
        fault: of the lab.
        seed: of the scenario.
        folder: for the scenario and its run.
        other: lines of the scenario, and what they are to be instead.
    """
    text = (CONFIG_DIR / "scenarios/steps.yaml").read_text() + f"seed: {seed}\n"
    for line, instead in other.items():
        text = text.replace(line, instead)
    scenario = folder / f"{fault}-{seed}.yaml"
    scenario.write_text(text)
    return loadverdict("run", str(scenario), "--fault", fault, "--run-dir", str(folder / f"{fault}-{seed}"))


def row(fault: str, seed: int, code: int, verdict: dict[str, Any]) -> str:
    """One line of the table."""
    effect = verdict["load_effect"]
    slope = "–"
    if effect["slope"] is not None:
        slope = f"{100 * effect['slope']:+.1f} ({100 * effect['low']:+.1f} to {100 * effect['high']:+.1f})"
    knee = verdict["knee"]
    suspect = verdict["suspects"][0]["title"] if verdict["suspects"] else "none"
    cells = (
        fault,
        seed,
        code,
        f"{verdict['requests']:,}",
        f"{verdict['error_rate']['value']:.1%}",
        effect["answer"],
        slope,
        f"{knee['low']:.1f}–{knee['high']:.1f}" if knee else "–",
        verdict["time_drift"]["answer"],
        suspect,
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> None:
    """Make or read the runs, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--faults", default="case,broken-hash,none")
    parser.add_argument("--again", type=Path)
    options = parser.parse_args()
    folder = options.again or Path(tempfile.mkdtemp(prefix="lab-answers-"))
    print(f"runs in {folder}\n\n{HEADER}", flush=True)
    for fault in options.faults.split(","):
        for seed in range(1, options.runs + 1):
            if options.again is None:
                record(fault, seed, folder)
            (run,) = (folder / f"{fault}-{seed}").iterdir()
            code = loadverdict("gate", str(run))
            verdict = json.loads((run / "analysis/verdict.json").read_text())
            print(row(fault, seed, code, verdict), flush=True)


if __name__ == "__main__":
    main()
