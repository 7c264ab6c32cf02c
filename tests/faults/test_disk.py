"""F13, F14: the disk is full, the folder cannot be written or is gone."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest

from tests.commands.conftest import Cli
from tests.faults.harness import LOAD, Bench, audit, check_said, findings_of, health_of, measured
from tests.faults.mounts import fill, needs_root, small_disk

LEFT_BYTES = 8_192


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("freed", [False, True], ids=["to the end", "for a while"])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_disk_that_fills_up_costs_requests_that_are_counted(
    bench: Bench, freed: bool, processes: str
) -> None:
    with small_disk(bench.runs, "6m"):
        going = bench.start(LOAD % 7, "--processes", processes)
        going.until_finished(30)
        ballast = fill(bench.runs, LEFT_BYTES)
        if freed:
            time.sleep(3)
            ballast.unlink()
        going.until_ended()
        measured(dropped=health_of(going).dropped_rows)
        lost = health_of(going).dropped_rows
        assert audit(going, lost).lost == lost > 0
        check_said(going, 3, "incomplete" if freed else "No space left on device", "could not write")
        assert all(path.stat().st_size for path in going.folder.path.rglob("*") if path.is_file())
        ballast.unlink(missing_ok=True)
        done = Cli(bench.folder)("diagnose", str(going.folder.path))
        assert done.returncode == 3, done.stdout + done.stderr


@needs_root
def test_a_full_disk_is_told_before_any_load(bench: Bench) -> None:
    ledger = bench.serve()
    with small_disk(bench.runs, "6m"):
        fill(bench.runs, 100_000)
        done = bench.refused(ledger)
    assert done.returncode == 2
    assert "MB are free" in done.stderr
    assert ledger.target.served() == 0


@needs_root
def test_a_read_only_folder_is_told_before_any_load(bench: Bench) -> None:
    ledger = bench.serve()
    with small_disk(bench.runs, "6m"):
        subprocess.run(["mount", "-o", "remount,ro", str(bench.runs)], check=True)
        done = bench.refused(ledger)
    assert done.returncode == 2
    assert "Read-only file system" in done.stderr
    assert "--run-dir" in done.stderr
    assert ledger.target.served() == 0


@pytest.mark.slow
def test_files_that_may_not_grow_are_as_good_as_a_full_disk(bench: Bench) -> None:
    """What a user without root meets: a quota. Here the limit of a process for the size of its files."""
    going = bench.start(LOAD % 6, prefix=("prlimit", "--fsize=30000"))
    going.until_ended()
    check_said(going, 3, "File too large", "loadverdict diagnose")
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 3, done.stdout + done.stderr
    lost = health_of(going).dropped_rows
    found = audit(going, lost)
    assert found.lost == lost > 0
    assert found.finished > 0
    assert health_of(going).nodes_without_end == ()
    told = findings_of(going)
    assert f"dropped {lost} requests it could not write (File too large)" in told["dropped_rows"]
    assert not {"cut_short", "bad_frames"} & told.keys()


@pytest.mark.slow
def test_a_folder_that_is_removed_is_said_so(bench: Bench) -> None:
    going = bench.start(LOAD % 4)
    going.until_finished(30)
    shutil.rmtree(going.folder.path)
    going.until_ended()
    check_said(going, 6, "was removed during the run")
