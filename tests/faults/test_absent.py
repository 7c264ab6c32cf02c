"""F9, F11: the target goes away and comes back; its name has no address, or nobody answers for it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from commands.locust_process import free_port
from recording.folder import CUT_OFF
from recording.reader import read_run
from tests.commands.conftest import ROOT, wait_for
from tests.faults.harness import (
    LOAD,
    USERS,
    Bench,
    Going,
    Ledger,
    audit,
    check_said,
    findings_of,
    health_of,
    measured,
    verdict_of,
)
from tests.faults.mounts import needs_root
from tests.faults.name_server import ADDRESS, silent_name_server, slow_name_server
from tests.faults.test_joining import a_worker

CIRCUIT = ROOT / "tests/faults/circuit"
BROKEN_S = 6
"""Instead of the 30 s after which a load ends."""
LIMIT_S = 30
NAME = "shop.test"
ANSWERS_S = 1.0
"""How long the slow name server takes."""
HASTY = LOAD.replace("think_time_s: 0.1", "think_time_s: 0")
STUBBORN = """
class Stubborn:
    def turn(self, user):
        for _ in range(50):
            user.send("login")
"""
"""A behaviour that asks on whatever it is told."""
OPEN = """
load: {shape: hold, arrivals: 20, spread: even, max_in_flight: 3, hold_s: 7}
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""
ARRIVALS = 20 * 7
MANY = """
load: {shape: hold, users: 30, hold_s: %d}
think_time_s: 0.5
timeouts: {connect_s: 5, read_s: 5, total_s: 5}
slo: [error_rate < 5 %%]
"""
PATIENCE_S = 2
IMPATIENT = MANY.replace("_s: 5", f"_s: {PATIENCE_S}") + "connections: fresh\n"


@pytest.mark.slow
@pytest.mark.parametrize("load", [LOAD, HASTY], ids=["think time", "no think time"])
def test_a_target_that_dies_and_comes_back_is_refused_meanwhile(bench: Bench, load: str) -> None:
    """What the two servers have read, one after the other, is what was recorded as sent."""
    ledger = bench.serve("steady")
    going = bench.start(load % 8, ledger=ledger)
    going.until_finished(60)
    port_file = bench.folder / "port"
    before = ledger.target.served()
    time.sleep(2)
    count = bench.folder / "count-2"
    again = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/server.py"), str(port_file), str(count), "ok"]
    )
    try:
        going.until_ended()
        wait_for(count.exists)
        after = int(count.read_text())
    finally:
        again.kill()
        again.wait()
    samples = read_run(going.folder.path).samples
    measured(read_before=before, read_after=after, **Counter(samples.outcome.to_list()))
    last_refused_s = float(samples.start_s[samples.outcome.equals("refused")].max())
    ok_s = samples.start_s[samples.outcome.equals("ok")]
    back_after_s = float(ok_s[ok_s > last_refused_s].min()) - last_refused_s
    measured(back_after_s=back_after_s)
    assert back_after_s < 3
    sent = int((~samples.outcome.isin({"refused"})).sum())
    hung_up = int(samples.outcome.isin({"reset", "closed_early"}).sum())
    # What lay in the server's buffers when it died was sent, and never read.
    assert sent - hung_up <= before + after <= sent
    assert hung_up <= 2 * USERS
    refused = int(samples.outcome.equals("refused").sum())
    assert 0 < refused < 3 * USERS * 10
    assert not any(event["kind"] == CUT_OFF for event in going.folder.events())
    check_said(going, going.process.returncode)
    assert going.process.returncode in ((0, 1) if verdict_of(going)["quality"]["valid"] else (4,))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", ["client: lean", "client: fast", "client: requests", "behaviour: stubborn:Stubborn"]
)
def test_a_target_that_refuses_users_without_pauses_slows_them_down(bench: Bench, more: str) -> None:
    """Each attempt is recorded. After three in vain a user makes one a second, also within a turn."""
    (bench.folder / "stubborn.py").write_text(STUBBORN)
    ledger = bench.serve("steady")
    going = bench.start(HASTY % 8 + more + "\n", ledger=ledger)
    going.until_finished(60)
    (worker,) = going.workers()
    ledger.target.process.kill()
    begun_s, before, before_bytes = time.monotonic(), worker.cpu_times(), log_bytes(going)
    time.sleep(3)
    took_s, after, after_bytes = time.monotonic() - begun_s, worker.cpu_times(), log_bytes(going)
    going.until_ended()
    samples = read_run(going.folder.path).samples
    refused = samples.take(np.flatnonzero(samples.outcome.equals("refused")))
    since_s = refused.start_s - refused.start_s.min()
    rate_per_s = float((since_s >= 1).sum()) / float(since_s.max() - 1)
    core = (after.user + after.system - before.user - before.system) / took_s
    valid = verdict_of(going)["quality"]["valid"]
    measured(
        more=more,
        valid=valid,
        refused=len(refused),
        attempts_per_s_per_user=rate_per_s / USERS,
        core=core,
        log_bytes_per_s=(after_bytes - before_bytes) / took_s,
        bytes_at_the_end=sum(file.stat().st_size for file in going.folder.path.rglob("*") if file.is_file()),
    )
    assert set(samples.outcome.to_list()) <= {"ok", "refused", "reset", "closed_early"}
    assert len(refused) == int(refused.weight.sum())  # failures are never thinned
    check_answered_and_refused(going)
    assert rate_per_s / USERS <= 1.5
    assert core < 0.5
    assert "because nothing connected" in findings_of(going)["backed_off"]
    check_said(going, going.process.returncode)
    assert going.process.returncode in ((0, 1) if valid else (4,))


