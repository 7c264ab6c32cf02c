"""Circuit: ends a load of which no request gets a connection any more, in no process of a run.

Nothing is measured then, and a target that comes back would be met by all at once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LIMIT_S = 30.0
"""Seconds without a connection: longer than a service takes that is started anew."""

FRESH_S = 10.0
"""What a process told this long ago says nothing any more; workers report every 3 s."""


class Circuit:
    """What the processes of a run tell of their connections."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic, limit_s: float | None = None) -> None:
        self._now_s = now_s
        self._limit_s = LIMIT_S if limit_s is None else limit_s
        self._told: dict[str, tuple[float, float, float]] = {}

    def tell(self, node: str, told: Mapping[str, Any]) -> None:
        """A process tells how it stands (`scenarios.attempts.Contact.told`); what is no such thing says that
        it has connections."""
        quiet_s, tried_s = (_seconds(told.get(name)) for name in ("quiet_s", "tried_s"))
        self._told[node] = (self._now_s(), quiet_s, tried_s)

    def broken_s(self, nodes: Iterable[str]) -> float | None:
        """For how many seconds nothing has connected, once that is too long and enough was tried; else None.

        Args:
            nodes: processes that take part. One that says nothing may well have connections.
        """
        now_s = self._now_s()
        told = [self._told.get(node, (-math.inf, 0.0, 0.0)) for node in nodes]
        if not told or any(now_s - at_s > FRESH_S for at_s, _, _ in told):
            return None
        quiet_s = min(quiet for _, quiet, _ in told)
        tried_s = max(tried for _, _, tried in told)
        return quiet_s if min(quiet_s, tried_s) >= self._limit_s else None


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
