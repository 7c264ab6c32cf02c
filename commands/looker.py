"""Looker: has a run looked at while it goes on, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recording import child
from recording.folder import RunFolder
from recording.follow import Progress

LIMIT_S = 60
"""A look that is under way when the load ends is given so long."""

TARGETS_EVERY_S = 5.0
"""How often targets are looked at, seconds."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a run.

    Attributes:
        module: that looks; it is told the folder and the time, and prints JSON.
        name: of a look, in a line of progress.
        first: the text before the first look.
        said: its answer in a few words.
        rest: after a look there is none for so many times as long as it took.
    """

    module: str
    name: str
    first: str
    said: Callable[[Mapping[str, Any]], str]
    rest: float = 0.0


def _of_load(told: Mapping[str, Any]) -> str:
    found = told["answer"]
    return "not decided yet" if found == "inconclusive" else f"decided: {found}"


def _of_targets(told: Mapping[str, Any]) -> str:
    if told.get("too_long"):
        return "the run is too long to be looked at"
    return f"missed: {told['target']}" if "target" in told else "can still be met"


LOAD = Question("commands.look", "look", "first look after two blocks", _of_load)
TARGETS = Question(
    "commands.look_at_targets",
    "targets, look",
    f"targets: first look after {TARGETS_EVERY_S:g} s",
    _of_targets,
    rest=5.0,
)


def target_times_s(planned_s: float) -> tuple[float, ...]:
    """When targets are looked at, seconds since the run's start."""
    return tuple(np.arange(TARGETS_EVERY_S, planned_s, TARGETS_EVERY_S).tolist())


class Looker:
    """Starts a look once everything up to its time is settled; one at a time."""

    def __init__(self, folder: RunFolder, times_s: Sequence[float], question: Question) -> None:
        """`times_s`: when the run may be looked at, seconds since its start, ascending."""
        self._folder = folder
        self._times_s = list(times_s)
        self._question = question
        self._process: subprocess.Popen[str] | None = None
        self._looks = 0
        self._begun_s = self._not_before_s = 0.0
        self.text = question.first

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
        if due and not now.ended and time.monotonic() >= self._not_before_s:
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
        command = child.command(self._question.module, str(self._folder.path), repr(until_s))
        quiet = subprocess.DEVNULL
        self._looks += 1
        self._begun_s = time.monotonic()
        try:
            self._process = subprocess.Popen(
                command,
                env=child.environment(),
                stdin=quiet,
                stdout=subprocess.PIPE,
                stderr=quiet,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            # The load matters more than a look at it.
            self.text = f"{self._question.name} {self._looks} could not begin: {error.strerror}"

    def _take(self) -> None:
        assert self._process is not None
        answer, _ = self._process.communicate()
        failed = self._process.returncode != 0
        self._process = None
        took_s = time.monotonic() - self._begun_s
        self._not_before_s = self._begun_s + took_s * (1 + self._question.rest)
        try:
            said = "failed, the run goes on" if failed else self._question.said(json.loads(answer))
        except (ValueError, KeyError):
            said = "failed, the run goes on"
        self.text = f"{self._question.name} {self._looks}: {said}"
