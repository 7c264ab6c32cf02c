"""Lookups: how many users may wait for a name server at the same time."""

from __future__ import annotations

import gevent
from gevent.resolver.thread import Resolver
from gevent.threadpool import ThreadPool

AT_ONCE = 200
"""Lookups under way at the same time; a thread is made for each, once it is needed."""


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
