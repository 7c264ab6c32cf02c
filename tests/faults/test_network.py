"""A worker on another machine: its line to the master is cut for a while, or for good; its master is killed.

The other machine is a network namespace at the end of a cable that can be unplugged: unlike a proxy, which
tells both ends, it loses what is sent. The target is on the worker's side, on its 127.0.0.1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from commands.locust_process import free_port
from recording.reader import read_run
from tests.commands.conftest import ROOT, serving, wait_for
from tests.faults.harness import LOAD, Bench, Going, audit, check_said, measured
from tests.faults.mounts import needs_root
from tests.faults.networks import NEAR, Network

pytestmark = [needs_root, pytest.mark.slow]


class FarWorker:
    """A worker in a network of its own, beside its target."""

    def __init__(self, bench: Bench, network: Network) -> None:
        network.connect()
        self.port = free_port()
        self.place = bench.folder / "far"
        self.place.mkdir()
        command = [
            *network.prefix,
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(ROOT / "locustfile.py"),
            "--worker",
        ]
        command += ["--master-host", NEAR, "--master-port", str(self.port)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "LOADVERDICT_SHIP_LOGS": "1"}
        with (self.place / "log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.place, env=env, stdout=log, stderr=log)

    def log(self) -> str:
        return (self.place / "log").read_text()


@pytest.fixture
def far(bench: Bench, network: Network) -> Iterator[tuple[Going, FarWorker]]:
    """A run of 12 s under way, its load made far away."""
    worker = FarWorker(bench, network)
    ledger = bench.serve("steady", prefix=network.prefix)
    # The preflight asks on this side; nothing else does.
    near = bench.folder / "near"
    near.mkdir()
    (near / "port").write_text((bench.folder / "port").read_text())
    with serving(near, "steady"):
        options = ("--workers", "1", "--workers-port", str(worker.port))
        going = bench.start(LOAD % 12, *options, ledger=ledger)
        try:
            going.until_finished(60)
            yield going, worker
        finally:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()


def test_a_line_that_is_cut_for_a_while_loses_nothing(far: tuple[Going, FarWorker], network: Network) -> None:
    going, _ = far
    network.unplug()
    time.sleep(5)
    network.plug_in()
    going.until_ended(90)
    check_said(going, 0, "exit code 0")
    audit(going)


GIVEN_UP_S = 30.0
"""A worker whose line is cut for good has ended its load by then; 20 s are promised."""


def test_a_line_that_is_cut_for_good(far: tuple[Going, FarWorker], network: Network) -> None:
    going, worker = far
    unplugged_s = time.monotonic()
    network.unplug()
    wait_for(lambda: worker.process.poll() is not None, 90)
    ended_after_s = time.monotonic() - unplugged_s
    measured(worker_ended_after_s=ended_after_s)
    assert ended_after_s < GIVEN_UP_S
    going.until_ended(120)
    check_said(going, 3, "worker-0")
    (own,) = (worker.place / "reports/runs").iterdir()
    assert len(read_run(own).samples) == going.ledger.target.served()


def test_the_target_is_quiet_soon_after_the_master_was_killed(far: tuple[Going, FarWorker]) -> None:
    going, worker = far
    killed_s = time.monotonic()
    for one in [*going.locusts(), psutil.Process(going.process.pid)]:
        one.kill()
    wait_for(lambda: quiet(going), 30)
    quiet_after_s = time.monotonic() - killed_s - 1
    measured(quiet_after_s=quiet_after_s)
    assert quiet_after_s < 2
    read = going.ledger.read_so_far()
    going.until_ended()
    worker.process.wait(60)
    (own,) = (worker.place / "reports/runs").iterdir()
    run = read_run(own)
    assert len(run.samples) == going.ledger.target.served() == read
    assert run.health is not None
    assert not run.health.nodes_without_end
    assert time.monotonic() - killed_s < 10


def quiet(going: Going) -> bool:
    """Whether nothing reaches the target for a second."""
    before = going.ledger.read_so_far()
    time.sleep(1)
    return going.ledger.read_so_far() == before
