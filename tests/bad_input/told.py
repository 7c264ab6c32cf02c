"""What a user is told: exit code and standard error, as the command line gives them."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from commands.boundary import guarded


class Told(NamedTuple):
    """How some work ended."""

    code: int
    text: str

    def check(self, code: int, *words: str) -> None:
        """One sentence (of a configuration file: a line per mistake), its exit code, and no traceback."""
        assert self.code == code, self
        lines = self.text.splitlines()
        assert lines, self
        assert lines[0].startswith("loadverdict: "), self
        assert all(len(line) < 1_000 and line.isprintable() for line in lines), self
        assert "Traceback" not in self.text
        assert "loadverdict: unexpected" not in self.text
        for word in words:
            assert word in self.text, (word, self.text)


def told(work: Callable[[], object]) -> Told:
    """Do some work behind the boundary of the command line."""
    errors, code = io.StringIO(), 0
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            guarded(lambda: sys.exit(work()))  # type: ignore[arg-type]
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Told(code, errors.getvalue())


CAPABILITIES_V3 = 0x20080522
TO_READ_ANYTHING = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@contextlib.contextmanager
def as_anybody() -> Iterator[None]:
    """This thread without root's right to open what its mode forbids; nothing changes for other users."""
    if os.geteuid() != 0:
        yield
        return
    libc, head, before = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, before) == 0
    effective, *rest = before
    assert libc.capset(head, (ctypes.c_uint32 * 6)(effective & ~TO_READ_ANYTHING, *rest)) == 0
    try:
        yield
    finally:
        assert libc.capset(head, before) == 0
