"""F4, F5: Ctrl-C, SIGTERM and SIGHUP lose nothing, whoever gets them, however often, and whenever.

Afterwards everything that tells of requests and failures tells of the same ones.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from recording.frames import Kind, log_bytes, scan
from recording.reader import read_run
from tests.commands.conftest import Cli, wait_for
from tests.faults.harness import (
    LOAD,
    LONG,
    SHORT,
    Bench,
    Going,
    audit,
    check_all_agree,
    check_said,
    findings_of,
    health_of,
    measured,
    verdict_of,
)

AT_ONCE_S = 1.5
"""From the second Ctrl-C to the end of the load: some 0.4 s on a machine that has nothing else to do. Locust
alone sleeps for 1.5 s."""

RAMP_USERS = 60
RAMP = LONG.replace(
    "shape: hold, users: 6, hold_s: 60",
    f"shape: ramp, from_users: 1, to_users: {RAMP_USERS}, ramp_s: 60, hold_s: 5",
)

Victims = Callable[[Going], list[psutil.Process]]


def command(going: Going) -> list[psutil.Process]:
    """As `kill PID` does, and Ctrl-C: Locust has a process group of its own."""
    return [psutil.Process(going.process.pid)]


def everybody(going: Going) -> list[psutil.Process]:
    """As systemd and container runtimes do when they end a service."""
    return [*command(going), *going.locusts()]


def locusts(going: Going) -> list[psutil.Process]:
    """Master and workers, and not the command."""
    return going.locusts()


def one_worker(going: Going) -> list[psutil.Process]:
    """As a container of a worker that is stopped."""
    return going.locusts()[-1:]


QUICK = {(command, "2", signal.SIGINT), (everybody, "2", signal.SIGTERM)}
CASES = [
    pytest.param(who, processes, number, marks=() if (who, processes, number) in QUICK else pytest.mark.slow)
    for who, processes in (
        (command, "1"), (command, "2"), (everybody, "1"), (everybody, "2"), (locusts, "2"), (one_worker, "2"),
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
]  # fmt: skip


@pytest.mark.parametrize(("victims", "processes", "number"), CASES)
def test_a_signal_loses_nothing(
    bench: Bench, victims: Victims, processes: str, number: signal.Signals
) -> None:
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(60)
    for one in victims(going):
        one.send_signal(number)
    if victims is one_worker:
        time.sleep(2)
        going.process.send_signal(number)
    going.until_ended()
    check_said(going, 3, "incomplete")
    audit(going)
    # A worker that a signal ends does not tell Locust's master what it did since its last report.
    untold = processes == "2" and victims is not command
    check_all_agree(going, *(["locust.log"] if untold else []))
    # What ends Locust's processes behind the command's back is not always known; that they ended early is.
    known = {"interrupted", "node_lost", "cut_short"} if victims is locusts else {"interrupted"}
    assert known & set(findings_of(going))
    assert not health_of(going).nodes_without_end


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_while_users_are_still_being_added(bench: Bench, processes: str) -> None:
    going = bench.start(RAMP, "--processes", processes)
    going.until_finished(10)
    going.process.send_signal(signal.SIGINT)
    going.until_ended()
    check_said(going, 3, "interrupted")
    audit(going)
    check_all_agree(going)
    users = read_run(going.folder.path).samples.users
    measured(users=users.max())
    assert users.max() < RAMP_USERS


@pytest.mark.parametrize("processes", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_the_second_ctrl_c_ends_at_once_and_what_waits_is_recorded(bench: Bench, processes: str) -> None:
    load = LONG.replace("read_s: 2, total_s: 2", "read_s: 30, total_s: 30")
    going = bench.start(load, "--processes", processes, ledger=bench.serve("hang"))
    wait_for(lambda: going.ledger.read_so_far() == 6)
    time.sleep(0.5)
    going.process.send_signal(signal.SIGINT)
    wait_for(lambda: "interrupted" in {event["kind"] for event in going.folder.events()})
    going.process.send_signal(signal.SIGINT)
    asked_s = time.monotonic()
    wait_for(lambda: all(log_has_ended(path) for path in going.folder.samples_dir.glob("*.log")))
    recorded_s = time.monotonic()
    wait_for(lambda: not going.locusts())
    load_ended_s = time.monotonic()
    going.until_ended()
    ended_s = time.monotonic()
    measured(
        recorded_s=round(recorded_s - asked_s, 2),
        load_ended_s=round(load_ended_s - asked_s, 2),
        command_ended_s=round(ended_s - asked_s, 2),
    )
    assert load_ended_s - asked_s < AT_ONCE_S
    check_said(going, 3, "interrupted")
    assert audit(going).unfinished == 6
    check_all_agree(going)


def log_has_ended(path: Path) -> bool:
    """Whether a process has written its end mark; its log goes once it is in the run's table."""
    return not path.exists() or bool(scan(log_bytes(path)).of(Kind.END))


@pytest.mark.slow
def test_the_third_ctrl_c_kills(bench: Bench) -> None:
    going = bench.start(LONG, "--processes", "2")
    going.until_finished(60)
    for one in going.locusts():
        one.suspend()
    for _ in range(3):
        going.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    going.until_ended()
    check_said(going, 3, "incomplete")
    audit(going, 16)


@pytest.mark.slow
def test_before_the_first_request(bench: Bench) -> None:
    going = bench.start(LONG, "--processes", "2")
    going.process.send_signal(signal.SIGINT)
    going.until_ended()
    # 3: before Locust was there to be told; 6: it had nothing to tell.
    check_said(going, *((3, "interrupted") if going.process.returncode == 3 else (6, "no data")))
    audit(going)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_while_the_report_is_made(bench: Bench, number: signal.Signals) -> None:
    going = bench.start(SHORT.replace("hold_s: 5", "hold_s: 2"))
    going.until_finished(10)
    wait_for(going.folder.samples_parquet.exists)
    going.process.send_signal(number)
    going.until_ended()
    check_said(going, 3, "interrupted", "loadverdict diagnose")
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 0, done.stdout + done.stderr
    audit(going)
    check_all_agree(going)


@pytest.mark.slow
def test_whoever_reads_the_output_may_go(bench: Bench) -> None:
    """As `| head -1`. Progress is told every ten seconds, so there is one more line before the verdict."""
    going = bench.start(LOAD % 12 + "slo: [error_rate < 50 %]\n")
    out, err = going.process.stdout, going.process.stderr
    assert out is not None
    assert err is not None
    out.readline()
    out.close()
    told = err.read()
    err.close()
    assert going.process.wait(60) == 0
    assert told == ""
    audit(going)
    assert verdict_of(going)["quality"]["complete"]


def test_a_background_job_can_be_interrupted(bench: Bench) -> None:
    """A shell starts background jobs with SIGINT ignored; Locust alone would then run to its end."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        going = bench.start(LONG)
    finally:
        signal.signal(signal.SIGINT, before)
    going.until_finished(10)
    going.process.send_signal(signal.SIGINT)
    going.until_ended()
    check_said(going, 3, "interrupted")
    audit(going)
