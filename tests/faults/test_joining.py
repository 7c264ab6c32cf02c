"""F18: workers of another version, workers that come late, and workers that die before the load begins."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from commands.locust_process import START_WAIT_S, free_port
from recording.reader import read_run
from tests.commands.conftest import ROOT, wait_for
from tests.faults.harness import LOAD, Bench, Going, audit, check_said, findings_of, health_of, measured

OTHER_VERSION = "0.0.1"


@contextmanager
def a_worker(
    bench: Bench, name: str, port: int, site: Path | None = None, prefix: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a folder of its own; `site` is searched first for what is installed; `prefix` starts it."""
    place = bench.folder / name
    place.mkdir()
    command = [*prefix, sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), "--worker"]
    command += ["--master-host", "127.0.0.1", "--master-port", str(port)]
    path = os.pathsep.join(str(one) for one in (site, ROOT) if one)
    env = {**os.environ, "PYTHONPATH": path, "LOADVERDICT_SHIP_LOGS": "1"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=place, env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def installed_as(folder: Path, version: str) -> Path:
    """A place in which the suite is installed as another version, as far as a worker can tell."""
    about = folder / "site" / f"loadverdict-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: loadverdict\nVersion: {version}\n")
    return about.parent


def joined(going: Going) -> int:
    """Workers that the master has let in so far."""
    log = going.folder.path / "locust.log"
    return log.read_text().count("reported as ready") if log.exists() else 0


@pytest.mark.slow
def test_who_came_is_told_where_another_did_not(bench: Bench) -> None:
    port = free_port()
    options = ("--workers", "2", "--workers-port", str(port), "--workers-wait", "15s")
    going = bench.start(LOAD % 4, *options)
    with a_worker(bench, "own", port) as own:
        wait_for(lambda: joined(going) == 1)
        going.until_ended()
        assert own.wait(20) == 0
    machine = socket.gethostname()
    check_said(going, 6, "the 2 workers", str(port), "15 s", f"1 was there (worker-0 from {machine})")
    assert going.ledger.target.served() == 0


def test_a_worker_of_another_version_is_named_before_any_load(bench: Bench) -> None:
    port = free_port()
    going = bench.start(LOAD % 4, "--workers", "2", "--workers-port", str(port))
    with a_worker(bench, "own", port):
        wait_for(lambda: joined(going) == 1)
        with a_worker(bench, "other", port, installed_as(bench.folder, OTHER_VERSION)):
            going.until_ended()
    own = metadata.version("loadverdict")
    words = (f"worker-1 runs loadverdict {OTHER_VERSION}", f"this master runs loadverdict {own}")
    check_said(going, 6, "the run has not begun", *words, "install the same")
    assert going.ledger.target.served() == 0


@pytest.mark.slow
def test_a_worker_of_another_version_that_comes_later_is_sent_away(bench: Bench) -> None:
    port = free_port()
    going = bench.start(LOAD % 12, "--workers", "1", "--workers-port", str(port))
    with a_worker(bench, "own", port):
        going.until_finished(20)
        with a_worker(bench, "other", port, installed_as(bench.folder, OTHER_VERSION)) as other:
            assert other.wait(20) == 0
            going.until_ended()
    check_said(going, 1)
    assert f"worker-1 (loadverdict {OTHER_VERSION}" in findings_of(going)["node_refused"]
    assert set(health_of(going).nodes) == {"worker-0"}
    audit(going)


@pytest.mark.slow
def test_a_worker_that_comes_later_takes_a_part_of_the_load(bench: Bench) -> None:
    port = free_port()
    going = bench.start(LOAD % 12, "--workers", "1", "--workers-port", str(port))
    with a_worker(bench, "first", port) as first:
        going.until_finished(20)
        with a_worker(bench, "second", port) as second:
            going.until_ended()
            assert (first.wait(20), second.wait(20)) == (0, 0)
    check_said(going, 1)
    assert set(health_of(going).nodes) == {"worker-0", "worker-1"}
    requests = Counter(read_run(going.folder.path).samples.node.to_list())
    assert min(requests.values()) > 20
    measured(**{name.replace("-", "_"): count for name, count in requests.items()})
    audit(going)


@pytest.mark.slow
def test_a_worker_that_dies_after_it_has_joined_is_named(bench: Bench) -> None:
    port = free_port()
    going = bench.start(LOAD % 14, "--workers", "2", "--workers-port", str(port))
    with a_worker(bench, "first", port) as first, a_worker(bench, "second", port) as second:
        wait_for(lambda: joined(going) == 2)
        first.kill()
        going.until_ended(90)
        assert second.wait(20) == 0
    check_said(going, 3, "incomplete")
    lost = set(health_of(going).nodes) ^ {"worker-0", "worker-1"}
    assert len(lost) == 1
    assert lost.pop() in " ".join(findings_of(going).values())
    audit(going)


@pytest.mark.slow
def test_a_process_that_dies_on_its_start_is_waited_for_no_longer_than_said(bench: Bench) -> None:
    going = bench.start(LOAD % 4, "--processes", "2")
    wait_for(lambda: len(going.locusts()) == 3)
    below = psutil.Process(going.process.pid).children(recursive=True)
    going.workers()[0].kill()
    going.until_ended(START_WAIT_S + 20)
    if going.process.returncode == 3:  # on a quick machine it had joined already
        check_said(going, 3, "worker-0 took part and left no log here")
    else:
        told = ("2 load generating processes were not all ready", f"{START_WAIT_S} s", "1 was there (worker-")
        check_said(going, 6, *told)
        assert going.ledger.target.served() == 0
    assert not psutil.wait_procs(below, timeout=5)[1]
