"""Rivals: what heimr-ai and lysiro (PyPI) say about the same files, each from an environment of its own.

python -m venv F/heimr-ai && F/heimr-ai/bin/pip install heimr-ai
python -m venv F/lysiro && F/lysiro/bin/pip install lysiro
python -m benchmarks.foreign_samples PATH --rivals F
"""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recording.reader import read_run

FILES = (
    "jmeter/out.jtl",
    "jmeter/out_no_header.jtl",
    "jmeter/out_xml.jtl",
    "taurus/kpi.jtl",
    "k6/out.json.gz",
    "k6/out.csv",
    "locust/out_stats_history.csv",
    "locust/requests.csv",
    "hey/out.csv",
)
TIMEOUT_S = 120
Answer = tuple[str, str, str]
"""Requests, error rate, and kinds of failure told apart."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One package: its command below the virtual environment, and how its output is read."""

    name: str
    command: tuple[str, ...]
    answer: Callable[[str], Answer]


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1) if found else "-"


def _heimr(text: str) -> Answer:
    return _found(r"Requests\s+\| ([\d,]+)", text), _found(r"Error Rate\s+\| ([\d.]+%)", text), "none"


def _lysiro(text: str) -> Answer:
    kinds = _found(r"grouped by cause \((\d+) distinct\)", text)
    return _found(r"([\d,]+) samples", text), _found(r"([\d.]+%) errors", text), kinds


RIVALS = (
    Rival("heimr-ai", ("bin/heimr", "analyze"), _heimr),
    Rival("lysiro", ("bin/lysiro", "report"), _lysiro),
)


def rivals_table(path: Path, environments: Path) -> None:
    """Print requests, error rate and kinds of failure of all three, per file."""
    print("\nfile | loadverdict | " + " | ".join(rival.name for rival in RIVALS))
    print("---|---" + "|---" * len(RIVALS))
    for name in FILES:
        answers = [_ours(path / name), *(_asked(rival, environments, path / name) for rival in RIVALS)]
        print(" | ".join([name, *(f"{n} requests, {rate}, {kinds} kinds" for n, rate, kinds in answers)]))


def _ours(path: Path) -> Answer:
    run = read_run(path)
    failed = run.samples.is_error
    requests, errors = int(run.samples.weight.sum()), int(run.samples.weight[failed].sum())
    rows = run.samples.take(failed)
    kinds = set(zip(rows.status.tolist(), rows.outcome.to_list(), strict=True))
    rate = "no rate" if "failed_requests" in run.lacks else f"{errors / requests:.2%}"
    return f"{requests:,}", rate, str(len(kinds))


def _asked(rival: Rival, environments: Path, path: Path) -> Answer:
    """Run one package on a copy of the file, unpacked, in a folder of its own."""
    program, *rest = rival.command
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name.removesuffix(".gz")
        data = path.read_bytes()
        copy.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)
        command = [str((environments / rival.name / program).absolute()), *rest, str(copy)]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return "-", type(error).__name__, "-"
    return rival.answer(done.stdout + done.stderr)
