"""A glance at a run folder: what it prints, and what it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commands.glance import MOST_ROWS
from recording.folder import RunFolder
from tests.commands.conftest import ROOT
from tests.recording.test_so_far import log


def glance(folder: RunFolder) -> tuple[int, Any]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "commands.glance", str(folder.path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def files(folder: RunFolder) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}


def test_a_run_that_goes_on_is_judged_as_far_as_it_is_settled_and_left_as_it_is(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    folder.write_manifest({"format": 1, "start_s": 1000.0, "planned_s": 60.0, "clean_end": False})
    log(folder, "worker-0", [1000.0 + i / 10 for i in range(100)], time_s=1010.0, oldest_s=3.0)
    log(folder, "worker-1", [1000.0 + i / 10 for i in range(100)], time_s=1010.0, oldest_s=0.0)
    before = files(folder)
    status, shown = glance(folder)
    assert status == 0, shown
    assert files(folder) == before
    assert (shown["final"], shown["requests"], shown["errors"]) == (False, 140, 0)
    assert shown["now"]["until_s"] == 7
    assert shown["now"]["waiting"] == "1 request waiting for an answer, the oldest for 3 s"
    assert "incomplete" not in {finding["severity"] for finding in shown["findings"]}


def test_a_lost_worker_is_told_while_the_run_goes_on(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    folder.write_manifest({"format": 1, "start_s": 1000.0, "planned_s": 60.0})
    log(folder, "worker-0", [1000.0 + i / 10 for i in range(300)], time_s=1030.0, oldest_s=0.0)
    log(folder, "worker-1", [1000.0], time_s=1001.0, oldest_s=0.0)
    _, shown = glance(folder)
    assert shown["now"]["lost"] == ["worker-1"]
    assert shown["valid"] is False
    assert any("worker-1" in finding["text"] for finding in shown["findings"])


def test_a_run_that_has_hardly_begun_says_so(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    folder.write_manifest({"format": 1, "start_s": 1000.0, "planned_s": 60.0})
    status, shown = glance(folder)
    assert status == 0, shown
    assert shown["requests"] == 0
    assert shown["sentence"] == "No request is settled yet."
    assert (shown["valid"], shown["findings"], shown["sure"]) == (None, [], "Not decided yet.")


@pytest.mark.parametrize(("ended_s_ago", "final"), [(-600, False), (60, True)])
def test_a_lost_worker_does_not_keep_a_run_from_being_over(
    tmp_path: Path, ended_s_ago: float, final: bool
) -> None:
    """Its log never gets an end mark; those of the others get it a moment after the end."""
    folder = RunFolder.create(tmp_path, "unit")
    end = datetime.now(UTC) - timedelta(seconds=ended_s_ago)
    start_s = end.timestamp() - 30
    folder.write_manifest(
        {"format": 1, "start_s": start_s, "planned_s": 30.0, "end_utc": end.isoformat(), "clean_end": True}
    )
    starts = [start_s + i / 10 for i in range(299)]
    log(folder, "worker-0", starts, time_s=start_s + 30, oldest_s=0.0, end=True)
    log(folder, "worker-1", [start_s], time_s=start_s + 1, oldest_s=0.0)
    status, shown = glance(folder)
    assert status == 0, shown
    assert shown["final"] is final
    assert any("worker-1" in finding["text"] for finding in shown["findings"])


def test_a_run_too_long_for_looks_is_not_read(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    with folder.log_path("local").open("wb") as stream:
        stream.truncate(3 << 30)  # takes no room: nothing is written
    assert glance(folder) == (75, "")


def test_a_run_too_long_for_looks_is_not_read_when_it_is_over(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    pq.write_table(pa.table({"start_s": np.zeros(MOST_ROWS + 1, np.int8)}), folder.samples_parquet)
    assert glance(folder) == (75, "")


def test_what_lies_ahead_is_told_for_each_part(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    folder.write_manifest({"format": 1, "start_s": 1000.0, "planned_s": 60.0, "clean_end": False})
    folder.scenario_yaml.write_text(
        "parts:\n"
        "  browse: {load: {shape: hold, users: 3, hold_s: 60}}\n"
        "  buy: {load: {shape: hold, arrivals: 2, hold_s: 30}}\n"
    )
    log(folder, "local", [1000.0 + i / 10 for i in range(100)], time_s=1010.0, oldest_s=0.0)
    status, shown = glance(folder)
    assert status == 0, shown
    assert shown["plan"] == [
        "Now: browse: hold 3 users",
        "Now: buy: hold 2 arrivals/s",
        "Planned end at 1:00",
    ]
