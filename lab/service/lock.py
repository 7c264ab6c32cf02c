"""The one storage lock that all logins share. Its timeout is the fix of the case, and the new error."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.service.answers import busy
from lab.service.metrics import Metrics


class StorageLock:
    """A first-come, first-served lock around looking accounts up."""

    def __init__(self, metrics: Metrics) -> None:
        self._lock = asyncio.Lock()
        self._metrics = metrics

    @asynccontextmanager
    async def held(self, timeout_ms: float | None) -> AsyncIterator[None]:
        """Holds the lock; raises Refused (503) when it is not got in time. None waits for ever."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_ms / 1000 if timeout_ms else None):
                await self._lock.acquire()
        except TimeoutError:
            self._metrics.lock_timeouts.inc()
            raise busy() from None
        finally:
            self._metrics.lock_waits.inc()
            self._metrics.lock_wait_ms.inc((time.perf_counter() - started) * 1000)
        try:
            yield
        finally:
            self._lock.release()
