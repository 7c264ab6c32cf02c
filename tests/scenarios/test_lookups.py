"""Lookups of many users at once do not wait for each other, nor does anything else wait for them."""

from __future__ import annotations

import _socket
import threading
from collections.abc import Iterator

import gevent
import gevent.socket
import pytest

from scenarios.lookups import AT_ONCE, look_up_apart

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
