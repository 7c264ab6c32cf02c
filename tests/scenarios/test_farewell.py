"""Farewell: a master ends as soon as all have gone, and waits as Locust does for who does not say so."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import gevent
import psutil
import pytest

from scenarios.farewell import LIMIT_S, Farewell

GOES_AFTER_S = 0.1

ENDED_AFTER_ALL_WENT = ["told so", "stopped", "told to quit", "ended"]


class Master:
    """Locust's, as far as it quits."""

    def __init__(self, *, goes: bool) -> None:
        self.clients = {"worker": "of another machine"}
        self.did: list[str] = []
        self.greenlet = self
        self._goes = goes

    def stop(self, *, send_stop_to_client: bool) -> None:
        assert not send_stop_to_client
        self.did.append("stopped")

    def send_message(self, kind: str) -> None:
        self.did.append(f"told to {kind}")
        if self._goes:
            gevent.spawn_later(GOES_AFTER_S, self.clients.clear)

    def kill(self, *, block: bool) -> None:
        assert block
        self.did.append("ended")

    def quit(self) -> None:
        self.did.append("quit as Locust does")


def farewell(
    master: Master, processes: list[psutil.Process], *, finished: bool, limit_s: float = LIMIT_S
) -> None:
    Farewell(
        master,
        gives_up=lambda: master.did.append("told so"),
        all_have_finished=lambda: finished,
        processes=processes,
        limit_s=limit_s,
    )


def quit_s(master: Master) -> float:
    """How long it takes a master to quit."""
    begun_s = time.monotonic()
    master.quit()
    return time.monotonic() - begun_s


def test_once_all_have_gone_nothing_is_waited_for() -> None:
    master = Master(goes=True)
    farewell(master, [], finished=True, limit_s=60)
    assert GOES_AFTER_S <= quit_s(master) < 30
    assert master.did == ENDED_AFTER_ALL_WENT


def test_who_does_not_say_that_he_goes_is_waited_for() -> None:
    master = Master(goes=False)
    farewell(master, [], finished=True)
    assert quit_s(master) >= LIMIT_S
    assert master.did == ENDED_AFTER_ALL_WENT


def test_where_not_all_have_told_that_they_finished_locust_quits_as_it_does() -> None:
    master = Master(goes=True)
    farewell(master, [], finished=False)
    master.quit()
    assert master.did == ["told so", "stopped", "quit as Locust does"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process as --processes makes them."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_of_this_machine_is_waited_for_until_it_has_ended(child: subprocess.Popen[bytes]) -> None:
    master = Master(goes=True)
    farewell(master, [psutil.Process(child.pid)], finished=True, limit_s=2)
    assert quit_s(master) >= 2
    child.kill()
    child.wait()
    assert quit_s(master) < 2
