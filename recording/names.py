"""Names: of requests and of failures, from a set that cannot grow without bound."""

from __future__ import annotations

OTHER = "other"
"""What all are called together that come when the set is full."""

MOST_ENDPOINTS = 500
"""Names of requests that a process tells apart. Each costs memory there, in each batch and in the report."""

MOST_FAILURES = 500
"""Failures by method, name and text that Locust's statistics of a process tell apart."""


class Names(dict[str, str]):
    """What a name is recorded as, looked up by the name: those that come first stay as they are.

    Attributes:
        folded: how often a name was one too many.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.folded = 0

    def __missing__(self, name: str) -> str:
        if len(self) >= self._most:
            self.folded += 1
            return OTHER
        self[name] = name
        return name
