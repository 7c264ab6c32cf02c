"""The lab's own PostgreSQL or Valkey dies under load: the run is judged, and nothing is left behind."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from contextlib import suppress

import psutil
import pytest

from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from tests.commands.conftest import Cli, wait_for
from tests.faults.harness import PROMISED_S, alive, is_locust, kill, measured

pytestmark = [pytest.mark.slow, pytest.mark.lab]

LOAD = "load: {shape: hold, users: 6, hold_s: 10}\nthink_time_s: 0.1\n"
MESSAGES = {"postgres": "database query failed", "valkey": "redis connection failed"}
_COUNTED = r'^lab_requests%s_total\{endpoint="login".*\} (\d+)'


def begun(cli: Cli) -> tuple[subprocess.Popen[str], RunFolder]:
    """A run against a lab of its own, once 60 requests are finished."""
    scenario = cli.folder / "short.yaml"
    scenario.write_text(LOAD)
    process = cli.start("run", str(scenario), "--fault", "none", "--run-dir", str(cli.runs))
    folder = RunFolder(wait_for(lambda: next(iter(cli.runs.glob("*")), None), 60))
    wait_for(lambda: Follower(folder).look().finished > 60)
    return process, folder


def counted_by_the_lab(folder: RunFolder, which: str) -> int:
    """Logins that the service has counted: read with `_started`, answered with nothing behind the name.

    Raises:
        OSError: it does not answer.
    """
    url = folder.manifest()["target"]["base_url"]
    with urllib.request.urlopen(f"{url}/metrics", timeout=2) as answer:
        return sum(map(int, re.findall(_COUNTED % which, answer.read().decode(), re.MULTILINE)))


def counted_until_the_end(process: subprocess.Popen[str], folder: RunFolder) -> int:
    """What the service had read when it was last asked, which is after the load in all but a few moments."""
    counted = 0
    while process.poll() is None:
        with suppress(OSError):
            counted = counted_by_the_lab(folder, "_started")
        time.sleep(0.05)
    return counted


@pytest.mark.parametrize("server", MESSAGES)
def test_a_server_of_the_lab_that_is_killed(cli: Cli, server: str) -> None:
    """Whoever asked gets an answer that says what failed; the verdict names it."""
    process, folder = begun(cli)
    below = psutil.Process(process.pid).children(recursive=True)
    found = [one for one in below if server in one.name() or server in " ".join(one.cmdline())]
    for one in found:
        one.kill()
    read = counted_until_the_end(process, folder)
    out, err = process.communicate(timeout=90)
    assert "Traceback" not in out + err
    run = read_run(folder.path)
    measured(code=process.returncode, said=out, read=read, recorded=len(run.samples))
    assert 0.5 * len(run.samples) < read <= len(run.samples)
    assert run.health is not None
    assert (run.health.nodes_without_end, run.health.missing_frames, run.health.dropped_rows) == ((), 0, 0)
    verdict = json.loads((folder.analysis_dir / "verdict.json").read_text())
    assert process.returncode == (1 if verdict["quality"]["valid"] else 4), out + err
    texts = {(kind["status"], kind["message"]) for kind in verdict["fingerprints"]}
    assert (500, MESSAGES[server]) in texts
    if server == "valkey":
        assert verdict["suspects"][0]["name"] == "cache"
    else:
        assert verdict["freezes"]
    assert not psutil.wait_procs(below, timeout=20)[1]


def test_a_killed_run_leaves_nothing_of_the_lab(cli: Cli) -> None:
    """`kill -9` of the command and of all that makes the load: the lab's servers end by themselves.

    What the service had answered in time before is in the record.
    """
    process, folder = begun(cli)
    command = psutil.Process(process.pid)
    below = command.children(recursive=True)
    load = [one for one in below if is_locust(one)]
    assert any("postgres" in one.name() for one in below)
    answered = counted_by_the_lab(folder, "")
    time.sleep(2 * PROMISED_S)
    killed_s = kill([command, *load])
    process.communicate()
    wait_for(lambda: not alive(below))
    measured(processes=len(below), gone_after_s=round(time.monotonic() - killed_s, 2))
    finished = int((~read_run(folder.path).samples.outcome.equals("unfinished")).sum())
    measured(answered_before=answered, finished=finished)
    assert 60 < answered <= finished
