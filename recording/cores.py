"""Cores: work on arrays, shared between two threads. NumPy lets go of Python's lock meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

CORES = 2
"""More would be idle on the machines that this is measured on, and hold more arrays at once."""


WORTH = 1 << 17
"""Fewer rows are worked on sooner than threads are started."""


def on_cores(work: Callable[[A], B], items: Iterable[A], rows: int) -> list[B]:
    """The results in the order of the items, of `rows` rows in all; raises whatever `work` raises."""
    if rows < WORTH:
        return [work(item) for item in items]
    with ThreadPoolExecutor(CORES) as pool:
        return list(pool.map(work, items))
