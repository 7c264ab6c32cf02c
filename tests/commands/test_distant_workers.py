"""Workers that do not share the master's run folder: their logs travel, and nothing is lost on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.locust_process import free_port
from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from tests.commands.conftest import ROOT, Target, serving, wait_for
from tests.faults.harness import PROMISED_S, Going, Ledger, audit, missing_in

LOAD = """
load: {shape: steps, users: [2, 6], step_s: 3, blocks: 2}
think_time_s: 0.1
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""

SHIPPED_S = 2.0
"""What was finished so long before a worker is killed has reached the master, five times a second."""

UNSHIPPED = 6 + 50
"""Lost to the master at most: what was in flight, and two seconds of one worker's requests."""


class Machines:
    """A master, and workers with folders of their own behind a slow line, as on three machines."""

    def __init__(self, folder: Path, scenario: str, target: Target) -> None:
        self.folder, self.port = folder, free_port()
        line_port = folder / "line-port"
        line = [sys.executable, str(ROOT / "tests/slow_line.py"), str(line_port), str(self.port), "0.03"]
        self.line = subprocess.Popen(line, start_new_session=True)
        wait_for(lambda: line_port.exists() and line_port.read_text())
        chosen = {"LOADVERDICT_SCENARIO": scenario, "LOADVERDICT_TARGET": str(target.file)}
        master = ["--master", "--headless", "--expect-workers", "2", "--master-bind-host", "127.0.0.1"]
        self.master = self._start("master", [*master, "--master-bind-port", str(self.port)], **chosen)
        to_master = ["--worker", "--master-host", "127.0.0.1", "--master-port", line_port.read_text()]
        self.workers = [self._start(f"machine-{i}", to_master, LOADVERDICT_SHIP_LOGS="1") for i in range(2)]

    def _start(self, name: str, arguments: list[str], **env: str) -> subprocess.Popen[bytes]:
        place = self.folder / name
        place.mkdir()
        command = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), *arguments]
        with (place / "log").open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=place,
                env={
                    **os.environ,
                    **env,
                    "PYTHONPATH": str(ROOT),
                    "LOADVERDICT_RUN_DIR": str(place / "runs"),
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run_folder(self) -> Path:
        """The run folder of the master."""
        found: Path = wait_for(
            lambda: next(iter((self.folder / "master/runs").glob("*/manifest.json")), None)
        )
        return found.parent

    def end(self) -> None:
        """Kill what is left."""
        for process in (self.master, *self.workers, self.line):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A server that answers every sixth request with 503, and its books."""
    path = tmp_path / "ledger"
    with serving(tmp_path, "mixed", path) as target:
        yield Ledger(target, path)


@pytest.fixture
def machines(
    tmp_path: Path, ledger: Ledger, scenario: Callable[[str], str], request: pytest.FixtureRequest
) -> Iterator[Machines]:
    found = Machines(tmp_path, scenario(getattr(request, "param", LOAD)), ledger.target)
    yield found
    found.end()


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(False, id="slow line", marks=pytest.mark.slow),
        pytest.param(True, id="line cut for a while"),
    ],
)
def test_every_request_of_distant_workers_arrives(machines: Machines, ledger: Ledger, cut: bool) -> None:
    folder = machines.run_folder()
    if cut:
        wait_for(lambda: Follower(RunFolder(folder)).look().finished > 30)
        machines.line.send_signal(signal.SIGUSR1)
        before = Follower(RunFolder(folder)).look().finished
        wait_for(lambda: sum(own.stat().st_size for own in logs(machines)) > 1.3 * copied(folder))
        assert Follower(RunFolder(folder)).look().finished <= before + 5
        time.sleep(4.5)  # longer than Locust itself waits for a worker's heartbeat
        machines.line.send_signal(signal.SIGUSR2)
    machines.master.wait(60)
    run = read_run(folder)
    assert len(run.samples) == ledger.target.served() > 100
    assert run.health is not None
    assert set(run.health.nodes) == {"worker-0", "worker-1"}
    assert not run.health.nodes_without_end
    assert (run.health.bad_frames, run.health.missing_frames) == (0, 0)
    assert run.examples
    assert len(logs(machines)) == 2  # each machine keeps its own


@pytest.mark.parametrize("machines", [LOAD.replace("step_s: 3", "step_s: 2")], indirect=True, ids=["brief"])
def test_a_distant_worker_that_is_killed_is_declared_lost(machines: Machines, ledger: Ledger) -> None:
    """Its log on its own machine keeps what every log keeps; what travels is a little behind."""
    folder = machines.run_folder()
    wait_for(lambda: Follower(RunFolder(folder)).look().finished > 30)
    machines.workers[0].kill()
    killed_s = time.monotonic()
    machines.master.wait(90)
    run = read_run(folder)
    assert run.health is not None
    assert len(run.health.nodes_without_end) == 1
    own = [log.parent.parent for log in logs(machines)]
    assert len(own) == 2
    assert not missing_in(own, ledger, killed_s - PROMISED_S)
    assert not missing_in([folder], ledger, killed_s - SHIPPED_S)
    audit(Going(machines.master, RunFolder(folder), ledger), lost_at_most=UNSHIPPED)


def logs(machines: Machines) -> list[Path]:
    return sorted(machines.folder.glob("machine-*/runs/*/samples/*.log"))


def copied(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "samples").glob("*.log"))
