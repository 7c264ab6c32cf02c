"""Run folders that are cut, damaged, mixed up or none: what is whole is judged, what is not is said.

Frames byte by byte: tests/recording/test_frames.py. Runs with rows that no run should have:
tests/analysis/test_strange_runs.py. The list of all runs: tests/render/test_index.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.diagnose import diagnose
from benchmarks.big_files import write_folder
from benchmarks.small_runs import FLUSHES, NODES, ORIGIN_S, PER_FLUSH, heartbeat, small_run, write_small_runs
from benchmarks.speed import diagnosis
from commands.gate import gate_path
from recording.folder import RunFolder
from recording.frames import FINISHED, Kind, LogWriter, encode, scan
from recording.logs import finish
from recording.reader import read_run
from recording.rows import Rows
from tests.bad_input.told import Told, told
from tests.faults.mounts import needs_root

ROOT = Path(__file__).resolve().parents[2]

WHOLE = FLUSHES * PER_FLUSH + 1
"""Rows of the whole run that is still in its logs, its unfinished request with them."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A finished run, a whole one in its logs, one of two processes that was killed."""
    return write_small_runs(tmp_path_factory.mktemp("runs"), seed=3)


@pytest.fixture
def finished(made: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / made[0].name))


@pytest.fixture
def logged(made: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / made[1].name))


@pytest.fixture
def killed(made: list[Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[2], tmp_path / made[2].name))


def gate(path: Path) -> Told:
    return told(lambda: gate_path(str(path), path.parent, as_json=False))


def findings(path: Path) -> set[str]:
    return {finding.code for finding in diagnose(read_run(path)).quality.findings}


def the_log(folder: Path) -> Path:
    return RunFolder(folder).log_path("local")


def test_a_log_cut_at_every_frame_keeps_all_before(logged: Path) -> None:
    log = the_log(logged)
    data, frames = log.read_bytes(), scan(log.read_bytes()).frames
    cut, rows = 0, 0
    for frame in frames[:-1]:
        cut += len(encode(frame.kind, frame.sequence, frame.payload))
        rows += frame.table().num_rows if frame.kind in FINISHED else 0
        log.write_bytes(data[:cut])
        run = read_run(logged)
        assert len(run.samples) == rows
        assert run.health is not None
        assert run.health.nodes_without_end == ("local",)
        assert (run.health.bad_frames, run.health.missing_frames) == (0, 0)
    assert gate(logged).code == 3
    assert "cut_short" in findings(logged)


def test_a_log_cut_at_random_bytes_keeps_every_whole_frame(logged: Path) -> None:
    log, chance = the_log(logged), random.Random(7)
    data = log.read_bytes()
    for cut in chance.sample(range(len(data)), 40):
        log.write_bytes(data[:cut])
        whole = scan(data[:cut])
        run = read_run(logged)
        assert len(run.samples) == sum(f.table().num_rows for f in whole.frames if f.kind in FINISHED)
        assert run.health is not None
        assert run.health.bad_frames == whole.bad_frames
    assert gate(logged).code in (3, 6)


@pytest.mark.parametrize("row", ["a log of nothing", "no log at all", "a log of zeros", "a manifest alone"])
def test_a_folder_without_requests(logged: Path, row: str) -> None:
    log = the_log(logged)
    if row == "a log of nothing":
        log.write_bytes(b"")
    elif row == "a log of zeros":
        log.write_bytes(bytes(10_000))
    else:
        log.unlink()
        if row == "a manifest alone":
            shutil.rmtree(logged / "samples")
    assert gate(logged).code == 6


@pytest.mark.parametrize("row", ["a folder", "a pipe", "a loop of links", "a device"])
def test_a_log_that_cannot_be_read_is_a_sentence(logged: Path, row: str) -> None:
    log = the_log(logged)
    log.unlink()
    if row == "a folder":
        log.mkdir()
    elif row == "a pipe":
        os.mkfifo(log)
    elif row == "a device":
        log.symlink_to("/dev/zero")
    else:
        log.symlink_to(log.name)
    gate(logged).check(2, str(log), "cannot be read", "move it out of the folder")


SIDE_FILES = ("manifest.json", "scenario.yaml", "events.jsonl", "errors.jsonl", "readings/target.arrows")


