"""Received: what came back for one request, whichever client sent it. Not judged yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scenarios.prepared import Prepared

Pairs = Sequence[tuple[bytes, bytes]]


class Headers(Mapping[str, str]):
    """Headers as they came; looked up by name in any case, several of one name joined by commas."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Pairs = ()) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter({key.decode("latin-1"): None for key, _ in self._pairs})

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._pairs})

    def all(self, name: str) -> list[str]:
        """Every value of a name, in their order."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self._pairs if key.lower() == wanted]


@dataclass(slots=True)
class Received:
    """An answer, or why there is none.

    Attributes:
        status: of the answer; 0 if there is none.
        headers: as they came.
        body: decompressed.
        outcome: why there is no answer, of `recording.outcomes.OUTCOMES`; empty if there is one.
        code: more about that, from a closed set.
        traits: of the connection and of what was sent, see `recording.rows.traits`; 0 where nobody
            knows. Of a request that was redirected, those of the last one sent.
    """

    status: int = 0
    headers: Pairs = ()
    body: bytes = b""
    outcome: str = ""
    code: str = ""
    traits: int = 0


class Sender(Protocol):
    """One user's HTTP client: connections of its own, and no judgement."""

    def exchange(
        self, prepared: Prepared, variables: Mapping[str, str], cookies: str, deadline_s: float
    ) -> Received:
        """Send one request and wait for the answer.

        Args:
            prepared: what to send.
            variables: values for `{name}`.
            cookies: the Cookie header; empty for none.
            deadline_s: when the whole exchange must be over, monotonic seconds.

        Raises:
            UnsendableError: a variable holds what cannot be sent. Nothing else but what ends the user's
                greenlet.
        """

    def close(self) -> None:
        """Close the user's connections."""
