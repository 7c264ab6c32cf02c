"""The copy of a distant worker's log is always a beginning of the original, whatever arrives."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.clock import Clock
from recording.folder import RunFolder
from scenarios import shipping
from scenarios.clock_offset import ClockOffset, answer
from scenarios.shipping import CHUNK_BYTES, Receiver, Shipper, is_shared, own_folder


def folder_in(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.samples_dir.mkdir(parents=True, exist_ok=True)
    return folder


def part(data: object, **more: object) -> dict[str, object]:
    """A chunk as a worker sends it."""
    return {"node": "worker-0", "file": "log", "offset": 0, "data": data, **more}


@given(
    original=st.binary(min_size=1, max_size=60),
    arrivals=st.lists(st.tuples(st.integers(0, 59), st.integers(1, 20)), max_size=30),
)
def test_lost_repeated_and_reordered_chunks_do_no_harm(
    tmp_path_factory: pytest.TempPathFactory, original: bytes, arrivals: list[tuple[int, int]]
) -> None:
    folder = folder_in(tmp_path_factory.mktemp("run"))
    receiver = Receiver(folder)
    confirmed = 0
    for offset, length in arrivals:
        data = original[offset : offset + length]
        told = receiver.take("worker-0", part(data, offset=offset))
        assert told["offset"] >= confirmed
        confirmed = told["offset"]
    rest = receiver.take("worker-0", part(original[confirmed:], offset=confirmed))
    assert rest["offset"] == len(original)
    assert folder.log_path("worker-0").read_bytes() == original


@pytest.mark.parametrize("lost", ["chunk", "confirmation"])
def test_what_a_line_loses_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    monkeypatch.setattr(shipping, "RESEND_S", 0.3)
    here, there = folder_in(tmp_path / "here"), folder_in(tmp_path / "there")
    here.errors_jsonl.write_bytes(b"{}")  # the other file, which has nothing under way meanwhile
    receiver, sent = Receiver(there), list[str]()

    def send(chunk: dict[str, Any]) -> None:
        sent.append(chunk["file"])
        is_lost = chunk["file"] == "log" and sent.count("log") == 1
        if is_lost and lost == "chunk":
            return
        told = receiver.take("worker-0", chunk)
        if not is_lost:
            shipper.confirm(told["file"], told["offset"])

    shipper = Shipper(here, "worker-0", send)
    here.log_path("worker-0").write_bytes(b"frames")
    assert shipper.finish(limit_s=5) == 0
    assert sent.count("log") == 2
    assert there.log_path("worker-0").read_bytes() == b"frames"


@pytest.mark.parametrize(
    "chunk",
    [
        part(b"x", node="../../etc/passwd"),
        part(b"x", node="worker-1"),
        part(b"x", node="local"),
        part(b"x", file="manifest.json"),
        part(1_000),
        part("x"),
        part([120]),
        part(b"x" * (CHUNK_BYTES + 1)),
    ],
    ids=["path", "another worker", "master", "another file", "number", "text", "list", "too much"],
)
def test_a_worker_can_write_nothing_but_its_log(tmp_path: Path, chunk: dict[str, object]) -> None:
    folder = folder_in(tmp_path / "run")
    receiver = Receiver(folder)
    with pytest.raises(ValueError, match="no part of its log"):
        receiver.take("worker-0", chunk)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    receiver.take("worker-0", part(b"x" * CHUNK_BYTES))
    assert folder.log_path("worker-0").stat().st_size == CHUNK_BYTES


def test_a_folder_is_shared_only_if_it_is_that_very_run(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    assert not is_shared(tmp_path, 5.0)
    folder.manifest_json.write_text('{"start_s": 5.0}')
    assert is_shared(tmp_path, 5.0)
    assert not is_shared(tmp_path, 6.0)


def test_a_worker_does_not_write_into_a_folder_that_holds_a_log(tmp_path: Path) -> None:
    folder = RunFolder(own_folder(tmp_path, "run", "worker-0"))
    folder.log_path("worker-0").touch()
    with pytest.raises(FileExistsError):
        own_folder(tmp_path, "run", "worker-0")


def test_a_worker_keeps_its_log_for_itself_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = RunFolder(own_folder(tmp_path / "runs", "run", "worker-0"))
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (folder.path, folder.samples_dir)] == [0o700, 0o700]


def test_the_answer_that_came_soonest_sets_the_clock() -> None:
    asked: list[dict[str, float]] = []
    clock = ClockOffset(asked.append)
    question = {"asked_mono_s": time.monotonic()}
    assert not clock.is_known
    clock.answered(answer(question, time.time() + 7))
    soon = clock.offset_s
    clock.answered(answer({"asked_mono_s": time.monotonic() - 3}, time.time() + 99))
    assert clock.offset_s == pytest.approx(soon, abs=0.1)
    assert soon == pytest.approx(7, abs=0.5)


def test_a_clock_that_is_set_after_the_answer_is_no_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker may wait for the others for long."""
    clock = ClockOffset(lambda _: None)
    assert clock.offset_s == 0
    clock.answered(answer({"asked_mono_s": time.monotonic()}, time.time() + 7))
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 120)
    assert Clock.start(clock.offset_s).wall_s == pytest.approx(right() + 7, abs=0.5)
