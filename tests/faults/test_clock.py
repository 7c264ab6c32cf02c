"""F12: the wall clock is set while a run is going on."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from recording.reader import read_run
from tests.commands.conftest import ROOT
from tests.faults.harness import (
    LOAD,
    Bench,
    Going,
    audit,
    check_said,
    findings_of,
    health_of,
    measured,
    verdict_of,
)  # fmt: skip

CLOCK = ROOT / "tests/faults/clock"

ALL, ONE = "in every process", "in one of two workers"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step_s", "where", "processes"),
    [
        (3600, ALL, "2"),
        (-3600, ALL, "2"),
        (3600, ALL, "1"),
        (-3600, ALL, "1"),
        # Backwards by more than the windows of so short a run, and by less than its length.
        (-0.7, ALL, "1"),
        (-0.7, ALL, "2"),
        (-3, ALL, "1"),
        (-3, ALL, "2"),
        (120, ONE, "2"),
        (-120, ONE, "2"),
        (-3, ONE, "2"),
    ],
)
def test_a_step_of_the_wall_clock_moves_no_figure(
    bench: Bench, step_s: float, where: str, processes: str
) -> None:
    clock = bench.folder / "clock"
    prefix = ("env", f"CLOCK_FILE={clock}", f"PYTHONPATH={ROOT}:{CLOCK}")
    going = bench.start(LOAD % 6, "--processes", processes, prefix=prefix)
    going.until_finished(60)
    set_clock(clock if where == ALL else clock.with_name(f"clock.{going.workers()[-1].pid}"), step_s)
    set_s = time.monotonic()
    going.until_ended()
    check_said(going, 1)
    audit(going)
    run, verdict = read_run(going.folder.path), verdict_of(going)
    moved_s = moved_by(going, set_s)
    measured(duration_s=verdict["duration_s"], moved_s=moved_s)
    assert not health_of(going).nodes_without_end
    assert health_of(going).clock_step_s == pytest.approx(step_s, abs=0.1)
    assert verdict["duration_s"] == pytest.approx(6, abs=1)
    assert np.all((run.samples.duration_ms > 0) & (run.samples.duration_ms < 1000))
    assert 0 <= np.ptp(run.samples.start_s) < 7
    check_windows(going)
    assert abs(moved_s) < window_s(going)
    assert "clock_stepped" in findings_of(going)


def moved_by(going: Going, set_s: float) -> float:
    """By how many seconds the requests after a moment of the monotonic clock have moved against those before.

    The server notes its answers by the monotonic clock, which nobody sets. Medians: what is late at one end
    or the other, on a busy machine, moves none of them.
    """
    samples = read_run(going.folder.path).samples
    accounts = (going.ledger.target.file.parent / "accounts.csv").read_text().split()[1:]
    answered, recorded = defaultdict(list), defaultdict(list)
    for line in going.ledger.path.read_text().splitlines():
        time_s, name = line.split()
        answered[name].append(float(time_s))
    for slot, start_s, duration_ms in zip(
        samples.account.tolist(), samples.start_s.tolist(), samples.duration_ms.tolist(), strict=True
    ):
        recorded[accounts[slot].split(",")[0]].append(start_s + duration_ms / 1000)
    assert {name: len(times) for name, times in answered.items()} == {
        name: len(times) for name, times in recorded.items()
    }
    pairs = [pair for name in answered for pair in zip(answered[name], sorted(recorded[name]), strict=True)]
    before = [found_s - told_s for told_s, found_s in pairs if told_s < set_s]
    after = [found_s - told_s for told_s, found_s in pairs if told_s > set_s]
    return float(np.median(after) - np.median(before))


def rows_of(going: Going) -> list[dict[str, str]]:
    """Rows of windows.csv."""
    with (going.folder.analysis_dir / "windows.csv").open() as file:
        return list(csv.DictReader(file))


def window_s(going: Going) -> float:
    """Seconds per window."""
    return float(rows_of(going)[0]["width_s"])


def check_windows(going: Going) -> None:
    """They follow one another over the whole run, hold every request, and no figure is negative."""
    rows, verdict = rows_of(going), verdict_of(going)
    assert len(rows) == pytest.approx(verdict["duration_s"] / window_s(going), abs=1.5)
    assert sum(int(row["requests"]) for row in rows) == verdict["requests"]
    assert all(float(cell) >= 0 for row in rows for cell in row.values() if cell)


def set_clock(file: Path, step_s: float) -> None:
    """Whole or not at all: processes read it at any moment."""
    part = file.with_suffix(".part")
    part.write_text(str(step_s))
    part.replace(file)
