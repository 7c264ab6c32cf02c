"""Interrupts: Ctrl-C, SIGTERM and a closed terminal end what goes on, except while things are put back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from commands.locust_process import SIGNALS


class Interrupts:
    """Raises KeyboardInterrupt for every such signal, but not within `held`."""

    def __init__(self) -> None:
        self._held = 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Signals are ignored within: what is being put back must not be left half way."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handlers as long as the block runs; a background job, which ignores Ctrl-C, hears it too."""
    found = Interrupts()
    before = {number: signal.signal(number, found._on_signal) for number in SIGNALS}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
