"""Console: standard output and standard error, whose readers may go (`| head -1`) while the work goes on."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Any, TextIO

FEWEST_COLUMNS = 20
"""Where COLUMNS says less, nobody measured a terminal: within no column nothing would be shown at all."""


def forget_odd_sizes() -> None:
    """Leave it to the terminal how large it is where COLUMNS and LINES say what no terminal is."""
    for name, least in (("COLUMNS", FEWEST_COLUMNS), ("LINES", 1)):
        value = os.environ.get(name, "")
        if not (re.fullmatch("[0-9]{1,4}", value) and int(value) >= least):
            os.environ.pop(name, None)


def outlast_readers() -> None:
    """Make both streams survive their readers, and characters that a terminal cannot show.

    Left to Python, whoever stops reading would end a command with exit code 1, which means "a target was
    missed", in the middle of a run or before its report is written.
    """
    sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)


def _lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        # Closed from the start (`>&-`): a file opened later must not get its number, and what we say.
        return stream or Path(os.devnull).open("w", encoding="utf-8")
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(descriptor, "wb", closefd=False)),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Lasting(io.FileIO):
    def write(self, data: Any, /) -> int:
        """Write, to nobody once nobody reads or a full disk takes no more."""
        try:
            return super().write(data)
        except OSError as error:
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self.fileno())
            if not isinstance(error, BrokenPipeError):
                print(f"loadverdict: the rest cannot be shown: {error.strerror}", file=sys.stderr)
            return super().write(data)
