"""Accounts in Valkey, in front of PostgreSQL. A cache that does not answer is an error, as in the case."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import Counter
from valkey.asyncio import BlockingConnectionPool, Valkey
from valkey.exceptions import ValkeyError

from lab.service.answers import broken
from lab.service.metrics import Metrics
from lab.service.users import User
from lab.settings import LabSettings


class Cache:
    """A pool of connections to Valkey; keys start with the lab's own prefix."""

    def __init__(self, url: str, prefix: str, settings: LabSettings, metrics: Metrics) -> None:
        self._prefix = prefix
        self._ttl_ms = max(1, int(settings.cache_ttl_s * 1000))
        self._metrics = metrics
        timeout_s = settings.cache_timeout_ms / 1000
        self._client = Valkey(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=settings.cache_pool_size,
                timeout=timeout_s,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
            )
        )

    async def get(self, username: str) -> User | None:
        """The cached account; raises Refused (500) when Valkey does not answer in time."""
        async with self._measured(self._metrics.cache_get_ms):
            found = await self._client.get(self._key(username))
        (self._metrics.cache_hits if found else self._metrics.cache_misses).inc()
        return User.from_json(found) if found else None

    async def put(self, user: User) -> None:
        """Keeps an account for the time to live; raises Refused (500) when Valkey does not answer in time."""
        async with self._measured(self._metrics.cache_set_ms):
            await self._client.set(self._key(user.username), user.to_json(), px=self._ttl_ms)
        self._metrics.cache_sets.inc()

    async def clear(self) -> None:
        """Forgets all accounts of this lab."""
        async for key in self._client.scan_iter(match=f"{self._prefix}*", count=1000):
            await self._client.unlink(key)

    async def close(self) -> None:
        # A connection that does not close in time is forgotten; there is nothing to be saved.
        with suppress(ValkeyError, OSError):
            await self._client.aclose()

    def _key(self, username: str) -> str:
        return f"{self._prefix}user:{username}"

    @asynccontextmanager
    async def _measured(self, total_ms: Counter) -> AsyncIterator[None]:
        started = time.perf_counter()
        try:
            yield
        except (ValkeyError, OSError):
            self._metrics.cache_errors.inc()
            raise broken("redis connection failed", "cache") from None
        finally:
            total_ms.inc((time.perf_counter() - started) * 1000)
