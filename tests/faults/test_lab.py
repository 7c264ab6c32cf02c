"""The lab's own PostgreSQL or Valkey dies under load: the run is judged, and nothing is left behind."""

from __future__ import annotations

import time

import psutil
import pytest

from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from tests.commands.conftest import Cli, wait_for
from tests.faults.harness import alive, is_locust, kill, measured

pytestmark = [pytest.mark.slow, pytest.mark.lab]

LOAD = "load: {shape: hold, users: 6, hold_s: 10}\nthink_time_s: 0.1\n"


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_a_server_of_the_lab_that_is_killed(cli: Cli, server: str) -> None:
    scenario = cli.folder / "short.yaml"
    scenario.write_text(LOAD)
    process = cli.start("run", str(scenario), "--fault", "none", "--run-dir", str(cli.runs))
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None), 60)
    wait_for(lambda: Follower(RunFolder(folder)).look().finished > 60)
    below = psutil.Process(process.pid).children(recursive=True)
    found = [one for one in below if server in one.name() or server in " ".join(one.cmdline())]
    for one in found:
        one.kill()
    out, err = process.communicate(timeout=90)
    measured(code=process.returncode, said=out)
    assert "Traceback" not in out + err
    assert process.returncode in (1, 3, 4)
    run = read_run(folder)
    assert run.samples.is_error.any() or server == "valkey"
    assert run.health is not None
    assert not run.health.nodes_without_end
    assert not psutil.wait_procs(below, timeout=20)[1]


def test_a_killed_run_leaves_nothing_of_the_lab(cli: Cli) -> None:
    """`kill -9` of the command and of all that makes the load: the lab's servers end by themselves."""
    scenario = cli.folder / "short.yaml"
    scenario.write_text(LOAD)
    process = cli.start("run", str(scenario), "--fault", "none", "--run-dir", str(cli.runs))
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None), 60)
    wait_for(lambda: Follower(RunFolder(folder)).look().finished > 60)
    command = psutil.Process(process.pid)
    below = command.children(recursive=True)
    load = [one for one in below if is_locust(one)]
    assert any("postgres" in one.name() for one in below)
    killed_s = kill([command, *load])
    process.communicate()
    wait_for(lambda: not alive(below))
    measured(processes=len(below), gone_after_s=round(time.monotonic() - killed_s, 2))
