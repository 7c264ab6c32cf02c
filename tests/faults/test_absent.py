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
from tests.faults.name_server import ADDRESS, slow_name_server

NAME = "shop.test"
ANSWERS_S = 1.0
"""How long the slow name server takes."""
HASTY = LOAD.replace("think_time_s: 0.1", "think_time_s: 0")
MANY = """
load: {shape: hold, users: 30, hold_s: %d}
think_time_s: 0.5
timeouts: {connect_s: 5, read_s: 5, total_s: 5}
slo: [error_rate < 5 %%]
"""


@pytest.mark.slow
def test_a_target_that_dies_and_comes_back_is_refused_meanwhile(bench: Bench) -> None:
    """What the two servers have read, one after the other, is what was recorded as sent."""
    ledger = bench.serve("steady")
    going = bench.start(LOAD % 8, ledger=ledger)
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
    sent = int((~samples.outcome.isin({"refused"})).sum())
    hung_up = int(samples.outcome.isin({"reset", "closed_early"}).sum())
    # What lay in the server's buffers when it died was sent, and never read.
    assert sent - hung_up <= before + after <= sent
    assert hung_up <= 2 * USERS
    refused = int(samples.outcome.equals("refused").sum())
    assert 0 < refused < 3 * USERS * 10
    check_said(going, 1 if verdict_of(going)["quality"]["valid"] else 4)


@pytest.mark.slow
@pytest.mark.parametrize("client", ["lean", "fast", "requests"])
def test_a_target_that_refuses_users_without_pauses(bench: Bench, client: str) -> None:
    """Each attempt is recorded, and nothing slows them down: the figures say how many there are."""
    ledger = bench.serve("steady")
    going = bench.start(HASTY % 8 + f"client: {client}\n", ledger=ledger)
    going.until_finished(60)
    (worker,) = going.workers()
    ledger.target.process.kill()
    begun_s, before, before_bytes = time.monotonic(), worker.cpu_times(), log_bytes(going)
    time.sleep(3)
    took_s, after, after_bytes = time.monotonic() - begun_s, worker.cpu_times(), log_bytes(going)
    going.until_ended()
    samples = read_run(going.folder.path).samples
    refused = samples.take(np.flatnonzero(samples.outcome.equals("refused")))
    rate_per_s = float(refused.weight.sum()) / float(np.ptp(refused.start_s))
    measured(
        client=client,
        refused=len(refused),
        attempts_per_s_per_user=rate_per_s / USERS,
        core=(after.user + after.system - before.user - before.system) / took_s,
        log_bytes_per_s=(after_bytes - before_bytes) / took_s,
        bytes_at_the_end=sum(file.stat().st_size for file in going.folder.path.rglob("*") if file.is_file()),
    )
    assert set(samples.outcome.to_list()) <= {"ok", "refused", "reset", "closed_early"}
    assert len(refused) == int(refused.weight.sum())  # failures are never thinned
    assert health_of(going).dropped_rows == 0
    check_said(going, 1 if verdict_of(going)["quality"]["valid"] else 4)


def log_bytes(going: Going) -> int:
    """Size of the logs so far."""
    return sum(file.stat().st_size for file in going.folder.samples_dir.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("slo", ["error_rate < 5 %", "error_rate < 50 % for 5 s"])
def test_a_target_that_refuses_ends_the_load_where_that_is_asked_for(bench: Bench, slo: str) -> None:
    load = HASTY % 60 + f"slo: ['{slo}']\nabort_when_missed: true\n"
    ledger = bench.serve("steady")
    going = bench.start(load, ledger=ledger)
    going.until_finished(60)
    ledger.target.process.kill()
    killed_s = time.monotonic()
    going.until_ended(90)
    measured(slo=slo, ended_after_s=time.monotonic() - killed_s, **findings_of(going))
    assert "ended_early" in findings_of(going)
    assert going.process.returncode in (1, 4)


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
