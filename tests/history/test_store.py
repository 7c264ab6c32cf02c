"""The history's file: what goes in comes out, several writers, kills at any moment, old and new versions."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from analysis.trend.entry import Entry, Figure
from history.schema import MIGRATIONS, VERSION
from history.store import History, opened
from recording.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from pathlib import Path
from history.store import opened
sys.path.insert(0, "tests/history")
from test_store import entry
file, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    with opened(file) as history:
        history.record(entry(f"{name}-{number:04}"))
        print(f"{name}-{number:04}", flush=True)
"""


def entry(run_id: str, started_utc: str = "2026-01-01T00:00:00Z", **changes: object) -> Entry:
    figures = {
        name: Figure(name=name, title=name, unit="ms", value=1.5, low=1.0, high=None, n=7)
        for name in ("p99_all", "p50_ok", "kind:x")
    }
    values = {
        "run_id": run_id,
        "scenario": "steps",
        "target": None,
        "likeness": {"scenario": "steps", "target": "lab"},
        "started_utc": started_utc,
        "target_commit": "abc",
        "exit_code": 1,
        "whole": True,
        "requests": 7,
        "errors": 2,
        "sentence": 'it\'s; "so" -- DROP TABLE runs',
        "figures": figures,
    }
    return Entry.model_validate({**values, **changes})


def writer(file: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(file), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, text=True, stdout=-1, stderr=-1)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    first, second = entry("b"), entry("a", "2026-01-02T00:00:00Z", target="lab", pinned=True, figures={})
    with opened(tmp_path / "deep/history.sqlite") as history:
        history.record(second)
        history.record(first)
        assert history.runs() == [first, second]
        assert history.runs("steps") == [first, second]
        assert history.runs("other") == []


def test_a_run_that_is_recorded_again_is_replaced_and_stays_pinned(tmp_path: Path) -> None:
    with opened(tmp_path / "h.sqlite") as history:
        history.record(entry("a"))
        history.pin("a")
        history.record(entry("a", errors=3, figures={}))
        (kept,) = history.runs()
        assert (kept.errors, kept.pinned, kept.figures) == (3, True, {})
        history.pin("a", pinned=False)
        assert not history.runs()[0].pinned


def test_old_runs_are_forgotten_by_count_and_age_but_not_pinned_ones(tmp_path: Path) -> None:
    other = {"likeness": {"scenario": "other"}}
    with opened(tmp_path / "h.sqlite") as history:
        for day in range(1, 10):
            history.record(entry(f"run-{day}", f"2026-01-0{day}T00:00:00Z"))
        history.record(entry("else", "2026-01-01T00:00:00Z", **other))
        history.pin("run-1")
        assert history.prune(keep=5) == 3
        assert [one.run_id for one in history.runs()][:3] == ["else", "run-1", "run-5"]
        assert history.prune(before_utc="2026-01-07T00:00:00Z") == 3
        assert [one.run_id for one in history.runs()] == ["run-1", "run-7", "run-8", "run-9"]
        assert history.prune() == 0
    with sqlite3.connect(tmp_path / "h.sqlite") as file:
        kept = file.execute("SELECT DISTINCT run_id FROM figures ORDER BY run_id").fetchall()
    assert [name for (name,) in kept] == ["run-1", "run-7", "run-8", "run-9"]


def test_several_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    writers = [writer(file, name, 25) for name in "abc"]
    ends = [(one.communicate(timeout=60)[1], one.returncode) for one in writers]
    assert [code for _, code in ends] == [0, 0, 0], ends
    with opened(file) as history:
        assert len(history.runs()) == 75
        assert all(len(one.figures) == 3 for one in history.runs())


def test_a_new_history_waits_for_one_who_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        History(other).migrate()  # Made by another process, which has not turned on the write-ahead log yet.
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, other.rollback)
        end.start()
        with opened(file) as history:
            history.record(entry("a"))
        end.join()
    with closing(sqlite3.connect(file)) as look:
        assert look.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_a_history_is_whole_after_kills(tmp_path: Path, kills: int) -> None:
    file, chance = tmp_path / "h.sqlite", random.Random(7)
    told: set[str] = set()
    for number in range(kills):
        one = writer(file, f"{number:02}", 10_000)
        assert one.stdout is not None
        told.add(one.stdout.readline().strip())
        time.sleep(chance.uniform(0, 0.05))
        one.send_signal(signal.SIGKILL)
        rest, _ = one.communicate()
        told |= set(rest.split("\n")[:-1])
    with sqlite3.connect(file) as look:
        assert look.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with opened(file) as history:
        runs = history.runs()
    assert told - {""} <= {one.run_id for one in runs}
    assert all(len(one.figures) == 3 for one in runs)


def test_an_empty_file_becomes_a_history_and_a_later_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    file.touch()
    with opened(file) as history:
        assert history.runs() == []
    with sqlite3.connect(file) as look:
        assert look.execute("PRAGMA user_version").fetchone() == (VERSION,)
        look.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(UsageError, match="written by a later loadverdict"), opened(file):
        pass


def test_a_history_of_the_first_version_keeps_its_runs_and_takes_nights_with_repeats(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with sqlite3.connect(file) as old:
        old.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1")
        old.execute(
            "INSERT INTO runs VALUES "
            "('a', 's', 'steps', NULL, '{}', '2026-01-01T00:00:00Z', NULL, 0, 1, 9, 0, '', 1)"
        )
    again = entry("b", "2026-01-02T00:00:00Z").model_copy(update={"repeats": "a"})
    with opened(file) as history:
        history.record(again)
        history.record(again.model_copy(update={"repeats": None}))
        assert [(one.run_id, one.pinned, one.night) for one in history.runs()] == [
            ("a", True, "a"),
            ("b", False, "a"),
        ]


def test_a_first_version_that_was_begun_and_killed_is_begun_again(tmp_path: Path) -> None:
    # Both a file without tables and two programs that migrate at once end with one set of tables.
    file = tmp_path / "h.sqlite"
    writers = [writer(file, name, 1) for name in "abcd"]
    assert [one.wait(60) for one in writers] == [0, 0, 0, 0]
    with opened(file) as history:
        assert len(history.runs()) == 4
    for one in writers:
        one.communicate()


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_history_is_a_sentence_and_stays(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "h.sqlite"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"the history .*h\.sqlite cannot be used: "), opened(file):
        pass
    assert file.read_bytes() == content


def test_what_is_pruned_can_be_one_scenario_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "h.sqlite") as history:
        for number in range(3):
            history.record(entry(f"a{number}", f"2026-01-0{number + 1}T00:00:00Z"))
            history.record(entry(f"b{number}", f"2026-01-0{number + 1}T00:00:00Z", scenario="other"))
        assert history.prune(keep=1, scenario="other") == 2
        assert [one.run_id for one in history.runs()] == ["a0", "a1", "a2", "b2"]


def test_another_program_keeps_its_database(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = file.read_bytes()
    with pytest.raises(UsageError, match="database of another program"), opened(file):
        pass
    assert file.read_bytes() == before


def test_the_file_is_its_owners_alone_and_a_broken_run_is_no_baseline(tmp_path: Path) -> None:
    file = tmp_path / "h.sqlite"
    with opened(file) as history:
        history.record(entry("a", whole=False))
        with pytest.raises(UsageError, match="nothing can be held against it"):
            history.pin("a")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_run_that_is_not_there_cannot_be_pinned(tmp_path: Path) -> None:
    with opened(tmp_path / "h.sqlite") as history, pytest.raises(UsageError, match="has no run 'x'"):
        history.pin("x")
