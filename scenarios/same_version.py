"""Same version: no worker takes part that is of another version than its master.

What goes between master and workers, and what is written into the logs, is understood by its own version.
Locust itself lets any worker in.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import gevent

from recording.errors import UsageError
from recording.manifest import versions

COMPARED = ("loadverdict", "locust")
LONGEST = 40
TELL_LIMIT_S = 5.0
"""A worker tells its version as soon as it has joined; one that does not is older than this check."""

UNKNOWN = "a version that it does not tell"


def own_version() -> str:
    """What this process runs, as workers tell it and messages name it."""
    known = versions()
    return ", ".join(f"{name} {known[name]}" for name in COMPARED)


class WorkerVersions:
    """What the workers of a master run."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def tell(self, client_id: str, message: Any) -> None:
        """A worker tells what it runs."""
        version = message.get("version") if isinstance(message, Mapping) else None
        self._told[client_id] = version[:LONGEST] if isinstance(version, str) else UNKNOWN

    def check(self, workers: Mapping[str, str]) -> None:
        """Wait until all workers have told what they run, and compare it.

        Args:
            workers: names of those that take part, by their id.

        Raises:
            UsageError: one of them runs something else.
        """
        self._wait_for(workers)
        others = [
            f"{name} runs {other}"
            for client_id, name in sorted(workers.items(), key=lambda item: item[1])
            if (other := self.other_than_own(client_id))
        ]
        if others:
            raise UsageError(
                f"{', '.join(others)}; this master runs {own_version()}: install the same on all machines"
            )

    def knows(self, client_id: str) -> bool:
        """Whether a worker has told what it runs."""
        return client_id in self._told

    def other_than_own(self, client_id: str) -> str:
        """What a worker has told that it runs, where that is not what this master runs; else ""."""
        told = self._told.get(client_id, UNKNOWN)
        return "" if told == own_version() else told

    def _wait_for(self, workers: Iterable[str]) -> None:
        deadline = time.monotonic() + TELL_LIMIT_S
        while set(workers) - self._told.keys() and time.monotonic() < deadline:
            gevent.sleep(0.05)
