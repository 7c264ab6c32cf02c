"""Watcher: has a run judged in a process of its own, while and only while somebody looks at the page."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess

from recording import child
from recording.errors import NoDataError

JUDGE = tuple(child.command("commands.glance"))
"""Prints one look at the run folder given to it, as JSON."""

PAUSE_S = 3.0
"""The shortest time between the end of a look and the next one."""

PAUSE_LOOKS = 4.0
"""A long run takes longer to judge: the pause is so many times what the last look took of a core (or of time,
if it did not come to its end), so that judging never takes more than a fifth of one."""

NICE = 15
"""Far below the load, like `commands.look`, and below a lab on this machine, which gives way to it too."""

LIMIT_S = 60.0
"""A look that takes longer is given up."""

TROUBLES = {
    NoDataError.exit_code: "nothing to judge yet",
    75: "this run has grown too long to be looked at meanwhile; its report comes when it is over",
}
"""What the exit code of a judging process means; any other is a fault of its own."""

MOST_BYTES = 400_000
"""A look is bounded by what it is made of; more than this is none."""

log = logging.getLogger("loadverdict")


@dataclass(frozen=True, slots=True)
class Look:
    """The latest look at a run.

    Attributes:
        folder: the run.
        number: counts up, so that a page can tell whether it has this one.
        shown: what the judging process printed.
        taken_s: when it was taken, on the monotonic clock.
    """

    folder: Path
    number: int
    shown: dict[str, Any]
    taken_s: float

    @property
    def final(self) -> bool:
        """Whether the run was over, so that no other look is needed."""
        return self.shown.get("final") is True


class Watcher:
    """Keeps the latest look at one run; one judging process at a time."""

    def __init__(
        self,
        command: Sequence[str] = JUDGE,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = list(command)
        self._pause_s = pause_s
        self._clock = clock
        self._due_s = 0.0
        self._number = 0
        self._judging: gevent.Greenlet | None = None
        self._process: Any = None
        self._folder: Path | None = None
        self.latest: Look | None = None
        self.trouble = ""
        """Why the last look failed, "" where it did not."""

    def attend(self, folder: Path) -> Look | None:
        """Somebody looks at this run: begin a look if one is due; returns the latest one of this run."""
        if folder != self._folder:
            self._folder, self.latest, self._due_s, self.trouble = folder, None, 0.0, ""
        over = self.latest is not None and self.latest.final
        if not over and self._judging is None and self._clock() >= self._due_s:
            self._judging = gevent.spawn(self._judge, folder)
        return self.latest

    def close(self) -> None:
        """End a look that is under way."""
        if self._judging is not None:
            self._judging.kill()

    def _judge(self, folder: Path) -> None:
        began_s = self._clock()
        try:
            shown, trouble = self._run(folder)
        finally:
            self._judging = None
            took_s = self._clock() - began_s
            self._due_s = self._clock() + max(self._pause_s, PAUSE_LOOKS * took_s)
        if shown is not None:
            cpu_s = float(shown.get("cpu_s", took_s))
            self._due_s = self._clock() + max(self._pause_s, PAUSE_LOOKS * cpu_s)
        if folder != self._folder:
            self._due_s = 0.0
            return
        self.trouble = trouble
        if shown is not None:
            self._number += 1
            self.latest = Look(folder, self._number, shown, self._clock())

    def _run(self, folder: Path) -> tuple[dict[str, Any] | None, str]:
        """What the judging process printed, or why it printed nothing."""
        try:
            self._process = subprocess.Popen(
                [*self._command, str(folder)],
                env=child.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Before it starts: what it imports takes as much computing as a short look itself.
                preexec_fn=lambda: os.nice(NICE),
            )
        except OSError as error:
            # The load matters more than a look at it.
            return None, f"a look could not begin: {error.strerror}"
        try:
            with gevent.Timeout(LIMIT_S):
                printed, complaint = self._process.communicate()
        except gevent.Timeout:
            return None, f"a look took longer than {LIMIT_S:.0f} s and was given up"
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        status = self._process.returncode
        if status == 0:
            return _parsed(printed)
        if status not in TROUBLES:
            log.warning("a look at %s failed: %s", folder, complaint.decode(errors="replace")[-2000:].strip())
        return None, TROUBLES.get(status, f"a look failed (exit code {status}); what Locust prints says why")


def _parsed(printed: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        shown = json.loads(printed) if len(printed) <= MOST_BYTES else None
    except ValueError:
        shown = None
    return (shown, "") if isinstance(shown, dict) else (None, "a look could not be read")
