"""F13: whichever call of the log to the system fails, nothing is raised and the books are right.

SQLite's method: a run for each n in which the n-th call fails. All others are real, on a real file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent
import pytest

import recording.recorder
from recording.clock import Clock
from recording.examples import ExampleWriter, read_examples
from recording.folder import RunFolder
from recording.frames import RESERVE_BYTES, LogWriter
from recording.logs import read_logs
from recording.recorder import Recorder, Situation
from recording.run import ErrorExample
from tests.faults.harness import measured

MOST = 200
FEW = (*range(1, 9), 60, MOST)
MORE_CALLS = 8
"""The load goes on for so many calls after the one that fails."""

CALLS = ("write", "posix_fallocate", "fdatasync")
HALF = "half"

Spoil = Callable[[int], str]
"""What becomes of call n: the name of its errno, `HALF` where only half is written, "" where it succeeds."""


class Disk:
    """Stands between the log and the system.

    Attributes:
        calls: of the log so far.
        spoiled: names of those that were spoiled.
    """

    def __init__(self, folder: Path, spoil: Spoil, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._spoil = folder, spoil
        self.calls = 0
        self.spoiled: list[str] = []
        for name in CALLS:
            patch.setattr(os, name, self._instead_of(name, getattr(os, name)))

    def _instead_of(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(fd: int, *arguments: Any) -> Any:
            if self._folder not in Path(f"/proc/self/fd/{fd}").readlink().parents:
                return real(fd, *arguments)
            self.calls += 1
            how = self._spoil(self.calls)
            if how == HALF and name == "write":
                self.spoiled.append(name)
                return real(fd, arguments[0][: len(arguments[0]) // 2])
            if how not in ("", HALF):
                self.spoiled.append(name)
                raise OSError(getattr(errno, how), os.strerror(getattr(errno, how)))
            return real(fd, *arguments)

        return call


def full_until_there_is_room(n: int, reserve: Path) -> Spoil:
    """From call n on, until the log gives up the room it has kept."""
    return lambda call: "ENOSPC" if call >= n and (call == n or is_whole(reserve)) else ""


def is_whole(reserve: Path) -> bool:
    """Whether the log still keeps all of its room."""
    return reserve.exists() and reserve.stat().st_size in (0, RESERVE_BYTES)


PLANS: dict[str, Callable[[int, Path], Spoil]] = {
    "full for a moment": lambda n, _: lambda call: "ENOSPC" if call == n else "",
    "full until there is room": full_until_there_is_room,
    "a short write": lambda n, _: lambda call: HALF if call == n else "",
    "a short write, then full": lambda n, _: lambda call: {n: HALF, n + 1: "ENOSPC"}.get(call, ""),
    "interrupted": lambda n, _: lambda call: "EINTR" if call == n else "",
    "broken": lambda n, _: lambda call: "EIO" if call == n else "",
}


def load(recorder: Recorder, disk: Disk, until_call: int) -> None:
    """Two requests at a time, one of which fails; every tenth is never answered."""
    recorder.start()
    while disk.calls < until_call:
        number = recorder.started
        for account, outcome in ((number, "ok"), (number + 1, "http_error")):
            token = recorder.begin("login", "POST", account)
            if account % 10:
                recorder.finish(token, outcome, 200 if outcome == "ok" else 503)
        gevent.sleep(0)
    recorder.close("done")


def dropped_in_a_run(folder: Path, plan: str, n: int) -> int:
    """Requests that a run lost in which call n is spoiled: those that are missing, and as many as it says."""
    run = RunFolder.create(folder, f"call-{n}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording.recorder, "FLUSH_INTERVAL_S", 0.0)
        patch.setattr(recording.recorder, "SYNC_INTERVAL_S", 0.005)
        log = run.log_path("a")
        disk = Disk(run.path, PLANS[plan](n, log.with_suffix(".reserve")), patch)
        recorder = Recorder(LogWriter(log), Clock.start(), "a", lambda: Situation(3, 3, "s"))
        load(recorder, disk, n + MORE_CALLS)
    found = read_logs(run)
    accounts = found.samples.account.tolist()
    assert disk.spoiled or plan.startswith("a short write")  # a call that writes nothing cannot be short
    assert len(accounts) == len(set(accounts)), n
    assert len(accounts) + found.health.dropped_rows == recorder.started, n
    assert found.health.dropped_rows == recorder.dropped, n
    answered = {account for account in range(recorder.started) if account % 10}
    assert set(found.samples.account[~found.samples.outcome.equals("unfinished")].tolist()) <= answered
    if plan == "a short write":
        assert recorder.dropped == found.health.missing_frames == 0, n
    assert found.health.bad_frames == 0, n
    return recorder.dropped


def lines_of_a_run(folder: Path, plan: str, n: int) -> tuple[int, int]:
    """Events and examples that are missing after a run in which call n is spoiled, and calls that were."""
    run = RunFolder.create(folder, f"call-{n}")
    examples = ExampleWriter(run.errors_jsonl)
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk(run.path, PLANS[plan](n, run.path / "none"), patch)
        for number in range(n):
            run.add_event("told", number, number=number)
            examples.keep(ErrorExample(number, 500 + number, "http_error", "busy", "Busy", "login"))
    examples.close()
    numbers = {event["number"] for event in run.events()}
    statuses = {example.status for example in read_examples(run.errors_jsonl)}
    assert numbers <= set(range(n)), n
    assert statuses <= set(range(500, 500 + n)), n
    return 2 * n - len(numbers) - len(statuses), len(disk.spoiled)


@pytest.mark.parametrize("plan", [plan for plan in PLANS if plan != "full until there is room"])
def test_a_line_that_fails_costs_no_other_line(tmp_path: Path, plan: str) -> None:
    for n in FEW:
        missing, spoiled = lines_of_a_run(tmp_path, plan, n)
        assert spoiled, n
        assert missing == (0 if plan == "a short write" else 1), n


def check_all(folder: Path, plan: str, calls: Iterable[int]) -> None:
    dropped = sum(dropped_in_a_run(folder, plan, n) for n in calls)
    measured(dropped=dropped)
    assert (dropped == 0) == (plan == "a short write")


@pytest.mark.parametrize("plan", PLANS)
def test_a_call_that_fails_costs_no_more_than_is_told(tmp_path: Path, plan: str) -> None:
    check_all(tmp_path, plan, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("plan", PLANS)
def test_any_call_that_fails_costs_no_more_than_is_told(tmp_path: Path, plan: str) -> None:
    check_all(tmp_path, plan, range(1, MOST + 1))
