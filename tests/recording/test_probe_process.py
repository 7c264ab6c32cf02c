"""The probes' own process: it reads until told to stop, survives what it reads, and hides what it knows."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recording.clock import Clock
from recording.folder import RunFolder
from recording.logs import finish, read_logs
from recording.probes.readings_file import READINGS_SCHEMA, ReadingsWriter, read_readings
from recording.probes.told import Reading
from tests.recording.pages import Pages, serving

ROOT = Path(__file__).resolve().parents[2]
SECRET = "tok-en-4711"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.samples_dir.mkdir(parents=True)
    return made


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as served:
        served.pages["/m"] = (200, "active 3\n")
        yield served


def until(condition: Callable[[], Any], limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def probing(
    folder: RunFolder, clock: Clock, exit_status: int = 0, **probes: Any
) -> Iterator[subprocess.Popen[bytes]]:
    told = {"folder": str(folder.path), "wall_s": clock.wall_s, "mono_s": clock.mono_s, "probes": probes}
    process = subprocess.Popen([sys.executable, "-m", "recording.probes"], stdin=subprocess.PIPE, cwd=ROOT)
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        until(lambda: folder.target_readings.exists() or process.poll() is not None)
        yield process
        process.stdin.close()
        assert process.wait(20) == exit_status
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def metrics(pages: Pages, **more: Any) -> dict[str, Any]:
    signals = {"pool_active": {"gauge": "active"}}
    return {"kind": "prometheus", "url": f"{pages.url}/m", "every_s": 0.2, "signals": signals, **more}


def ended(folder: RunFolder) -> dict[str, Any]:
    return {event["probe"]: event for event in folder.events() if event["kind"] == "probe_ended"}


def test_readings_are_on_the_runs_clock_and_secrets_are_in_no_file(folder: RunFolder, pages: Pages) -> None:
    log = folder.path / "phases.log"
    log.write_text("")
    # A run whose clock is an hour off: the readings must be too.
    clock = Clock.start(-3600)
    header = {"Authorization": f"Bearer {SECRET}"}
    phases = {"kind": "log", "file": str(log), "every_s": 0.2}
    with probing(folder, clock, metrics=metrics(pages, headers=header), phases=phases) as process:
        log.write_text(f"lock_ms=4 token={SECRET}\n")
        until(lambda: len(read_readings(folder.target_readings)) >= 8)
        if hasattr(os, "getpriority"):
            assert os.getpriority(os.PRIO_PROCESS, process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    readings = read_logs(folder).readings
    assert set(readings.source) == {"target"}
    assert set(readings.name) == {"pool_active", "phase_count", "phase_ms", "phase_own_ms"}
    assert set(readings.value[readings.name == "pool_active"]) == {3.0}
    assert np.all(np.abs(readings.time_s - clock.now()) < 60)
    assert pages.asked[0]["Authorization"] == header["Authorization"]
    for path in folder.path.rglob("*"):
        if path.is_file() and path != log:
            assert SECRET.encode() not in path.read_bytes(), path
    assert {name: e["problems"] for name, e in ended(folder).items()} == {"metrics": [], "phases": []}


def test_a_target_that_dies_mid_run_costs_its_readings_and_no_others(folder: RunFolder, pages: Pages) -> None:
    other = {
        "kind": "process",
        "pid": os.getpid(),
        "every_s": 0.2,
        "signals": {"memory_mb": {"gauge": "memory_mb"}},
    }
    with probing(folder, Clock.start(), metrics=metrics(pages), process=other):
        until(lambda: len(pages.asked) >= 3)
        pages.stop()
        before = len(read_readings(folder.target_readings))
        # Some of the readings from before are still to be written.
        until(lambda: len(read_readings(folder.target_readings)) > before + 6)
    fates = ended(folder)
    assert fates["process"]["problems"] == []
    (problem,) = fates["metrics"]["problems"]
    assert "all from this moment on" in problem["text"]
    assert problem["grave"]
    assert isinstance(problem["at_s"], float)


def test_a_killed_process_leaves_what_it_has_written_and_finish_keeps_it(
    folder: RunFolder, pages: Pages
) -> None:
    with probing(folder, Clock.start(), -signal.SIGKILL, metrics=metrics(pages)) as process:
        until(lambda: len(read_readings(folder.target_readings)) >= 4)
        process.kill()
    assert ended(folder) == {}
    written = read_logs(folder).readings
    assert len(written.time_s) >= 4
    finish(folder)
    assert not folder.target_readings.exists()
    assert not folder.readings_dir.exists()


def test_a_torn_file_is_read_up_to_the_tear(tmp_path: Path) -> None:
    path = tmp_path / "target.arrows"
    writer = ReadingsWriter(path)
    for i in range(3):
        writer.add([Reading(float(i), "pool_active", "metrics", 1.5)])
    size = path.stat().st_size
    writer.add([Reading(3.0, "pool_active", "metrics", 1.5)])
    whole = path.read_bytes()
    writer.close()
    path.write_bytes(whole[: size + 20])
    table = read_readings(path)
    assert table.schema.equals(READINGS_SCHEMA)
    assert table.column("time_s").to_pylist() == [0.0, 1.0, 2.0]
    assert len(read_readings(tmp_path / "none.arrows")) == 0
    path.write_bytes(b"rubbish")
    assert len(read_readings(path)) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_and_ends_the_writing(tmp_path: Path) -> None:
    writer = ReadingsWriter(tmp_path / "target.arrows")
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), writer._file.fileno())
    for i in range(3):
        writer.add([Reading(100.0 + i, "pool_active", "metrics", 1.5)])
    writer.close()
    text = "readings could not be written from this moment on (no space left on device)"
    assert writer.problems() == [{"text": text, "grave": True, "at_s": 100.0}]


def test_an_answer_that_never_ends_is_said(folder: RunFolder, pages: Pages) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/m"
        hung = metrics(pages, url=url, timeout_s=60)
        with probing(folder, Clock.start(), metrics=metrics(pages), hung=hung):
            pass
    fates = ended(folder)
    assert fates["metrics"]["problems"] == []
    (problem,) = fates["hung"]["problems"]
    assert problem["text"] == "a reading begun at this moment had not ended when the run did"


def test_signals_are_left_to_whoever_started_it(folder: RunFolder, pages: Pages) -> None:
    with probing(folder, Clock.start(), metrics=metrics(pages)) as process:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        before = len(read_readings(folder.target_readings))
        until(lambda: len(read_readings(folder.target_readings)) > before)
    assert ended(folder)["metrics"]["problems"] == []
