"""Lookups of many users at once do not wait for each other, nor does anything else wait for them."""

from __future__ import annotations

import _socket
import threading
import time
from collections.abc import Iterator

import gevent
import gevent.socket
import pytest

from scenarios.lean.session import LeanClient
from scenarios.lookups import AT_ONCE, look_up_apart, outcome_of_limit
from scenarios.prepared import Prepared
from scenarios.request import Request
from scenarios.scenario import Timeouts

USERS = 30


class NameServer:
    """Answers once so many are asking; a file of hosts cannot be changed for a test."""

    def __init__(self, asking: int) -> None:
        self.met = threading.Barrier(asking)

    def getaddrinfo(self, *_: object) -> list[object]:
        self.met.wait(10)
        return []


@pytest.fixture
def hub() -> Iterator[gevent.hub.Hub]:
    found = gevent.get_hub()
    del found.resolver  # gevent makes its own anew
    look_up_apart()
    yield found
    del found.resolver


@pytest.mark.parametrize("users", [USERS, AT_ONCE])
def test_users_ask_at_the_same_time(hub: gevent.hub.Hub, monkeypatch: pytest.MonkeyPatch, users: int) -> None:
    del hub
    monkeypatch.setattr(_socket, "getaddrinfo", NameServer(users).getaddrinfo)
    asking = [gevent.spawn(gevent.socket.getaddrinfo, "shop.test", 80) for _ in range(users)]
    gevent.joinall(asking)
    assert [one.value for one in asking] == [[]] * users


def test_what_blocks_otherwise_does_not_wait_for_them(
    hub: gevent.hub.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_server = NameServer(USERS + 1)
    monkeypatch.setattr(_socket, "getaddrinfo", name_server.getaddrinfo)
    asking = [gevent.spawn(gevent.socket.getaddrinfo, "shop.test", 80) for _ in range(USERS)]
    gevent.sleep(0.05)
    assert hub.threadpool.apply(lambda: "written") == "written"
    name_server.met.wait(10)
    gevent.joinall(asking)
    assert all(one.successful() for one in asking)


def test_once_is_enough(hub: gevent.hub.Hub) -> None:
    pool = hub.resolver.pool
    look_up_apart()
    assert hub.resolver.pool is pool is not hub.threadpool


@pytest.fixture
def silence(hub: gevent.hub.Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that says nothing until the test is over."""
    del hub
    over = threading.Event()

    def getaddrinfo(*_: object) -> list[object]:
        over.wait(10)
        return []

    monkeypatch.setattr(_socket, "getaddrinfo", getaddrinfo)
    yield
    over.set()


@pytest.mark.parametrize(("connect_s", "total_s"), [(0.2, 10.0), (10.0, 0.2)])
def test_the_lean_client_tells_a_silent_name_server_from_a_silent_target(
    silence: None, connect_s: float, total_s: float
) -> None:
    """Whichever limit ends the wait."""
    url = "http://shop.test"
    client = LeanClient(url, Timeouts(connect_s=connect_s, read_s=10, total_s=10))
    with gevent.Timeout(8):
        received = client.user().exchange(
            Prepared(Request(path="/"), url), {}, "", time.monotonic() + total_s
        )
    client.close()
    assert (received.outcome, received.code) == ("dns", "dns_timeout")


def test_a_limit_of_ones_own_is_told_by_where_it_ended_the_wait(silence: None) -> None:
    with pytest.raises(gevent.Timeout) as looking_up, gevent.Timeout(0.1):
        gevent.socket.getaddrinfo("shop.test", 80)
    with pytest.raises(gevent.Timeout) as asleep, gevent.Timeout(0.1):
        gevent.sleep(5)
    assert outcome_of_limit(looking_up.value) == ("dns", "dns_timeout")
    assert outcome_of_limit(asleep.value) == ("total_timeout", "total_timeout")
