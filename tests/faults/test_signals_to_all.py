"""F4, F5: signals to whole process groups, as a terminal and a service manager send them, and `nohup`.

Every command leads a session of its own, as one that was started from a terminal. Locust and the process that
reads the target's figures run in others: a terminal reaches the command alone, a service manager all of them.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pytest

from recording.reader import read_run
from tests.commands.conftest import Cli, wait_for
from tests.faults.harness import (
    LOAD,
    LONG,
    SHORT,
    USERS,
    Bench,
    Going,
    Ledger,
    alive,
    audit,
    check_all_agree,
    check_said,
    findings_of,
    measured,
    verdict_of,
)
from tests.faults.test_signals import RAMP, RAMP_USERS

SESSION = ("setsid",)
"""Leads a session, and becomes the command."""


@dataclass(frozen=True)
class Wish:
    """A signal and the process groups that get it."""

    groups: Callable[[Going], set[int]]
    number: signal.Signals

    def reach(self, going: Going) -> None:
        """Send it once."""
        groups = self.groups(going)
        assert os.getpgrp() not in groups
        for group in groups:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(group, self.number)


def of_terminal(going: Going) -> set[int]:
    """The group in the foreground, which the command leads."""
    assert os.getpgid(going.process.pid) == going.process.pid
    return {going.process.pid}


def of_service(going: Going) -> set[int]:
    """Of every process that the command has started, and its own."""
    groups = of_terminal(going)
    for one in alive(below(going)):
        with suppress(ProcessLookupError):  # it has just ended
            groups.add(os.getpgid(one.pid))
    return groups


def below(going: Going) -> list[psutil.Process]:
    """All that the command has started."""
    return psutil.Process(going.process.pid).children(recursive=True)


TERMINAL, SERVICE = Wish(of_terminal, signal.SIGINT), Wish(of_service, signal.SIGTERM)
EVERYBODY = Wish(of_service, signal.SIGINT)
BOTH = pytest.mark.parametrize("wish", [TERMINAL, SERVICE], ids=["terminal", "service"])
ONE_AND_TWO = pytest.mark.parametrize("processes", ["1", "2"])


def with_probe(ledger: Ledger) -> Ledger:
    """The same server, whose figures a process of the run's own reads."""
    with ledger.target.file.open("a") as file:
        file.write(f"probes: {{process: {{map: process, pid: {ledger.target.process.pid}}}}}\n")
    return ledger


def start(bench: Bench, load: str, processes: str, mode: str = "mixed") -> Going:
    """A run in a session of its own, with all kinds of processes that a run has."""
    return bench.start(load, "--processes", processes, ledger=with_probe(bench.serve(mode)), prefix=SESSION)


def check_counts(going: Going, wish: Wish) -> None:
    """Everything tells of the same requests."""
    # A worker that a signal ends does not tell Locust's master what it did since its last report.
    check_all_agree(going, *(["locust.log"] if wish is not TERMINAL else []))


@pytest.mark.slow
@ONE_AND_TWO
@pytest.mark.parametrize("wish", [TERMINAL, SERVICE, EVERYBODY], ids=["terminal", "service", "everybody"])
def test_twice_and_what_waits_is_recorded(bench: Bench, wish: Wish, processes: str) -> None:
    load = LONG.replace("read_s: 2, total_s: 2", "read_s: 30, total_s: 30")
    going = start(bench, load, processes, "hang")
    wait_for(lambda: going.ledger.read_so_far() == USERS)
    time.sleep(0.5)
    started = below(going)
    wish.reach(going)
    wait_for(lambda: "interrupted" in {event["kind"] for event in going.folder.events()})
    wish.reach(going)
    going.until_ended()
    check_said(going, 3, "interrupted")
    check_counts(going, wish)
    assert audit(going).unfinished == USERS
    assert not alive(started)


@pytest.mark.slow
@ONE_AND_TWO
@BOTH
def test_while_users_are_still_being_added(bench: Bench, wish: Wish, processes: str) -> None:
    going = start(bench, RAMP, processes)
    going.until_finished(10)
    started = below(going)
    wish.reach(going)
    going.until_ended()
    check_said(going, 3, "interrupted")
    check_counts(going, wish)
    audit(going)
    users = int(read_run(going.folder.path).samples.users.max())
    measured(users=users)
    assert users < RAMP_USERS
    assert not alive(started)


@pytest.mark.slow
@BOTH
def test_while_the_report_is_made(bench: Bench, wish: Wish) -> None:
    """The requests are in one file by then; Locust's processes may still be ending."""
    going = start(bench, SHORT.replace("hold_s: 5", "hold_s: 2"), "2")
    wait_for(going.folder.samples_parquet.exists)
    wish.reach(going)
    going.until_ended()
    check_said(going, 3, "interrupted", "loadverdict diagnose")
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 0, done.stdout + done.stderr
    audit(going)
    check_counts(going, wish)


@pytest.mark.slow
@ONE_AND_TWO
def test_a_run_by_nohup_outlives_its_terminal(bench: Bench, processes: str) -> None:
    """SIGHUP is ignored when the command starts: it reaches every process, and the load goes to its end."""
    prefix = (*SESSION, "nohup")
    going = bench.start(LOAD % 8, "--processes", processes, ledger=with_probe(bench.serve()), prefix=prefix)
    going.until_finished(30)
    read = going.ledger.read_so_far()
    started = below(going)
    Wish(of_service, signal.SIGHUP).reach(going)
    time.sleep(1)
    assert len(alive(started)) == len(started)
    going.until_ended()
    verdict = verdict_of(going)
    assert going.process.returncode == (1 if verdict["quality"]["valid"] else 4), going.output
    assert verdict["quality"]["complete"]
    assert "interrupted" not in findings_of(going)
    assert audit(going).finished > read
    check_all_agree(going)
