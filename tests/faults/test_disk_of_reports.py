"""F13: the run is whole, and there is no room on the disk for what is made of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Cli
from tests.faults.harness import LOAD, Bench, Ledger, audit, check_said, measured, verdict_of
from tests.faults.mounts import fill, needs_root, small_disk

Chat = tuple[str, list[str]]
SLO = "slo: [error_rate < 90 %]\n"
WHOLE: dict[str, Callable[[bytes], bool]] = {
    ".html": lambda found: found.rstrip().endswith(b"</html>"),
    ".png": lambda found: found.endswith(b"IEND\xaeB`\x82"),
    ".json": lambda found: bool(json.loads(found)),
    ".xml": lambda found: bool(ET.fromstring(found).tag),
    ".csv": lambda found: found.endswith(b"\n"),
    ".md": lambda found: found.endswith(b"\n"),
}
"""Whether a file of a report is whole, by its ending: no others may be there."""


def check_whole(folder: Path) -> int:
    """Every file of a report that is there is whole; returns how many."""
    files = list(folder.iterdir()) if folder.exists() else []
    for path in files:
        assert WHOLE[path.suffix](path.read_bytes()), path
    return len(files)


def until_there(path: Path) -> None:
    """Wait for a file, looking all the time: what is done next must not come late."""
    deadline_s = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


def sentences(err: str) -> list[str]:
    """What the command says itself on standard error."""
    assert "Traceback" not in err
    return [line for line in err.splitlines() if line.startswith("loadverdict: ")]


@needs_root
@pytest.mark.parametrize("left_bytes", [0, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_report_without_room_is_told_on_the_terminal_and_made_later(bench: Bench, left_bytes: int) -> None:
    with small_disk(bench.runs, "6m"):
        going = bench.start(LOAD % 1 + SLO)
        until_there(going.folder.samples_parquet)
        ballast = fill(bench.runs, left_bytes)
        going.until_ended()
        out, err = going.output
        check_said(going, 3, "error rate", "No space left on device", "make room")
        assert len(sentences(err)) == 1
        assert "report.html" not in out
        assert not (going.folder.analysis_dir / "report.html").exists()
        measured(files_before=check_whole(going.folder.analysis_dir))
        ballast.unlink()
        done = Cli(bench.folder)("diagnose", str(going.folder.path))
        assert done.returncode == 0, done.stdout + done.stderr
        measured(files_after=check_whole(going.folder.analysis_dir))
        assert (going.folder.analysis_dir / "report.html").exists()
        assert verdict_of(going)["quality"]["valid"]
        audit(going)


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("old", [False, True], ids=["first report", "report made again"])
def test_with_any_room_each_file_of_a_report_is_whole_or_not_there(bench: Bench, old: bool) -> None:
    """The same diagnosis with more and more room, until it fits."""
    with small_disk(bench.runs, "6m"):
        going = bench.start(LOAD % 1 + SLO)
        going.until_ended()
        folder = going.folder.analysis_dir
        page_bytes = sum(path.stat().st_size for path in folder.iterdir())
        refused = 0
        for left_bytes in range(0, 3 * page_bytes, page_bytes // 6):
            if not old:
                shutil.rmtree(folder, ignore_errors=True)
            ballast = fill(bench.runs, left_bytes)
            done = Cli(bench.folder)("diagnose", str(going.folder.path))
            ballast.unlink()
            assert "error rate" in done.stdout.lower()
            files = check_whole(folder)
            assert not old or (folder / "report.html").exists()
            if done.returncode == 0:
                break
            refused += 1
            assert done.returncode == 2
            (told,) = [line for line in sentences(done.stderr) if "index.html" not in line]
            assert "No space left on device" in told
        measured(refused=refused, files=files)
        assert done.returncode == 0
        assert refused > 2


@needs_root
def test_a_history_without_room_is_told_before_any_load(bench: Bench) -> None:
    ledger = bench.serve()
    with small_disk(bench.folder / "history", "1m"):
        fill(bench.folder / "history", 0)
        done = finished(night(bench, ledger))
    assert done.returncode == 2
    (told,) = sentences(done.stderr)
    assert "the disk is full" in told
    assert "--history" in told
    assert ledger.target.served() == 0


@needs_root
@pytest.mark.slow
def test_a_history_that_fills_up_costs_neither_the_answer_nor_the_run(
    bench: Bench, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, told = chat
    monkeypatch.setenv("LOADVERDICT_WEBHOOK", address)
    ledger, history = bench.serve(), bench.folder / "history"
    with small_disk(history, "1m"):
        process = night(bench, ledger)
        going = bench.taken(process, ledger)
        ballast = fill(history, 0)
        done = finished(process)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "error rate" in done.stdout.lower()
        (sentence,) = sentences(done.stderr)
        assert "the disk is full" in sentence
        assert f"loadverdict trend --add {going.folder.id}" in sentence
        assert "the disk is full" in told[0]
        assert "hush" not in done.stdout + done.stderr
        check_whole(going.folder.analysis_dir)
        ballast.unlink()
        added = Cli(bench.folder)("trend", "--add", str(going.folder.path), *where(bench))
        assert added.returncode == 0, added.stderr
        with sqlite3.connect(history / "history.sqlite") as kept:
            assert kept.execute("SELECT run_id FROM runs").fetchall() == [(going.folder.id,)]
    audit(going)


@needs_root
@pytest.mark.slow
def test_a_night_without_any_room_has_an_answer_on_the_terminal_and_in_the_chat(
    bench: Bench, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs, history and the summary of a pipeline on one disk."""
    address, told = chat
    monkeypatch.setenv("LOADVERDICT_WEBHOOK", address)
    ledger = bench.serve()
    with small_disk(bench.folder / "disk", "8m"):
        (bench.folder / "history").symlink_to(bench.folder / "disk")
        bench.runs.symlink_to(bench.folder / "disk" / "runs")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(bench.folder / "disk/summary.md"))
        process = night(bench, ledger)
        going = bench.taken(process, ledger)
        until_there(going.folder.samples_parquet)
        fill(bench.folder / "disk", 0)
        done = finished(process)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "error rate" in done.stdout.lower()
        (sentence,) = sentences(done.stderr)
        assert "No space left on device" in sentence
        assert "No space left on device" in told[0]
        check_whole(going.folder.analysis_dir)
        audit(going)


def where(bench: Bench) -> tuple[str, ...]:
    return ("--history", str(bench.folder / "history/history.sqlite"), "--run-dir", str(bench.runs))


def night(bench: Bench, ledger: Ledger) -> subprocess.Popen[str]:
    """Start `loadverdict regression`."""
    scenario = bench.folder / "night.yaml"
    scenario.write_text(LOAD % 1 + SLO)
    options = ("--target", str(ledger.target.file), *where(bench))
    return Cli(bench.folder).start("regression", str(scenario), *options)


def finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
