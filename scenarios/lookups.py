"""Lookups: how many users may wait for a name server at the same time, and which limit ended such a wait."""

from __future__ import annotations

import traceback

import gevent
from gevent.resolver.thread import Resolver
from gevent.threadpool import ThreadPool

AT_ONCE = 200
"""Lookups under way at the same time; a thread is made for each, once it is needed."""

SILENT = "dns_timeout"
"""Code of a request (outcome `dns`) whose time limit ended while its name was still being looked up."""


def look_up_apart() -> None:
    """Have the names that this thread's greenlets ask for looked up in threads of their own.

    gevent's ten serve all that blocks. With a name server that takes its time the eleventh user would wait
    for a thread, which would pass for the target's latency; so would the log, to be synced to the disk.
    Lookups are not shared: users who get their address at the same moment would go on in step. Calling it
    twice is harmless.
    """
    hub = gevent.get_hub()
    resolver = hub.resolver
    if isinstance(resolver, Resolver) and resolver.pool is hub.threadpool:
        resolver.pool = ThreadPool(AT_ONCE, hub=hub)


def outcome_of_limit(error: BaseException) -> tuple[str, str]:
    """Outcome and code of a request that a limit ended, whoever set it: the exception tells where it waited.

    Locust's clients look a name up outside their limit to connect. Who was still doing so has sent nothing:
    the silence is the name server's, not the target's.
    """
    frames = traceback.walk_tb(error.__traceback__)
    if any(frame.f_code.co_name == "getaddrinfo" for frame, _ in frames):
        return "dns", SILENT
    return "total_timeout", "total_timeout"
