"""Troubles that come from within and go by the clock: a busy Valkey, a stalled or frozen event loop."""

import asyncio
import time
from contextlib import suppress

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from lab.settings import LabSettings

# A script that does nothing but count: while it runs, Valkey answers nobody, as with any slow script.
_COUNT = "local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + i % 7 end return n"
_PROBE_ROUNDS = 1_000_000


class Troubles:
    """Runs the timed troubles of the settings until `stop`."""

    def __init__(self, cache_url: str) -> None:
        self._cache_url = cache_url
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._freeze_for_s = 0.0
        self._freeze_after_s = 0.0
        self._freeze: asyncio.TimerHandle | None = None

    def start(self, settings: LabSettings, *, with_cache: bool = True) -> None:
        self._freeze_for_s, self._freeze_after_s = settings.freeze_for_s, settings.freeze_after_s
        if settings.cache_busy_ms and with_cache:
            self._add(
                self._keep_cache_busy(settings.cache_busy_ms / 1000, settings.cache_busy_every_ms / 1000)
            )
        if settings.stall_ms:
            self._add(self._stall(settings.stall_ms / 1000, settings.stall_every_s))

    def login_seen(self) -> None:
        """The first login starts the clock of the freeze; it happens once."""
        if not self._freeze_for_s:
            return
        loop = asyncio.get_running_loop()
        self._freeze = loop.call_later(self._freeze_after_s, time.sleep, self._freeze_for_s)
        self._freeze_for_s = 0.0

    async def stop(self) -> None:
        """Ends the troubles; a script that runs in Valkey is waited for, up to four seconds."""
        if self._freeze is not None:
            self._freeze.cancel()
        tasks, self._tasks = self._tasks, []
        # Not cancelled: valkey's asyncio client may wait for ever when a cancelled connection is closed.
        self._stopping.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stopping = asyncio.Event()

    def _add(self, trouble: "asyncio._CoroutineLike[None]") -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(trouble))

    async def _pause(self, seconds: float) -> bool:
        """Waits, and tells whether to go on."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return True
        return False

    async def _stall(self, length_s: float, every_s: float) -> None:
        while await self._pause(every_s):
            time.sleep(length_s)  # stopping the event loop is the point

    async def _keep_cache_busy(self, length_s: float, every_s: float) -> None:
        async with Valkey.from_url(self._cache_url) as client:
            rounds_per_s = await self._speed(client)
            wait_s = 0.0
            while await self._pause(max(0.01, wait_s)):
                started = time.perf_counter()
                with suppress(ValkeyError, OSError):
                    await _count(client, int(rounds_per_s * length_s))
                wait_s = every_s - (time.perf_counter() - started)

    @staticmethod
    async def _speed(client: Valkey) -> float:
        """Rounds of the counting script per second, on this machine, now."""
        await _count(client, 1000)
        started = time.perf_counter()
        await _count(client, _PROBE_ROUNDS)
        return _PROBE_ROUNDS / (time.perf_counter() - started)


async def _count(client: Valkey, rounds: int) -> None:
    await client.execute_command("EVAL", _COUNT, 0, rounds)  # type: ignore[no-untyped-call]
