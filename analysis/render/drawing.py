"""Drawing: a process of its own for the pictures. It loads matplotlib while the run is still being judged,
then draws half of them in a process more.

Loading matplotlib and drawing take longer than judging a small run; on two cores this halves the wait.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:  # Loading these takes as long as starting the process, which must not wait for them.
    from analysis.verdict import Verdict
    from analysis.windows import Windows

Pictures = dict[str, bytes]


class Drawing:
    """Started as soon as it is known that pictures will be wanted; a context, so that it always ends."""

    def __init__(self) -> None:
        # -P: a folder named `analysis` where the user happens to be must not be taken for this one.
        command = [sys.executable, "-P", "-m", "analysis.render.drawing"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without anything to draw the process ends by itself; whatever is left of it is killed."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self._process.kill()
        self._process.wait()

    def begin(self, verdict: Verdict, windows: Windows) -> None:
        """Hand over what is to be drawn."""
        assert self._process.stdin is not None
        try:
            with self._process.stdin as stream:
                pickle.dump((verdict, windows), stream)
        except BrokenPipeError:
            return  # It died: `pictures` will say so.

    def pictures(self) -> Pictures | None:
        """PNG files by name as `pictures.pictures` returns them; None if the process failed."""
        assert self._process.stdout is not None
        answer = self._process.stdout.read()
        if self._process.wait() != 0:
            return None
        drawn: Pictures = pickle.loads(answer)
        return drawn


def main() -> None:
    """The process: a verdict and windows come in, pictures go out."""
    # Lives for a second: what is thrown away in that time need not be looked for.
    gc.disable()
    from analysis.render.pictures import pictures

    try:
        verdict, windows = pickle.load(sys.stdin.buffer)
    except EOFError:
        return  # Nothing to draw after all.
    reading, writing = os.pipe()
    child = os.fork()  # No thread was started here: what follows is safe.
    if child == 0:
        with os.fdopen(writing, "wb") as stream:
            _write(stream, pictures(verdict, windows, slice(1, None, 2)))
        os._exit(0)
    os.close(writing)
    drawn = pictures(verdict, windows, slice(0, None, 2))
    with os.fdopen(reading, "rb") as stream:
        drawn |= pickle.load(stream)
    os.waitpid(child, 0)
    _write(sys.stdout.buffer, drawn)


def _write(stream: BinaryIO, drawn: Pictures) -> None:
    pickle.dump(drawn, stream)
    stream.flush()


if __name__ == "__main__":
    main()