@pytest.mark.slow
def test_arrivals_that_are_refused_come_as_planned(bench: Bench) -> None:
    """A few users take them all, so that each is refused often enough to slow down, were its load closed."""
    ledger = bench.serve("steady")
    going = bench.start(OPEN, ledger=ledger)
    going.until_finished(10)
    ledger.target.process.kill()
    going.until_ended()
    samples = read_run(going.folder.path).samples
    refused = samples.take(np.flatnonzero(samples.outcome.equals("refused")))
    rate_per_s = len(refused) / float(np.ptp(refused.start_s))
    measured(rate_per_s=rate_per_s, **verdict_of(going)["quality"]["arrivals"])
    assert rate_per_s > 10
    assert "backed_off" not in findings_of(going)
    check_answered_and_refused(going)
    arrivals = verdict_of(going)["quality"]["arrivals"]
    assert arrivals["due"] == arrivals["sent"] + arrivals["skipped"] == ARRIVALS
    assert len(samples) == arrivals["sent"] > 0.9 * ARRIVALS
    assert np.median(refused.delay_ms) < 250  # slowed down it would be a second


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize(
    ("slo", "code"), [("error_rate < 99 %", 3), ("throughput > 1 per s for 3 s", 1)], ids=["met", "missed"]
)
def test_a_load_ends_when_nothing_can_connect(bench: Bench, processes: str, slo: str, code: int) -> None:
    ledger = bench.serve("steady")
    prefix = ("env", f"CIRCUIT_LIMIT_S={BROKEN_S}", f"PYTHONPATH={ROOT}:{CIRCUIT}")
    load = HASTY % 60 + f"slo: ['{slo}']\n"
    going = bench.start(load, "--processes", processes, ledger=ledger, prefix=prefix)
    going.until_finished(60)
    ledger.target.process.kill()
    killed_s = time.monotonic()
    going.until_ended(50)
    ended_after_s = time.monotonic() - killed_s
    finding = findings_of(going)["cut_off"]
    measured(processes=processes, ended_after_s=ended_after_s, finding=finding)
    assert ended_after_s > BROKEN_S
    (event,) = (event for event in going.folder.events() if event["kind"] == CUT_OFF)
    assert event["planned_s"] == 60
    assert BROKEN_S <= event["quiet_s"] <= event["elapsed_s"] < 50
    assert " of 60 s: nothing could connect for " in finding
    assert read_run(going.folder.path).manifest["clean_end"] is True
    valid = verdict_of(going)["quality"]["valid"]
    check_said(going, code if valid else 4, "the load was ended after", "nothing could connect for")
    check_answered_and_refused(going)


