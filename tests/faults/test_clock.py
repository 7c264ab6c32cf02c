"""F12: the wall clock is set while a run is going on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recording.reader import read_run
from tests.commands.conftest import ROOT
from tests.faults.harness import LOAD, Bench, audit, check_said, findings_of, health_of, measured, verdict_of

CLOCK = ROOT / "tests/faults/clock"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step_s", "processes"),
    [
        (3600, "2"),
        (-3600, "2"),
        (3600, "1"),
        (-3600, "1"),
    ],
)
def test_a_step_of_the_wall_clock_moves_no_figure(bench: Bench, step_s: int, processes: str) -> None:
    clock = bench.folder / "clock"
    prefix = ("env", f"CLOCK_FILE={clock}", f"PYTHONPATH={ROOT}:{CLOCK}")
    going = bench.start(LOAD % 6, "--processes", processes, prefix=prefix)
    going.until_finished(60)
    set_clock(clock, step_s)
    going.until_ended()
    check_said(going, 1)
    audit(going)
    run, verdict = read_run(going.folder.path), verdict_of(going)
    measured(duration_s=verdict["duration_s"])
    assert not health_of(going).nodes_without_end
    assert verdict["duration_s"] == pytest.approx(6, abs=1)
    assert np.all((run.samples.duration_ms > 0) & (run.samples.duration_ms < 1000))
    assert 0 <= np.ptp(run.samples.start_s) < 7
    assert "clock_stepped" in findings_of(going)


def set_clock(file: Path, step_s: int) -> None:
    """Whole or not at all: processes read it at any moment."""
    part = file.with_suffix(".part")
    part.write_text(str(step_s))
    part.replace(file)
