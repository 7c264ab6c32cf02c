"""Child: how the suite starts Python processes of its own.

By itself `python -m` looks into the working folder before anything else, and that may be a folder in which
others write: a `msgpack.py` there would run.
"""

from __future__ import annotations

import os
import sys

from recording.manifest import PROJECT_ROOT


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module, found without the working folder."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, in which a child finds this very suite, installed or not.

    An empty part of PYTHONPATH, as `$PYTHONPATH:more` makes one, would mean the working folder.
    """
    found = [str(PROJECT_ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, found)))}
