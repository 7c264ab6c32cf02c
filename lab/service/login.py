"""One login, phase by phase: lock, look up, release, verify, sign. The times go to the phase log."""

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from lab.service.answers import Refused, broken, invalid_credentials
from lab.service.cache import Cache
from lab.service.database import Database
from lab.service.lock import StorageLock
from lab.service.passwords import Passwords
from lab.service.phase_log import LoginPhases
from lab.service.tokens import Tokens
from lab.service.users import User
from lab.settings import LabSettings


@contextmanager
def measured(phases: LoginPhases, name: str) -> Iterator[None]:
    """Sets a figure of the phases to the milliseconds that the block took, also when it raises."""
    started = time.perf_counter()
    try:
        yield
    finally:
        setattr(phases, name, (time.perf_counter() - started) * 1000)


class Login:
    """The parts of the service that a login goes through; `settings` may be exchanged while it runs."""

    def __init__(
        self,
        settings: LabSettings,
        database: Database,
        cache: Cache | None,
        lock: StorageLock,
        passwords: Passwords,
        tokens: Tokens,
    ) -> None:
        self.settings = settings
        self.database = database
        self.cache = cache
        self.lock = lock
        self.passwords = passwords
        self.tokens = tokens

    async def run(self, username: str, password: str, phases: LoginPhases) -> dict[str, Any]:
        """The answer to a good login; raises Refused in the words of the case for all others."""
        phases.phase = "lock"
        with measured(phases, "lock_ms"):
            user = await self._within_lock(username, phases)
        if user is None:
            raise invalid_credentials("lookup")
        phases.phase = "bcrypt"
        with measured(phases, "bcrypt_ms"):
            matches = await self.passwords.match(password, user.password_hash)
        if not matches:
            raise invalid_credentials("bcrypt")
        phases.phase = "token"
        with measured(phases, "token_ms"):
            token = self.tokens.sign(user)
        return {"token": token, "user_id": user.user_id, "username": user.username}

    async def _within_lock(self, username: str, phases: LoginPhases) -> User | None:
        async with AsyncExitStack() as stack:
            if self.settings.lock_enabled:
                await stack.enter_async_context(self.lock.held(self.settings.lock_timeout_ms))
            phases.phase = "lookup"
            with measured(phases, "lookup_ms"):
                return await self._look_up(username)

    async def _look_up(self, username: str) -> User | None:
        cache = self.cache
        try:
            found = await cache.get(username) if cache else None
            if found is None:
                found = await self.database.user_by_name(username)
                if found is not None and cache:
                    await cache.put(found)
        except Refused:
            raise
        except Exception as error:
            raise broken("storage failed", "lookup") from error
        return found
