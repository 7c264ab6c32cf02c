"""A phase log is followed through rotation, broken lines and another clock, and added up per second."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from recording.probes import tail
from recording.probes.log_lines import BrokenLineError, parse_line
from recording.probes.log_source import LogSource
from recording.probes.tail import LONGEST_LINE, CommandTail, FileTail, Lines
from recording.probes.told import ProbeError, Reading

WITHIN = {"lookup_ms": "lock_ms"}


@pytest.mark.parametrize(
    ("text", "phases", "time_s"),
    [
        ('{"ts": 1700000000.5, "lock_ms": 3, "bcrypt_ms": null}', {"lock_ms": 3.0}, 1700000000.5),
        ('{"time": 1700000000500, "lock_ms": "3.5"}', {"lock_ms": 3.5}, 1700000000.5),
        (
            '{"timestamp":"2023-11-14T22:13:20.500000000Z","fields":{"message":"login_complete","token_ms":1}}',
            {"token_ms": 1.0},
            1700000000.5,
        ),
        ('ts=1700000000 msg="took 3 ms" lookup_ms=0.25 db.rows=3', {"lookup_ms": 0.25}, 1700000000),
        (
            "\x1b[2m2023-11-14T22:13:20.5Z\x1b[0m INFO app: login_complete total_ms=12 bcrypt_ms=9ms",
            {"total_ms": 12.0, "bcrypt_ms": 9.0},
            1700000000.5,
        ),
        ("2023-11-14 22:13:20,500 INFO bcrypt_ms=9", {"bcrypt_ms": 9.0}, 1700000000.5),
        ("bcrypt_ms=9", {"bcrypt_ms": 9.0}, None),
    ],
)
def test_a_line_in_the_usual_formats(text: str, phases: dict[str, float], time_s: float | None) -> None:
    line = parse_line(text)
    assert line is not None
    assert line.phases == phases
    assert line.time_s == time_s


def test_figures_beyond_all_measure_are_no_times() -> None:
    with pytest.raises(BrokenLineError):
        parse_line('{"lock_ms": 1' + "0" * 400 + "}")
    found = parse_line('{"ts": 1e999, "lock_ms": 1}')
    assert found is not None
    assert found.time_s is None


@pytest.mark.parametrize("text", ["listening on 8080", '{"level": "info"}', "a=b", '{"n": {"x_ms": null}}'])
def test_lines_about_something_else_are_no_lines_of_phases(text: str) -> None:
    assert parse_line(text) is None


@pytest.mark.parametrize(
    "text", ['{"lock_ms": 3', '{"lock_ms": true}', '{"lock_ms": "slow"}', "lock_ms=-4", '{"lock_ms": NaN}']
)
def test_broken_lines_are_told_apart(text: str) -> None:
    with pytest.raises(BrokenLineError):
        parse_line(text)


def line(ts: float, **phases: float | None) -> str:
    return json.dumps({"ts": ts, **phases}) + "\n"


def figures(rows: list[Reading]) -> dict[tuple[float, str, str], float]:
    return {(row.time_s, row.label, row.name): row.value for row in rows}


def test_lines_are_added_up_per_second_of_their_beginning(tmp_path: Path) -> None:
    log = tmp_path / "phases.jsonl"
    log.write_text(line(999.0, lock_ms=1, total_ms=1))
    source = LogSource(FileTail(log), "total_ms", WITHIN)
    with log.open("a") as file:
        file.write(line(1001.2, lock_ms=30, lookup_ms=20, total_ms=400))
        file.write(line(1001.9, lock_ms=50, lookup_ms=None, total_ms=100))
        file.write('{"ts": 1001.9, "lock_')
    found = figures(source.readings(1002.0))
    # The first began 0.4 s before its line, in the second before.
    assert found[1000.5, "lock", "phase_ms"] == 30
    assert found[1000.5, "lock", "phase_own_ms"] == 10
    assert found[1001.5, "lock", "phase_own_ms"] == 50
    assert found[1001.5, "total", "phase_count"] == 1
    assert (1001.5, "lookup", "phase_count") not in found
    with log.open("a") as file:
        file.write('ms": 7, "total_ms": 7}\n')
    assert figures(source.readings(1002.5))[1001.5, "lock", "phase_ms"] == 7
    assert source.problems() == []
    source.close()


def test_a_log_that_is_rotated_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    log.write_text("lock_ms=1\n")
    counted = len(source.readings(10.0))
    with log.open("a") as file:
        file.write("lock_ms=1\nlock_ms=1\n")
    log.rename(tmp_path / "app.log.1")
    counted_moved = source.readings(11.0)  # between two files
    log.write_text("lock_ms=1\n")
    counted_new = source.readings(12.0)
    log.write_text("lock_ms=2\n")  # the same file, emptied and written anew: shorter or as long
    os.truncate(log, 0)
    source.readings(13.0)
    log.write_text("lock_ms=3\n")
    counted_cut = source.readings(14.0)
    assert counted == 3
    assert [r.value for r in counted_moved if r.name == "phase_count"] == [2]
    assert [r.value for r in counted_new if r.name == "phase_count"] == [1]
    assert [r.value for r in counted_cut if r.name == "phase_ms"] == [3]
    source.close()


def test_broken_and_overlong_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    log.write_bytes(
        b'lock_ms=1\n{"lock_ms": \n\xff\xfe lock_ms=2\n'
        + b"x" * (3 * LONGEST_LINE)
        + b" lock_ms=5\nlock_ms=4\n"
    )
    rows = source.readings(10.0)
    assert [r.value for r in rows if r.name == "phase_ms"] == [2.5]
    assert [r.value for r in rows if r.name == "phase_count"] == [2]
    assert source.problems() == [
        "2 of 4 lines could not be read and were left out",
        "1 overlong lines were left out",
    ]
    source.close()


def test_an_overlong_line_that_comes_in_pieces_is_left_out_whole() -> None:
    lines = Lines()
    assert lines.add(b"a\n" + b"x" * (LONGEST_LINE + 1)) == [b"a"]
    assert lines.add(b"x" * 10) == []
    assert lines.add(b"x\nb\n") == [b"b"]
    assert lines.dropped == 1


def test_a_long_word_takes_no_longer_than_its_length() -> None:
    assert parse_line("x" * LONGEST_LINE) is None


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    source = LogSource(FileTail(log), "total_ms", {})
    with pytest.raises(ProbeError, match="no such file"):
        source.readings(10.0)
    log.write_text("lock_ms=1\n")
    assert [r.value for r in source.readings(11.0) if r.name == "phase_ms"] == [1]
    source.close()


def test_a_log_without_phases_says_so(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    log.write_text("hello\nworld\n")
    assert source.readings(10.0) == []
    assert source.problems() == ["none of its 2 lines has a field that ends with _ms"]
    source.close()


def test_a_log_by_another_clock_is_put_on_ours(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    with log.open("a") as file:
        file.write(line(5000.2, lock_ms=1))
    rows = source.readings(1000.2)
    assert {r.time_s for r in rows} == {1000.5}
    assert source.problems() == ["its clock differs from ours by 4000.0 s, which was allowed for"]
    source.close()


def test_the_output_of_a_command_is_a_log_too_and_its_end_a_failure(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('lock_ms=5', flush=True); print('lock_ms=7')"]
    source = LogSource(CommandTail(command), "total_ms", {})
    rows: list[Reading] = []
    deadline = time.monotonic() + 20
    reason = ""
    while not reason and time.monotonic() < deadline:
        try:
            rows += source.readings(10.0)
        except ProbeError as error:
            reason = str(error)
        time.sleep(0.02)
    assert reason.startswith("the command ended")
    spent = [r.value for r in rows if r.name == "phase_ms"]
    count = [r.value for r in rows if r.name == "phase_count"]
    assert sum(n * ms for n, ms in zip(count, spent, strict=True)) == 12
    source.close()


def test_a_command_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(ProbeError, match="cannot run the command"):
        CommandTail("no-such-command-anywhere --follow")


def test_one_line_with_a_wrong_time_moves_no_other(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    with log.open("a") as file:
        file.write(line(1000.1, lock_ms=1) + line(9e9, lock_ms=5) + line(1000.2, lock_ms=3))
    assert figures(source.readings(1000.4))[1000.5, "lock", "phase_ms"] == 2
    with log.open("a") as file:
        file.write(line(9e9, lock_ms=5))
    source.readings(1001.4)
    with log.open("a") as file:
        file.write(line(1002.1, lock_ms=4))
    assert figures(source.readings(1002.4))[1002.5, "lock", "phase_ms"] == 4
    assert source.problems() == []
    source.close()


def running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    command = CommandTail(["sh", "-c", f"sleep 300 & echo $! > {told}.new; mv {told}.new {told}; wait"])
    deadline = time.monotonic() + 20
    while not told.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = psutil.Process(int(told.read_text()))
    command.close()
    deadline = time.monotonic() + 20
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(child)


def test_what_is_left_unread_at_the_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_AT_ONCE", 1 << 20)
    log = tmp_path / "app.log"
    log.write_text("")
    source = LogSource(FileTail(log), "total_ms", {})
    log.write_bytes(b"lock_ms=1\n" + b"hello world\n" * (3 << 18))
    source.readings(10.0)
    source.close()
    (problem,) = source.problems()
    assert problem == "it grew faster than it was read: 8 MB were passed over"
