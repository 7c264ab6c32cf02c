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
@pytest.mark.xfail(reason="a loop that is late by less than 100 ms each time is not noticed")
def test_a_busy_core_makes_the_run_invalid(bench: Bench) -> None:
    """Others take the only core that the load generator may use."""
    on_one_core = ("taskset", "-c", "1")
    load = (LOAD % 10).replace("think_time_s: 0.1", "think_time_s: 0").replace("users: 6", "users: 60")
    going = bench.start(load, ledger=bench.serve("steady"), prefix=on_one_core)
    going.until_finished(30)
    burn = [*on_one_core, sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(6)]
    try:
        wait_for(lambda: not going.locusts(), 60)
    finally:
        for one in burners:
            one.kill()
            one.wait()
    going.until_ended()
    measured(**findings_of(going))
    check_said(going, 4, "INVALID")
    audit(going)
