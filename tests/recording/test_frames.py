"""A log survives what happens to it: every intact frame is read, and every damage is counted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.frames import Kind, LogWriter, encode, scan
from recording.own_file import OwnFile

FRAMES = [encode(Kind.HEARTBEAT, i, b'{"n":%d}' % i) for i in range(6)]
LOG = b"".join(FRAMES)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "a.log")
    for n in range(3):
        log.append_json(Kind.HEARTBEAT, {"n": n})
    log.close()
    result = scan((tmp_path / "a.log").read_bytes())
    assert [frame.json()["n"] for frame in result.frames] == [0, 1, 2]
    assert (result.bad_frames, result.missing_frames) == (0, 0)


def test_a_log_belongs_to_one_writer(tmp_path: Path) -> None:
    LogWriter(tmp_path / "a.log").close()
    with pytest.raises(FileExistsError):
        LogWriter(tmp_path / "a.log")


@pytest.mark.parametrize("cut", range(len(LOG)))
def test_a_log_cut_anywhere_keeps_every_whole_frame(cut: int) -> None:
    whole, used = 0, 0
    for frame in FRAMES:
        used += len(frame)
        whole += used <= cut
    result = scan(LOG[:cut])
    assert len(result.frames) == whole
    boundary = sum(len(f) for f in FRAMES[:whole])
    assert result.bad_frames == (0 if cut == boundary else 1)


@pytest.mark.parametrize("position", range(len(LOG)))
def test_a_flipped_byte_costs_one_frame_and_no_more(position: int) -> None:
    damaged = bytearray(LOG)
    damaged[position] ^= 0xFF
    result = scan(bytes(damaged))
    assert len(result.frames) == len(FRAMES) - 1
    assert result.bad_frames == 1


def test_a_frame_that_never_came_is_missed() -> None:
    result = scan(FRAMES[0] + FRAMES[1] + FRAMES[4])
    assert (len(result.frames), result.missing_frames, result.bad_frames) == (3, 2, 0)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_rubbish_around_a_frame_never_hides_it(before: bytes, after: bytes) -> None:
    frame = encode(Kind.END, 0, b'{"reason":"x"}')
    assert any(found.kind is Kind.END for found in scan(before + frame + after).frames)


def test_a_full_disk_is_remembered_and_not_raised(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "a.log")
    log._file.close()
    log._file = OwnFile(Path("/dev/full"))
    assert log.append(Kind.SAMPLES, b"x" * 100) is False
    assert log.failed_frames == 1
