"""F9, F11: the target goes away and comes back; its name has no address, or nobody answers for it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from recording.reader import read_run
from tests.commands.conftest import ROOT, wait_for
from tests.faults.harness import LOAD, USERS, Bench, Ledger, audit, check_said, measured, verdict_of
from tests.faults.mounts import needs_root

NAME = "shop.test"


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
