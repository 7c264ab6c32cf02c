"""F14: somebody in the load generating process closes handles that are not theirs: those of the record."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from recording.clock import Clock
from recording.examples import ExampleWriter, read_examples
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.logs import read_logs
from recording.recorder import Recorder, Situation
from recording.run import ErrorExample
from tests.faults.harness import LOAD, Bench, audit, check_said

REQUESTS = 300


def handles_of(folder: Path) -> dict[int, Path]:
    """Handles of this process on files below a folder."""
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found[int(link.name)] = link.readlink()
        except OSError:  # the one that lists them
            continue
    return {number: path for number, path in found.items() if folder in path.parents}


def close(handle: int) -> None:
    os.close(handle)


def close_and_open_another(handle: int) -> None:
    """What comes next gets the number that is free."""
    os.close(handle)
    near, far = socket.socketpair()
    numbers = sorted((near.fileno(), far.fileno()))
    assert handle in numbers
    near.setblocking(False)
    far.setblocking(False)
    STRANGERS.append((near, far))


STRANGERS: list[tuple[socket.socket, socket.socket]] = []


@pytest.mark.parametrize("spoil", [close, close_and_open_another])
def test_a_record_whose_handles_are_closed_is_whole_and_goes_nowhere_else(
    tmp_path: Path, spoil: Callable[[int], None]
) -> None:
    run = RunFolder.create(tmp_path, "closed")
    recorder = Recorder(LogWriter(run.log_path("a")), Clock.start(), "a", lambda: Situation(1, 1, "s"))
    examples = ExampleWriter(run.errors_jsonl)
    recorder.start()
    for number in range(REQUESTS):
        recorder.finish(recorder.begin("login", "POST", number), "http_error", 503)
        if number in (100, 200):
            assert len(handles_of(run.path)) == 2
            for handle in handles_of(run.path):
                spoil(handle)
        if number % 50 == 0:
            examples.keep(ErrorExample(0.0, 503, "http_error", f"c{number}", "busy", "login"))
            gevent.sleep(0.1)  # the recorder writes
    recorder.close("done")
    examples.close()
    found = read_logs(run)
    assert sorted(found.samples.account.tolist()) == list(range(REQUESTS))
    assert (found.health.missing_frames, found.health.bad_frames, found.health.dropped_rows) == (0, 0, 0)
    assert not found.health.nodes_without_end
    assert len(read_examples(run.errors_jsonl)) == REQUESTS // 50
    assert not handles_of(run.path)
    strangers = [one for pair in STRANGERS for one in pair]
    STRANGERS.clear()
    for one in strangers:
        with pytest.raises(BlockingIOError):  # open, and nothing has come
            one.recv(1)
    for one in strangers:
        one.close()


BEHAVIOUR = """
import os
from itertools import count
from pathlib import Path

TURNS = count(1)

class Closes:
    def turn(self, user):
        if next(TURNS) in (30, 60):
            for link in Path("/proc/self/fd").iterdir():
                if link.is_symlink() and "/runs/" in os.readlink(link):
                    os.close(int(link.name))
        user.send("login", user.requests["login"])
"""


@pytest.mark.slow
def test_a_behaviour_that_closes_the_records_handles_costs_no_request(bench: Bench) -> None:
    (bench.folder / "closes.py").write_text(BEHAVIOUR)
    going = bench.start("behaviour: closes:Closes\n" + LOAD % 4)
    going.until_ended()
    audit(going)
    check_said(going, 1)
    assert not re.search("Traceback|EBADF|Bad file", (going.folder.path / "locust.log").read_text())
