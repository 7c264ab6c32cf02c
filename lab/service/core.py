"""The running service: its parts, made from the settings, and how they change while requests come in."""

import asyncio
import random

from lab.accounts import broken_numbers, make_accounts
from lab.hashes import hashes_for
from lab.service.cache import Cache
from lab.service.config import ServiceConfig
from lab.service.database import Database
from lab.service.instances import Instances, SharedFigures
from lab.service.lock import StorageLock
from lab.service.login import Login
from lab.service.metrics import Metrics, PoolFigures
from lab.service.passwords import Passwords
from lab.service.phase_log import PhaseLog
from lab.service.rate_limit import TokenBucket
from lab.service.tokens import Tokens
from lab.service.troubles import Troubles
from lab.service.users import User
from lab.settings import LabSettings

# Settings whose change means other rows in the table, and a cache that knows the old ones.
_RESEED = ("bcrypt_cost", "broken_hash_ratio")
_CACHE = ("cache_enabled", "cache_ttl_s", "cache_pool_size", "cache_timeout_ms")
_PASSWORDS = ("bcrypt_mode", "bcrypt_workers")


class Service:
    """Everything behind the routes. `change` swaps parts one by one; requests under way keep theirs."""

    def __init__(self, config: ServiceConfig) -> None:
        self.config = config
        self.settings = config.settings
        self.metrics = Metrics()
        self.phase_log = PhaseLog(config.phase_log)
        self.database = Database(config.database_url, config.namespace, self.settings)
        self.troubles = Troubles(config.cache_url)
        self.tokens = Tokens(config.token_secret)
        self.limit = self._make_limit(self.settings)
        self.login = Login(
            self.settings,
            self.database,
            self._make_cache(self.settings),
            StorageLock(self.metrics),
            Passwords(self.settings, self.metrics),
            self.tokens,
        )
        self._changing = asyncio.Lock()
        self.figures = SharedFigures(config, self.metrics.text)
        self._instances = Instances(config, self.figures)
        self._at_work: list[asyncio.Task[None]] = []
        self._jitter = random.Random(self.settings.seed)
        self.metrics.registry.register(PoolFigures(self.database.figures))

    async def open(self) -> None:
        await self.database.open()
        if self.config.is_first:
            await self.database.create(users(self.settings, self.config.hashes))
            await self._instances.change(self.settings)
        tasks = (self.phase_log.run(), self.figures.run(lambda: self.settings))
        self._at_work = [asyncio.create_task(task) for task in tasks]
        self._start_troubles(self.settings)

    async def close(self) -> None:
        for task in self._at_work:
            task.cancel()
        # First: whoever stops the service waits for three seconds.
        self.phase_log.flush()
        await asyncio.gather(self._instances.close(), self.troubles.stop())
        self.phase_log.close()
        self.login.passwords.close()
        if self.login.cache is not None:
            await self.login.cache.close()
        await self.database.close()

    async def change(self, settings: LabSettings) -> None:
        """Takes new settings at once, without a restart; one change at a time."""
        async with self._changing:
            before = self.settings
            changed = {
                name for name in LabSettings.model_fields if getattr(before, name) != getattr(settings, name)
            }
            await self.troubles.stop()
            self.settings = self.login.settings = settings
            try:
                await self._exchange(changed, settings)
            finally:
                self._start_troubles(settings)

    async def _exchange(self, changed: set[str], settings: LabSettings) -> None:
        if changed.intersection(_PASSWORDS):
            old_passwords, self.login.passwords = self.login.passwords, Passwords(settings, self.metrics)
            old_passwords.close()
        await self.database.change(settings)
        if changed.intersection(_CACHE):
            await self._exchange_cache(settings)
        if "rate_limit_per_s" in changed:
            self.limit = self._make_limit(settings)
        if self.config.is_first:
            if changed.intersection(_RESEED):
                await self._reseed(settings)
            await self._instances.change(settings)

    def _start_troubles(self, settings: LabSettings) -> None:
        """Valkey is one, however many instances there are: the first one keeps it busy."""
        self.troubles.start(settings, with_cache=self.config.is_first)

    def client_delay_s(self) -> float:
        """How much later this answer is to arrive."""
        delay_ms = self.settings.client_latency_ms
        if self.settings.client_latency_jitter_ms:
            delay_ms += self._jitter.expovariate(1 / self.settings.client_latency_jitter_ms)
        return delay_ms / 1000

    async def _exchange_cache(self, settings: LabSettings) -> None:
        old, self.login.cache = self.login.cache, self._make_cache(settings)
        if old is not None:
            await old.close()

    async def _reseed(self, settings: LabSettings) -> None:
        hashes = await asyncio.to_thread(hashes_for, settings, lambda _text: None)
        await self.database.create(users(settings, hashes))
        if self.login.cache is not None:
            await self.login.cache.clear()

    def _make_cache(self, settings: LabSettings) -> Cache | None:
        self.metrics.cache_pool.set(settings.cache_pool_size if settings.cache_enabled else 0)
        if not settings.cache_enabled:
            return None
        return Cache(self.config.cache_url, self.config.key_prefix, settings, self.metrics)

    @staticmethod
    def _make_limit(settings: LabSettings) -> TokenBucket | None:
        return TokenBucket(settings.rate_limit_per_s) if settings.rate_limit_per_s else None


def users(settings: LabSettings, hashes: list[str]) -> list[User]:
    """The rows of the table; damaged hashes are cut short, as a bad migration would leave them."""
    broken = broken_numbers(settings)
    return [
        User(
            account.user_id,
            account.username,
            hashed[:20] if account.user_id in broken else hashed,
            account.workspace_id,
        )
        for account, hashed in zip(make_accounts(settings.seed, settings.accounts), hashes, strict=True)
    ]
