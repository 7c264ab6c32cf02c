"""Drawing: a process of its own for the pictures. It loads matplotlib while the run is still being judged,
then shares them with a process more.

Loading matplotlib and drawing take longer than judging a small run; on two cores this halves the wait.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING

# Loaded before the process is forked, so that it happens once for both. Nothing here may start a thread,
# since a forked process has none of them: pyarrow does, and is left to either side.
import numpy as np  # noqa: F401

from analysis.render import answers, burst_words, wording  # noqa: F401
from analysis.verdict import Verdict

if TYPE_CHECKING:
    from analysis.windows import Windows

Pictures = dict[str, bytes]


def drawing() -> AbstractContextManager[Drawing | None]:
    """A process that draws, or none where it would only be in the way: on a single core, or without fork."""
    possible = "fork" in multiprocessing.get_all_start_methods() and len(os.sched_getaffinity(0)) > 1
    return Drawing() if possible else nullcontext()


class Drawing:
    """Started as soon as it is known that pictures will be wanted; a context, so that it always ends."""

    def __init__(self) -> None:
        fork = multiprocessing.get_context("fork")
        self._pipe, other_end = fork.Pipe()
        self._process = fork.Process(target=_draw, args=(other_end, self._pipe))
        self._process.start()
        other_end.close()

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without anything to draw the process ends by itself; whatever is left of it is killed."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def begin(self, verdict: Verdict, windows: Windows) -> None:
        """Hand over what is to be drawn."""
        try:
            self._pipe.send((verdict, windows))
        except OSError:
            return  # It died: `pictures` will say so.

    def pictures(self) -> Pictures | None:
        """PNG files by name as `pictures.pictures` returns them; None if the process failed."""
        try:
            drawn: Pictures = self._pipe.recv()
        except (EOFError, OSError):
            return None
        return drawn


def _draw(pipe: Connection, other_end: Connection) -> None:
    """The process: a verdict and windows come in, pictures go out."""
    other_end.close()  # Else the pipe would never end.
    # Lives for a second: what is thrown away in that time need not be looked for.
    gc.disable()
    # Neither process prints, and whoever reads the command's output must not wait for them.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    from analysis.render.pictures import names, pictures, rehearse

    rehearse()
    try:
        verdict, windows = pipe.recv()
    except EOFError:
        return  # Nothing to draw after all.
    fork = multiprocessing.get_context("fork")
    theirs, their_end = fork.Pipe(duplex=False)
    todo = _Todo(names(verdict))

    def share() -> None:
        theirs.close()  # Else it would wait for ever to be heard by a process that was killed: for itself.
        with suppress(OSError):
            their_end.send(pictures(verdict, windows, todo))

    fork.Process(target=share).start()
    their_end.close()
    ours = pictures(verdict, windows, todo)
    pipe.send(ours | theirs.recv())


class _Todo:
    """What is left to draw, for several processes: each takes the next one when it has time.

    A pipe that holds a byte for each picture: reading takes one away for all.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._left, end = os.pipe()
        os.write(end, bytes(range(len(names))))
        os.close(end)

    def __iter__(self) -> Iterator[str]:
        while taken := os.read(self._left, 1):
            yield self._names[taken[0]]
