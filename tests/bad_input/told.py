"""What a user is told: exit code and standard error, as the command line gives them."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
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
