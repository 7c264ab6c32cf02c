"""Interrupts: Ctrl-C, SIGTERM and a closed terminal end what goes on, except while things are put back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heeded() -> tuple[signal.Signals, ...]:
    """Signals that end a command.

    That a shell starts background jobs with SIGINT ignored means nothing; whoever started it by `nohup` wants
    it to outlive its terminal.
    """
    by_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(number for number in SIGNALS if not (by_nohup and number is signal.SIGHUP))


class Interrupts:
    """Raises KeyboardInterrupt for every such signal; for one that comes within `held`, afterwards.

    Attributes:
        heard: whether any came, also one that was forgotten because nothing followed.
    """

    def __init__(self) -> None:
        self.heard = False
        self._held = 0
        self._came = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.heard = True
        if not self._held:
            raise KeyboardInterrupt
        self._came = True

    @contextmanager
    def held(self, *, last: bool = False) -> Iterator[None]:
        """Signals wait within: what is being changed or put back must not be left half way.

        Args:
            last: nothing follows that could be interrupted, so a signal is forgotten.
        """
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._came and not self._held:
            self._came = False
            if not last:
                raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handlers as long as the block runs; a background job, which ignores Ctrl-C, hears it too."""
    found = Interrupts()
    before = {number: signal.signal(number, found._on_signal) for number in heeded()}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
