"""Broken turns: counts the turns of one process, and those that a behaviour broke off by raising."""

from __future__ import annotations

import logging
from collections.abc import Callable

MOST_KINDS = 20
"""So many different texts are told; a behaviour that says something else in every turn fills no disk."""

log = logging.getLogger("loadverdict")


class BrokenTurns:
    """What became of the turns of one process."""

    def __init__(self, tell: Callable[[str, BaseException], None]) -> None:
        """Count from nothing.

        Args:
            tell: gets each different text once, and what was raised the first time.
        """
        self._tell = tell
        self._told: set[str] = set()
        self.begun = 0
        self.broken = 0

    def note(self, text: str, error: BaseException, *, by_itself: bool) -> None:
        """A turn was broken off.

        Args:
            text: what was raised, and where, without secrets.
            error: what was raised.
            by_itself: whether every answer of the turn had been right; after one that was not, a behaviour
                may well raise, and it is no fault of its own.
        """
        self.broken += by_itself
        if text in self._told or len(self._told) >= MOST_KINDS:
            return
        self._told.add(text)
        log.error("a turn broke off: %s", text)
        self._tell(text, error)

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        return {"turns_begun": self.begun, "turns_broken": self.broken}