ROWS = ("missing", "empty", "a folder", "a pipe", "rubbish", "brackets")


def replace_by(path: Path, row: str) -> None:
    path.unlink()
    if row == "a folder":
        path.mkdir()
    elif row == "a pipe":
        os.mkfifo(path)
    elif row != "missing":
        path.write_bytes({"empty": b"", "rubbish": b"\x00\xff{]\n", "brackets": b"[" * 100_000}[row])


@pytest.mark.parametrize("row", ROWS)
def test_what_lies_beside_the_requests_never_costs_the_verdict(logged: Path, row: str) -> None:
    for name in SIDE_FILES:
        replace_by(logged / name, row)
    assert len(read_run(logged).samples) == WHOLE
    assert gate(logged).code in (1, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", SIDE_FILES)
@pytest.mark.parametrize("row", ROWS)
def test_nor_does_any_one_of_them(logged: Path, name: str, row: str) -> None:
    replace_by(logged / name, row)
    assert len(read_run(logged).samples) == WHOLE
    assert gate(logged).code in (1, 3)


STRANGE_MANIFESTS: tuple[object, ...] = (
    [], 5, {"scenario": 5, "target": [], "nodes": "x"}, {"start_s": "x", "until_decided": True},
    {"options": 7, "planned_load": 3, "planned_s": None}, {"start_s": 1e999, "clean_end": "no"},
    {"nodes": [[1], {}, None], "end_utc": 5}, {"format": "2"}, {"format": True}, {"format": -1},
)  # fmt: skip


@pytest.mark.parametrize("manifest", STRANGE_MANIFESTS, ids=str)
def test_a_manifest_that_says_something_else(logged: Path, manifest: object) -> None:
    (logged / "manifest.json").write_text(json.dumps(manifest))
    assert diagnose(read_run(logged)).requests == WHOLE


def test_a_newer_format_says_to_upgrade(logged: Path) -> None:
    (logged / "manifest.json").write_text('{"format": 2}')
    gate(logged).check(2, "run folder format 2, this version reads up to 1; upgrade loadverdict")


def test_targets_that_somebody_wrote_by_hand(logged: Path) -> None:
    for text, expected in (
        ("slo: 5\n", "a list of texts"),
        ("slo: [p99 < x]\n", "p99"),
        ("slo: [[a]]\n", "a list"),
    ):
        (logged / "scenario.yaml").write_text(text)
        gate(logged).check(2, f"{logged.name}/scenario.yaml", expected)


def test_one_of_two_logs_is_missing_and_is_missed(killed: Path) -> None:
    RunFolder(killed).log_path("worker-1").unlink()
    assert {"cut_short"} < findings(killed)
    assert gate(killed).code == 3


def test_a_log_of_another_run_is_left_out_and_told(killed: Path, logged: Path) -> None:
    before = read_run(killed)
    shutil.copy(the_log(logged), RunFolder(killed).log_path("foreign"))
    run = read_run(killed)
    assert run.health is not None
    assert run.health.nodes == ("local", "worker-1")
    assert run.samples.to_table().equals(before.samples.to_table())
    assert run.health.strangers == ("foreign.log",)
    assert "foreign_frames" in findings(killed)
    assert gate(killed).code == 3


def test_a_log_that_is_there_twice_counts_once_and_is_told(logged: Path) -> None:
    shutil.copy(the_log(logged), RunFolder(logged).log_path("copy"))
    assert diagnose(read_run(logged)).requests == WHOLE
    assert "repeated_frames" in findings(logged)
    assert gate(logged).code == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_an_intact_frame_of_something_else_is_counted_as_damaged(logged: Path, kind: Kind) -> None:
    log = the_log(logged)
    before = read_run(logged)
    sequence = len(scan(log.read_bytes()).frames)
    payloads = (
        b"",
        b"{",
        b"[]",
        b'{"time_s": "x"}',
        b"\xff" * 50,
        b'{"names": 5, "node": 1, "epoch_s": 2}\n',
    )
    log.write_bytes(
        log.read_bytes() + b"".join(encode(kind, sequence + i, p) for i, p in enumerate(payloads))
    )
    run = read_run(logged)
    assert run.health is not None
    assert run.samples.start_s.tolist() == before.samples.start_s.tolist()
    assert gate(logged).code in (1, 3)
    if kind in FINISHED:
        assert run.health.bad_frames == len(payloads)


def test_a_checksum_finds_a_flipped_bit_in_a_finished_run(finished: Path) -> None:
    """Without a checksum another number would be read, and nobody would know."""
    path, chance = finished / "samples.parquet", random.Random(5)
    data = path.read_bytes()
    known = read_run(finished).samples.to_table()
    for place in chance.sample(range(4, len(data) // 2), 25):
        damaged = bytearray(data)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(damaged))
        found = gate(finished)
        if found.code != 6:
            assert read_run(finished).samples.to_table().equals(known)
        else:
            found.check(6, "samples.parquet is damaged and the logs it was made from are gone; run again")


@pytest.mark.parametrize("row", ["empty", "another table", "a text", "a missing value", "a missing column"])
def test_a_parquet_file_of_something_else(finished: Path, row: str) -> None:
    path = finished / "samples.parquet"
    table = pq.read_table(path)
    if row == "another table":
        pq.write_table(pa.table({"a": [1]}), path)
    elif row == "a missing value":
        holes = pa.array([None, *table.column("status").to_pylist()[1:]], pa.int16())
        pq.write_table(table.set_column(table.column_names.index("status"), "status", holes), path)
    elif row == "a missing column":
        pq.write_table(table.drop_columns(["outcome"]), path)
    else:
        path.write_bytes(b"" if row == "empty" else b"PAR1 not PAR1")
    gate(finished).check(6, "samples.parquet is damaged", "run again")


def test_damaged_parquet_is_made_again_from_logs_that_are_still_there(killed: Path) -> None:
    folder = RunFolder(killed)
    before = finish(folder).samples.to_table()
    folder.samples_parquet.write_bytes(folder.samples_parquet.read_bytes()[:-200])
    assert read_run(killed).samples.to_table().equals(before)


@pytest.mark.parametrize("name", ["with space", "with\nline", "-dash", "ünï", "'quote"])
def test_a_folder_of_any_name(logged: Path, name: str) -> None:
    moved = logged.rename(logged.parent / name)
    assert gate(moved).code == 1


def test_a_link_to_a_folder_elsewhere_is_that_folder(logged: Path, tmp_path: Path) -> None:
    link = tmp_path / "runs" / "link"
    link.parent.mkdir()
    link.symlink_to(logged)
    assert gate(link).code == 1
    assert (logged / "analysis" / "verdict.json").is_file()
    assert [path.name for path in link.parent.iterdir()] == ["link"]


def test_a_report_does_not_follow_a_link_out_of_the_folder(logged: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (logged / "analysis").symlink_to(elsewhere)
    gate(logged).check(2, f"{logged / 'analysis'} is a link", "choose --out")
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_written_into(logged: Path) -> None:
    (logged / "analysis").write_text("no folder")
    gate(logged).check(2, f"cannot write the report into {logged / 'analysis'}", "choose --out")


def test_readings_that_point_anywhere_are_left_out(logged: Path) -> None:
    """An Arrow stream has no checksums: a flipped offset must not become an address."""
    path, chance = logged / "readings/target.arrows", random.Random(11)
    data = path.read_bytes()
    for _ in range(30):
        damaged = bytearray(data)
        for _ in range(6):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged))
        assert len(read_run(logged).samples) == WHOLE


@needs_root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a view of the disk of its own")
def test_a_folder_on_a_disk_that_is_read_only(killed: Path) -> None:
    """As an archive is, which not even root writes to: the verdict may go elsewhere."""
    before = {path: path.stat().st_mtime_ns for path in killed.rglob("*")}
    place = str(killed)
    mounts = f"mount --bind '{place}' '{place}' && mount -o remount,ro,bind '{place}'"
    alone = ("unshare", "-m", "sh", "-c", f'{mounts} || exit 99; exec "$@"', "sh")
    command = [*alone, sys.executable, "-m", "commands.main", "diagnose", place]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode in (1, 99) and "mount" in done.stderr:
        pytest.skip("this container may not mount")
    Told(done.returncode, done.stderr).check(2, "Read-only file system; choose --out")
    assert len(done.stderr.splitlines()) == 1
    out = killed.parent / "out"
    done = subprocess.run(
        [*command, "--out", str(out)], env=env, capture_output=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert json.loads((out / "verdict.json").read_text())["requests"] == len(read_run(killed).samples)
    assert {path: path.stat().st_mtime_ns for path in killed.rglob("*")} == before


def with_another_clock(log: Path, ahead_s: float) -> None:
    """The log of a process on a machine whose clock was so far ahead; its rows were corrected for that."""
    frames = scan(log.read_bytes()).frames
    assert frames[0].kind is Kind.ANCHOR
    anchor = json.loads(frames[0].payload)
    anchor["wall_s"] += ahead_s
    payloads = [json.dumps(anchor).encode(), *(frame.payload for frame in frames[1:])]
    log.write_bytes(
        b"".join(
            encode(frame.kind, frame.sequence, payload)
            for frame, payload in zip(frames, payloads, strict=True)
        )
    )


def test_clocks_of_two_machines_that_are_an_hour_apart_change_nothing(tmp_path: Path) -> None:
    """Rows tell their moments by the master's clock. An anchor's wall clock shows how far it was set during
    the run, and that it was wrong from the start is no matter."""
    folder = small_run(tmp_path / "run", np.random.default_rng(5), NODES, whole=True)
    before, found = read_run(folder.path), findings(folder.path)
    with_another_clock(folder.log_path(NODES[1]), 3600.0)
    after = read_run(folder.path)
    assert after.samples.to_table().equals(before.samples.to_table())
    assert after.health == before.health
    quality = diagnose(after).quality
    assert (quality.complete, quality.valid) == (True, True)
    assert {finding.code for finding in quality.findings} == found
    assert "clock_stepped" not in found


def run_of(path: Path, requests: list[tuple[float, int]]) -> Path:
    """The folder of a run that sent these: the second in which each began, its status."""
    folder, rows = RunFolder(path), Rows(len(requests))
    folder.samples_dir.mkdir(parents=True)
    for start_s, status in requests:
        outcome = "ok" if status == 200 else "http_error"
        rows.add(start_s, 25.0, "login", "POST", status, outcome, "", 1, 1, 0, "steps", 80)
    log = LogWriter(folder.log_path("local"))
    log.append_json(Kind.ANCHOR, {"wall_s": ORIGIN_S, "mono_s": 0.0, "epoch_s": ORIGIN_S})
    log.append(Kind.ROWS, rows.packed("local", ORIGIN_S))
    for second in range(int(max(start_s for start_s, _ in requests)) + 2):
        log.append_json(Kind.HEARTBEAT, heartbeat(second, 1, 0))
    log.append_json(Kind.END, {"reason": "done", "unfinished": 0, "finished": len(requests)})
    log.close()
    folder.write_manifest({"format": 1, "id": path.name, "clean_end": True, "nodes": ["local"]})
    return path


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        ([(1.0, 200)], 6),
        ([(1.0, 503)], 1),
        ([(i / 10, 503) for i in range(200)], 1),
        ([(1.0, 503)] * 200, 1),
        ([(1.0, 200)] * 200, 0),
        ([(1.0, 200), (1.0, 503)] * 100, 1),
    ],
    ids=["one", "one failure", "failures", "failures at once", "successes at once", "both at once"],
)
def test_so_little_that_hardly_anything_can_be_said(
    requests: list[tuple[float, int]], code: int, tmp_path: Path
) -> None:
    """One request, only failures, all at one moment: counts are exact, and no figure is none."""
    path = run_of(tmp_path / "run", requests)
    assert gate(path) == (code, "")
    verdict = json.loads((path / "analysis" / "verdict.json").read_text(), parse_constant=pytest.fail)
    failed = sum(status != 200 for _, status in requests)
    assert (verdict["requests"], verdict["errors"]) == (len(requests), failed)
    assert verdict["quality"]["complete"] is True
    shares = {status: found["share"] for status, found in verdict["by_status"].items()}
    assert shares.get("503", 0) == pytest.approx(failed / len(requests))


MOST_MB = 2_000
"""What CHANGELOG and docs/speed.md promise for ten million requests."""


@pytest.mark.slow
def test_ten_million_rows_take_bounded_memory(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_folder(run, 10_000_000, seed=1)
    cost = diagnosis(run, tmp_path / "report")
    assert cost.peak_mb < MOST_MB
    assert json.loads((tmp_path / "report" / "verdict.json").read_text())["requests"] == 10_000_000
