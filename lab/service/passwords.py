"""Checking a password with bcrypt: in the event loop, which then stops, or on worker threads."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from lab.service.answers import broken
from lab.service.metrics import Metrics
from lab.settings import LabSettings


class Passwords:
    """The password check in the mode of the settings."""

    def __init__(self, settings: LabSettings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._workers = (
            ThreadPoolExecutor(settings.bcrypt_workers, thread_name_prefix="bcrypt")
            if settings.bcrypt_mode == "worker_pool"
            else None
        )

    async def match(self, password: str, password_hash: str) -> bool:
        """Whether they belong together; raises Refused (500) for a hash that bcrypt cannot read."""
        # bcrypt reads 72 bytes at most and refuses more.
        given, stored = password.encode()[:72], password_hash.encode()
        started = time.perf_counter()
        try:
            if self._workers is None:
                return bcrypt.checkpw(given, stored)
            return await asyncio.get_running_loop().run_in_executor(
                self._workers, bcrypt.checkpw, given, stored
            )
        except ValueError:
            raise broken("password verification failed", "bcrypt") from None
        finally:
            self._metrics.add_bcrypt((time.perf_counter() - started) * 1000)

    def close(self) -> None:
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=False)
