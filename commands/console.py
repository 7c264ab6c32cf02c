"""Console: where a command that makes load tells of it. Its readers may go; the load and its record go on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console


def lasting_console(*, stderr: bool) -> Console:
    """A console on standard output or standard error that survives its readers."""
    return _LastingConsole(stderr=stderr)


class _LastingConsole(Console):
    def on_broken_pipe(self) -> None:
        """Say the rest to nobody, instead of ending the program (`| head -1`)."""
        self.quiet = True
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), (sys.stderr if self.stderr else sys.stdout).fileno())
