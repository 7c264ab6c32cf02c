"""Changed note: on disk as long as a target may be changed, so that a killed experiment can still be undone.

It names the experiment's file and the target, not what they hold: those may be secrets.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from recording.errors import UsageError
from recording.folder import make_folder, replacing

NAME = "changed.json"
USUAL_FOLDER = Path("reports/experiments")
"""Where `loadverdict experiment --restore` looks if it is not told."""


class Changed(NamedTuple):
    """What the note says."""

    experiment: Path
    stamp: str
    target: str
    base_url: str
    before: Mapping[str, Any]
    since_utc: str
    pid: int
    process_s: float

    @property
    def at_work(self) -> bool:
        """Whether the process that made the change still runs."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.process_s) < 1
        except psutil.Error:
            return False

    @property
    def in_words(self) -> str:
        """For messages."""
        return f"experiment {self.experiment.stem!r} changed target {self.target!r} at {self.since_utc}"


class ChangedNote:
    """The note of one folder of experiments."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def write(self, experiment: Path, target: str, base_url: str, before: Mapping[str, Any]) -> None:
        """Before a change is made; it is on the disk when this returns."""
        make_folder(self._path.parent)
        process = psutil.Process(os.getpid())
        note = Changed(
            experiment=experiment.resolve(),
            stamp=_stamp(experiment),
            target=target,
            base_url=base_url,
            before=before,
            since_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            pid=process.pid,
            process_s=process.create_time(),
        )
        with replacing(self._path) as temporary:
            temporary.write_text(
                json.dumps(note._asdict() | {"experiment": str(note.experiment)}, indent=2) + "\n"
            )

    def remove(self) -> None:
        """After the change was taken back."""
        self._path.unlink(missing_ok=True)

    def read(self) -> Changed | None:
        """The note, if there is one.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            values = json.loads(self._path.read_text())
            return Changed(**values | {"experiment": Path(values["experiment"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(
                f"{self._path} says that a target is still changed, but cannot be read "
                f"({type(error).__name__}); put the target back by hand, then remove the file"
            ) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """As long as the block runs, no other experiment of this folder begins: each would change the state
        of the other's arms.

        Raises:
            UsageError: another one is going on, or was killed before it could undo its change.
        """
        self._check_nothing_is_changed()
        folder = self._path.parent
        try:
            make_folder(folder)
            lock = (folder / ".lock").open("w")
        except OSError as error:
            raise UsageError(
                f"cannot write into {folder}: {error.strerror}; choose another with --experiments-dir"
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(f"another experiment is going on in {folder}; wait for its end") from None
            self._check_nothing_is_changed()
            yield

    def _where(self) -> str:
        folder = self._path.parent
        return "" if folder == USUAL_FOLDER else f" --experiments-dir {folder}"

    def _check_nothing_is_changed(self) -> None:
        """Raise UsageError where an experiment has changed a target and not undone it."""
        found = self.read()
        if found is None:
            return
        if found.at_work:
            raise UsageError(f"{found.in_words} and is still at work (pid {found.pid}); wait for its end")
        raise UsageError(
            f"{found.in_words} and was killed before it could take that back: the target is still changed. "
            f"Run 'loadverdict experiment --restore{self._where()}' first"
        )


def same_file(found: Changed) -> bool:
    """Whether the experiment's file is still what it was when the change was made."""
    return found.experiment.exists() and _stamp(found.experiment) == found.stamp


def _stamp(path: Path) -> str:
    """Tells whether a file was changed, without a word of what it holds."""
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"