def check_answered_and_refused(going: Going) -> None:
    """Every request is in the record: those that the server read before its death, and those it refused.

    A refused one never reaches its counter, so that nothing but the load generator's own count holds it. What
    lay in the server's buffers at its death was sent and not read: those are `reset` or `closed_early`.
    """
    run = read_run(going.folder.path)
    outcomes = Counter(run.samples.outcome.to_list())
    sent = outcomes.total() - outcomes["refused"]
    read = going.ledger.target.served()
    started = run.readings.last_of_all("started") if run.readings is not None else None
    measured(read=read, started=started, **outcomes)
    assert set(outcomes) <= {"ok", "refused", "reset", "closed_early"}
    assert outcomes["ok"] <= read <= sent
    assert outcomes["reset"] + outcomes["closed_early"] <= 2 * USERS
    assert len(run.samples) == int(run.samples.weight.sum()) == started
    assert health_of(going).dropped_rows == 0


def log_bytes(going: Going) -> int:
    """Size of the logs so far."""
    return sum(file.stat().st_size for file in going.folder.samples_dir.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slo", "end"), [("error_rate < 5 %", "cut_off"), ("error_rate < 50 % for 5 s", "ended_early")]
)
def test_a_target_that_refuses_ends_the_load(bench: Bench, slo: str, end: str) -> None:
    """At the latest after half a minute: so few attempts may leave a share of the whole run within reach."""
    load = HASTY % 60 + f"slo: ['{slo}']\nabort_when_missed: true\n"
    ledger = bench.serve("steady")
    going = bench.start(load, ledger=ledger)
    going.until_finished(60)
    ledger.target.process.kill()
    killed_s = time.monotonic()
    going.until_ended(90)
    ended_after_s = time.monotonic() - killed_s
    measured(slo=slo, ended_after_s=ended_after_s, **findings_of(going))
    assert end in findings_of(going)
    if end == "cut_off":
        (event,) = (event for event in going.folder.events() if event["kind"] == CUT_OFF)
        assert LIMIT_S <= event["quiet_s"] < event["elapsed_s"] < 60
        assert ended_after_s >= LIMIT_S
    check_said(going, going.process.returncode)
    assert going.process.returncode in (1, 3, 4)
    check_answered_and_refused(going)


def named(bench: Bench, name: str) -> Ledger:
    """A target that goes by a name."""
    ledger = bench.serve("close")
    text = ledger.target.file.read_text().replace("127.0.0.1", name)
    ledger.target.file.write_text(text + "allow_load: true\n")
    return ledger


def test_a_name_without_address_is_told_before_any_load(bench: Bench) -> None:
    done = bench.refused(named(bench, "no-such-host.invalid"))
    assert done.returncode == 6
    assert "no-such-host.invalid" in done.stderr
    assert "address" in done.stderr
    assert "Traceback" not in done.stderr


def with_files(**files: Path) -> tuple[str, ...]:
    """Start a command that sees these files in /etc."""
    mounts = " && ".join(f"mount --bind {file} /etc/{name}" for name, file in files.items())
    return ("unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh")


