"""Scheduled runs on the real lab: quiet while nothing changes, one alarm for each change, and its name.

    python -m benchmarks.lab_regressions FOLDER [--runs 8]

So many regression runs at unchanged settings; then a smaller database pool until an alarm comes (three runs
at most), the old pool again, and a higher cost of password hashing in the same way. FOLDER keeps the runs.
The lab has slow queries and no cache, so that a pool can be too small at all. Ends with 1 where an alarm was
raised that should not have been, or the other way round.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SCENARIO = {
    "behaviour": "login",
    "load": {
        "shape": "steps",
        "users": [2, 6, 11, 16, 20],
        "step_s": 4,
        "blocks": 2,
        "warm_up_s": 4,
    },
    "think_time_s": 0.25,
    "slo": ["error_rate < 90 %"],
}
BASE = {
    "LAB_DATABASE_LATENCY_MS": "60",
    "LAB_LOCK_ENABLED": "false",
    "LAB_CACHE_ENABLED": "false",
    "LAB_POOL_TIMEOUT_S": "0.25",
}
CHANGES: Mapping[str, Mapping[str, str]] = {
    "pool of 2": {"LAB_POOL_SIZE": "2"},
    "bcrypt cost 10": {"LAB_BCRYPT_COST": "10"},
}
WITHIN = 3


def regression(folder: Path, label: str, changes: Mapping[str, str]) -> dict[str, Any]:
    """One scheduled run; its regression.json."""
    env = {**os.environ, **BASE, **changes, "LOADVERDICT_TARGET_COMMIT": label.replace(" ", "-")}
    words = ["regression", str(folder / "nightly.yaml"), "--fault", "none", "--confirm", "0", "--json"]
    where = ["--history", str(folder / "history.sqlite"), "--run-dir", str(folder / "runs")]
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", *words, *where],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{label}: exit code {done.returncode}: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    named = ", ".join(alarm["title"] for alarm in report["alarms"]) or "–"
    print(
        f"| {label} | {done.returncode} | {report['answer']} | {named} | {report['sentence']} |", flush=True
    )
    return report


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=8)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nightly.yaml").write_text(yaml.safe_dump(SCENARIO))
    print("| setting | exit code | answer | what changed | sentence |")
    print("|---|---|---|---|---|")
    wrong = [
        "unchanged" for _ in range(given.runs) if regression(folder, "unchanged", {})["answer"] == "worse"
    ]
    for label, changes in CHANGES.items():
        alarms = 0
        for _ in range(WITHIN):
            if regression(folder, label, changes)["answer"] == "worse":
                alarms += 1
                break
        wrong += [label] * (alarms != 1)
        wrong += ["back"] * (regression(folder, "unchanged", {})["answer"] == "worse")
    print(f"\n{'As it should be.' if not wrong else 'Wrong at: ' + ', '.join(wrong)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
