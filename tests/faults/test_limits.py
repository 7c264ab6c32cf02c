"""F16, F17: the load generator runs out of files, ports or processor."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from recording.reader import read_run
from tests.commands.conftest import wait_for
from tests.faults.harness import LOAD, Bench, audit, check_said, findings_of, measured, verdict_of
from tests.faults.mounts import needs_root
from tests.faults.networks import Network


@pytest.mark.slow
def test_without_files_it_is_the_generators_fault(bench: Bench) -> None:
    load = (LOAD % 5).replace("users: 6", "users: 50")
    going = bench.start(load, ledger=bench.serve("steady"), prefix=("prlimit", "--nofile=48:48"))
    going.until_ended()
    samples = read_run(going.folder.path).samples
    measured(**Counter(samples.outcome.to_list()))
    check_said(going, 4, "INVALID", "EMFILE: out of open files")
    audit(going)
    assert verdict_of(going)["errors"] == 0


@pytest.mark.slow
@needs_root
def test_without_ports_it_is_the_generators_fault(bench: Bench, network: Network) -> None:
    network.ports(40000, 40020)
    load = LOAD % 6 + "connections: fresh\n"
    ledger = bench.serve("steady", prefix=network.prefix)
    going = bench.start(load, ledger=ledger, prefix=network.prefix)
    going.until_ended()
    samples = read_run(going.folder.path).samples
    measured(**Counter(samples.outcome.to_list()))
    check_said(going, 4, "INVALID", "EADDRNOTAVAIL: out of local ports")
    audit(going)
    assert verdict_of(going)["errors"] == 0


@pytest.mark.slow
def test_a_core_that_others_have_makes_the_run_invalid(bench: Bench) -> None:
    """Others take the only core that the load generator may use; the server has the other one."""
    load = (LOAD % 10).replace("think_time_s: 0.1", "think_time_s: 0").replace("users: 6", "users: 60")
    ledger = bench.serve("steady", prefix=("taskset", "-c", "0"))
    going = bench.start(load, ledger=ledger, prefix=("taskset", "-c", "1"))
    going.until_finished(30)
    burn = ["taskset", "-c", "1", sys.executable, "-c", "while True: pass"]
    # In sessions of their own: the kernel shares a core among sessions, not among processes.
    burners = [subprocess.Popen(burn, start_new_session=True) for _ in range(40)]
    try:
        wait_for(lambda: not going.locusts(), 60)
    finally:
        for one in burners:
            one.kill()
            one.wait()
    going.until_ended()
    measured(**findings_of(going), ok_p50_ms=verdict_of(going)["latency_ms"]["ok"]["p50"])
    check_said(going, 4, "INVALID", "used or waited for over 90 % of its core")
    audit(going)
