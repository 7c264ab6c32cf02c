"""`run --workers`: what the containers of deploy/ start, as plain processes with folders of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.locust_process import free_port
from recording.reader import read_run
from tests.commands.conftest import ROOT, Cli, Target, wait_for

LOAD = """
load: {shape: steps, users: [2, 6], step_s: 1, blocks: 2}
think_time_s: 0.1
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""


class Workers:
    """Two workers, as deploy/compose.yaml starts them, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.processes = [self._start(folder / f"machine-{i}") for i in range(2)]

    def _start(self, place: Path) -> subprocess.Popen[bytes]:
        place.mkdir()
        # Left by somebody else; what is started there is one worker all the same.
        (place / "locust.conf").write_text("processes = 3\nheadless = true\nusers = 50\n")
        command = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), "--worker"]
        command += ["--master-host", "127.0.0.1", "--master-port", str(self.port)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "LOADVERDICT_SHIP_LOGS": "1"}
        with (place / "log").open("wb") as log:
            return subprocess.Popen(
                command, cwd=place, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    found = Workers(tmp_path)
    yield found
    found.end()


def test_a_run_waits_for_its_workers_and_judges_what_they_did(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], workers: Workers
) -> None:
    options = ["--workers", "2", "--workers-port", str(workers.port)]
    done = cli.run(scenario(LOAD), mixed, *options)
    assert done.returncode == 1, done.stdout + done.stderr  # a sixth of the requests fail, one target is 5 %
    run = read_run(cli.only_run())
    assert len(run.samples) == mixed.served() > 30
    assert run.health is not None
    assert set(run.health.nodes) == {"worker-0", "worker-1"}
    assert not run.health.nodes_without_end
    assert (cli.only_run() / "analysis/report.html").exists()
    # In compose a worker that has ended well is not started again.
    assert [process.wait(20) for process in workers.processes] == [0, 0]


@pytest.mark.slow
@pytest.mark.lab
def test_the_services_of_compose_work_together(
    cli: Cli, scenario: Callable[[str], str], workers: Workers, tmp_path: Path
) -> None:
    """The lab as a process of its own, the shipped target that names it, a master and its workers."""
    port, state = str(free_port()), tmp_path / "srv/state"
    lab = cli.start(
        "lab", "up", "--host", "0.0.0.0", "--port", port, "--state-dir", str(state), "--fault", "none"
    )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"), 60)
        text = (ROOT / "deploy/targets/lab-service.yaml").read_text()
        text = text.replace("http://lab:8080", f"http://127.0.0.1:{port}").replace(
            "/srv/lab/state", str(state)
        )
        target = tmp_path / "lab-service.yaml"
        target.write_text(text)
        options = ["--workers", "2", "--workers-port", str(workers.port)]
        path = scenario("behaviour: session\nload: {shape: hold, users: 4, hold_s: 5}\n")
        done = cli("run", path, "--target", str(target), "--run-dir", str(cli.runs), *options)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        lab.send_signal(signal.SIGTERM)
        lab.communicate(timeout=30)
    run = read_run(cli.only_run())
    assert set(run.samples.node.names) == {"worker-0", "worker-1"}
    assert set(run.samples.outcome.to_list()) == {"ok"}
    assert not state.exists()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--processes", "2", "--target", "target.yaml"], "say one of them"),
        (["--target", "lab"], "on this machine only"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], options: list[str], expected: str
) -> None:
    where = ("--run-dir", str(cli.runs))
    done = cli("run", scenario(LOAD), "--workers", "2", *where, *options)
    assert done.returncode == 2
    assert expected in done.stderr
    assert not cli.runs.exists()
