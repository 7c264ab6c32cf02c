"""Looker: has a run looked at after each block of its levels, in a process of its own, while it goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from recording.folder import RunFolder
from recording.follow import Progress

LIMIT_S = 60
"""A look that is under way when the load ends is given so long."""


class Looker:
    """Starts a look once everything up to the end of a block is settled; one at a time."""

    def __init__(self, folder: RunFolder, times_s: Sequence[float]) -> None:
        """`times_s`: when the run may be looked at, seconds since its start, ascending."""
        self._folder = folder
        self._times_s = list(times_s)
        self._process: subprocess.Popen[str] | None = None
        self._looks = 0
        self.text = "first look after two blocks"

    def attend(self, now: Progress) -> None:
        """Take the answer of a look that is over, and begin the next where one is due."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._take()
        start_s = self._folder.manifest().get("start_s")
        if not isinstance(start_s, int | float) or self._folder.decided_flag.exists():
            return
        due = [time_s for time_s in self._times_s if start_s + time_s <= now.settled_s]
        if due and not now.ended:
            self._times_s = self._times_s[len(due) :]
            self._begin(due[-1])

    def close(self) -> None:
        """Wait for a look that is under way: its share of the budget is spent."""
        if self._process is None:
            return
        try:
            self._process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._take()

    def _begin(self, until_s: float) -> None:
        command = [sys.executable, "-m", "commands.look", str(self._folder.path), repr(until_s)]
        quiet = subprocess.DEVNULL
        self._looks += 1
        try:
            self._process = subprocess.Popen(
                command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True, start_new_session=True
            )
        except OSError as error:
            # The load matters more than a look at it.
            self.text = f"look {self._looks} could not begin: {error.strerror}"

    def _take(self) -> None:
        assert self._process is not None
        answer, _ = self._process.communicate()
        failed = self._process.returncode != 0
        self._process = None
        try:
            found = "failed" if failed else json.loads(answer)["answer"]
        except (ValueError, KeyError):
            found = "failed"
        state = {"inconclusive": "not decided yet", "failed": "failed, the run goes on"}
        self.text = f"look {self._looks}: {state.get(found, f'decided: {found}')}"
