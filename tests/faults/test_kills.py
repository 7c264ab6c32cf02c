"""F1, F2, F3: `kill -9` of a worker, of the master, of everything that makes the load."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from tests.commands.conftest import Cli
from tests.faults.harness import (
    LONG,
    PROMISED_S,
    SHORT,
    USERS,
    Bench,
    Going,
    audit,
    check_said,
    findings_of,
    health_of,
    missing_of_those_answered,
    verdict_of,
)

UNWRITTEN = USERS + 10
"""Lost to `kill -9` at most: what was in flight, and what finished within `PROMISED_S` (some 45 a second)."""

QUIET_S = 2.0
"""After its master's death no request reaches the target later than this."""

Victims = Callable[[Going], list[psutil.Process]]


def kill(victims: list[psutil.Process]) -> float:
    """Kill all of them at once; returns the moment."""
    moment_s = time.monotonic()
    for one in victims:
        one.send_signal(signal.SIGKILL)
    return moment_s


def check_kept(going: Going, killed_s: float) -> None:
    """What was finished in time is in the log, and the books balance."""
    assert not missing_of_those_answered(going, killed_s - PROMISED_S)
    audit(going, lost_at_most=UNWRITTEN)


def test_a_killed_worker_is_named_and_what_it_had_finished_is_kept(bench: Bench) -> None:
    going = bench.start(SHORT, "--processes", "2")
    going.until_finished(60)
    killed_s = kill(going.workers()[:1])
    going.until_ended()
    check_said(going, 3, "incomplete")
    assert "worker-" in findings_of(going)["cut_short"]
    assert "last entry after" in findings_of(going)["cut_short"]
    check_kept(going, killed_s)


_CHANCE = random.Random(7)
MOMENTS = [round(_CHANCE.uniform(0.2, 2.5), 3) for _ in range(20)]
"""Seconds under load until everything is killed."""


@pytest.mark.parametrize(
    ("moment_s", "processes"),
    [
        (MOMENTS[0], "2"),
        *(pytest.param(m, "12"[n % 2], marks=pytest.mark.slow) for n, m in enumerate(MOMENTS[1:])),
    ],
)
def test_when_all_that_makes_the_load_is_killed_there_is_a_verdict(
    bench: Bench, moment_s: float, processes: str
) -> None:
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(1)
    time.sleep(moment_s)
    killed_s = kill(going.locusts())
    going.until_ended()
    check_said(going, 3, "incomplete")
    assert not verdict_of(going)["quality"]["complete"]
    check_kept(going, killed_s)


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_killed_host_leaves_a_folder_that_can_be_diagnosed(bench: Bench, processes: str) -> None:
    """Everything at once, the command too."""
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(60)
    killed_s = kill([psutil.Process(going.process.pid), *going.locusts()])
    going.until_ended()
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "cut short" in done.stdout.lower()
    check_kept(going, killed_s)


@pytest.mark.parametrize("victim", ["master", "command"])
def test_the_target_is_quiet_soon_after_its_master_was_killed(bench: Bench, victim: str) -> None:
    going = bench.start(LONG, "--processes", "2")
    going.until_finished(60)
    below = psutil.Process(going.process.pid).children(recursive=True)
    kill(going.locusts()[:1] if victim == "master" else [psutil.Process(going.process.pid)])
    time.sleep(QUIET_S)
    read = going.ledger.read_so_far()
    going.until_ended()
    assert going.process.returncode == (3 if victim == "master" else -signal.SIGKILL), going.output
    assert not psutil.wait_procs(below, timeout=20)[1]
    assert audit(going).started == read
    assert not health_of(going).nodes_without_end
