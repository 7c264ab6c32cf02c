"""Attempts: whether a process's requests get a connection. A user whose own get none slows down.

Who is refused knows it at once. A user without think time would ask again at once, hundreds of times a
second, until the load generator has no processor left for anything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gevent.event import Event

from recording.outcomes import NEVER_SENT

IN_A_ROW = 3
"""After so many attempts of a user in a row a pattern shows: a listen queue that overflows now and then must
see its load unchanged."""

OWN_FAULT = "generator"
"""Outcome of a request that failed through the load generator's own fault."""

APART_S = 1.0
"""From then on a user's attempts begin so far apart, in seconds, until one of them connects."""


class Contact:
    """Whether the requests of one process get a connection.

    Attributes:
        backed_off: attempts that waited because those before had got none.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.now_s = now_s
        self.backed_off = 0
        self._last_made_s = now_s()
        self._tries = 0
        self._first_try_s = self._last_try_s = 0.0

    def made(self) -> None:
        """A request had a connection."""
        self._tries = 0
        self._last_made_s = self.now_s()

    def missed(self, begun_s: float) -> None:
        """A request that began then got none."""
        if self._tries == 0:
            self._first_try_s = begun_s
        self._tries += 1
        self._last_try_s = self.now_s()

    def told(self, *, one_waits: bool) -> dict[str, float]:
        """How it stands, for `scenarios.circuit`.

        Args:
            one_waits: whether a request is under way that must have a connection, since it could not have
                waited for one for so long.

        Returns:
            `quiet_s`: seconds since a request had a connection, or since the start. `tried_s`: for so long
            nothing but attempts in vain, from the first one's begin to the last one's end; 0 for few of them.
        """
        return {
            "quiet_s": 0.0 if one_waits else self.now_s() - self._last_made_s,
            "tried_s": self._last_try_s - self._first_try_s if self._tries >= IN_A_ROW else 0.0,
        }

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        return {"attempts_backed_off": self.backed_off}


class Attempts:
    """One user's requests, as far as they get a connection."""

    def __init__(self, contact: Contact) -> None:
        """`contact`: of the user's process."""
        self._contact = contact
        self._left = Event()
        self._begun_s = 0.0
        self._in_vain = 0

    def begin(self) -> None:
        """A request is about to be sent."""
        self._begun_s = self._contact.now_s()

    def end(self, outcome: str, *, was_sent: bool = True) -> None:
        """It is over.

        Args:
            outcome: of the request.
            was_sent: False where nothing was tried, since a value could not be sent.
        """
        if outcome in NEVER_SENT:
            self._in_vain += 1
            if outcome != OWN_FAULT:  # which says nothing of the target
                self._contact.missed(self._begun_s)
        elif was_sent:
            self._in_vain = 0
            self._contact.made()

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Seconds until the next one may begin; counted where that is longer than a user pauses anyway."""
        if self._in_vain < IN_A_ROW:
            return at_least_s
        left_s = self._begun_s + APART_S - self._contact.now_s()
        if left_s <= at_least_s:
            return at_least_s
        self._contact.backed_off += 1
        return left_s

    def wait(self) -> bool:
        """Wait until the next one may begin; returns whether the user is to leave instead."""
        if self._left.is_set():
            return True
        pause_s = self.pause_s()
        return pause_s > 0 and self._left.wait(pause_s)

    def leave(self) -> None:
        """Nothing is to be waited for any more."""
        self._left.set()
