"""`loadverdict abort`: ends the load of a run at once, from wherever its folder can be written."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from recording.errors import UsageError
from recording.folder import RunFolder, find_run, is_run_folder
from recording.follow import Follower

SILENT_S = 30.0
"""A process that lives says something four times a second."""


def abort_run(name: str, runs_dir: Path) -> int:
    """Ask a run to end without waiting for answers; returns the exit code.

    Raises:
        NoDataError: there is no such run.
        UsageError: it has ended, be it that it was killed, or its folder cannot be written.
    """
    path = find_run(name, runs_dir)
    if not is_run_folder(path):
        raise UsageError(f"{path} is not a run folder: only a run can be aborted")
    folder = RunFolder(path)
    if folder.manifest().get("end_utc"):
        raise UsageError(f"run {folder.id} has ended already: nothing is to be aborted")
    heard_s = Follower(folder).look().time_s
    if heard_s and time.time() - heard_s > SILENT_S:
        raise UsageError(
            f"nothing has been heard of run {folder.id} for {time.time() - heard_s:.0f} s: its processes are "
            "gone, and 'loadverdict diagnose' makes its report"
        )
    try:
        folder.abort_flag.touch()
    except OSError as error:
        raise UsageError(f"cannot write {folder.abort_flag}: {error.strerror}") from error
    Console().print(
        Text(f"run {folder.id} sends nothing more within about a second; what it recorded is kept")
    )
    return 0