@needs_root
@pytest.mark.slow
def test_a_name_server_that_stays_silent_is_told_within_seconds(bench: Bench) -> None:
    ledger = named(bench, NAME)
    resolver = bench.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.9", 53))
        begun_s = time.monotonic()
        done = bench.refused(ledger, prefix=with_files(**{"resolv.conf": resolver}))
        took_s = time.monotonic() - begun_s
    measured(took_s=took_s)
    assert done.returncode == 6
    assert "name server" in done.stderr
    assert took_s < 5 + 5


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("client", ["lean", "fast", "requests"])
def test_users_do_not_queue_for_a_slow_name_server(bench: Bench, client: str) -> None:
    """30 users, each asks for every request; in gevent's ten threads they would wait for 3 s."""
    ledger = named(bench, NAME)
    resolver = bench.folder / "resolv.conf"
    resolver.write_text(f"nameserver {ADDRESS}\n")
    load = MANY % 8 + f"connections: fresh\nclient: {client}\n"
    with slow_name_server(ANSWERS_S):
        going = bench.start(load, ledger=ledger, prefix=with_files(**{"resolv.conf": resolver}))
        going.until_ended()
    audit(going)
    samples = read_run(going.folder.path).samples
    assert set(samples.outcome.to_list()) == {"ok"}
    median_ms, longest_ms = float(np.median(samples.duration_ms)), float(samples.duration_ms.max())
    measured(client=client, requests=len(samples), median_ms=median_ms, longest_ms=longest_ms)
    assert longest_ms < 2 * 1000 * ANSWERS_S
    check_said(going, 0)


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("client", ["lean", "requests"])
@pytest.mark.parametrize("then", ["", f"127.0.0.9 {NAME}\n"], ids=["gone", "another address"])
def test_a_name_that_changes_mid_run(bench: Bench, client: str, then: str) -> None:
    """The lean client asks once per run; one that asks each time has the outcome `dns`."""
    ledger = named(bench, NAME)
    hosts = bench.folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {NAME}\n")
    nobody = bench.folder / "resolv.conf"
    nobody.write_text("nameserver 127.0.0.9\n")  # nobody listens there, which is known at once
    prefix = with_files(**{"hosts": hosts, "resolv.conf": nobody})
    load = LOAD % 7 + f"connections: fresh\nclient: {client}\n"
    going = bench.start(load, ledger=ledger, prefix=prefix)
    going.until_finished(60)
    hosts.write_text(f"127.0.0.1 localhost\n{then}")
    going.until_ended()
    samples = read_run(going.folder.path).samples
    measured(**Counter(samples.outcome.to_list()))
    expected = {"ok"} if client == "lean" else {"ok", "dns" if not then else "refused"}
    assert set(samples.outcome.to_list()) == expected
    audit(going)


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("client", ["fast", "requests"])
def test_a_name_server_that_falls_silent_mid_run_is_not_the_targets_silence(
    bench: Bench, client: str
) -> None:
    """These two ask for every request."""
    ledger = named(bench, NAME)
    files = name_files(bench, NAME)
    with silent_name_server() as lookups:
        load = IMPATIENT % 8 + f"client: {client}\n"
        going = bench.start(load, ledger=ledger, prefix=with_files(**files))
        going.until_finished(60)
        files["hosts"].write_text("127.0.0.1 localhost\n")
        going.until_ended()
        check_looked_up_in_vain(going, len(lookups))
    assert Counter(read_run(going.folder.path).samples.outcome.to_list())["ok"] >= 60


@needs_root
@pytest.mark.slow
def test_a_worker_whose_name_server_is_silent(bench: Bench) -> None:
    """The lean client asks once per process: its worker gets no answer from the start, its master does."""
    port = free_port()
    files = name_files(bench, NAME)
    going = bench.start(
        IMPATIENT % 6 + "client: lean\n",
        *("--workers", "1", "--workers-port", str(port)),
        ledger=named(bench, NAME),
        prefix=with_files(**files),
    )
    unnamed = bench.folder / "unnamed"
    unnamed.write_text("127.0.0.1 localhost\n")
    with (
        silent_name_server() as lookups,
        a_worker(bench, "far", port, prefix=with_files(**files | {"hosts": unnamed})),
    ):
        going.until_ended()
        check_looked_up_in_vain(going, len(lookups))
    assert set(read_run(going.folder.path).samples.outcome.to_list()) == {"dns"}


def name_files(bench: Bench, name: str) -> dict[str, Path]:
    """For /etc: the name stands for this machine; all else is asked of the test's own name server."""
    hosts, resolver = bench.folder / "hosts", bench.folder / "resolv.conf"
    hosts.write_text(f"127.0.0.1 localhost {name}\n")
    resolver.write_text(f"nameserver {ADDRESS}\n")
    return {"hosts": hosts, "resolv.conf": resolver}


def check_looked_up_in_vain(going: Going, lookups: int) -> None:
    """Who waited for the name server until the limit has sent nothing: no time-out and no freeze of the
    target's. And nobody waited for another's lookup: each of them asked."""
    run = read_run(going.folder.path)
    silent = run.samples.take(np.flatnonzero(run.samples.outcome.equals("dns")))
    measured(lookups=lookups, **Counter(run.samples.outcome.to_list()))
    assert set(run.samples.outcome.to_list()) <= {"ok", "dns"}
    assert set(silent.code.to_list()) == {"dns_timeout"}
    assert float(silent.duration_ms.min()) >= 900 * PATIENCE_S
    assert lookups >= len(silent) > USERS
    assert any("name server" in example.message for example in run.examples)
    assert verdict_of(going)["freezes"] == []
    check_said(going, 1)
    audit(going)
