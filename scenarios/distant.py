"""Distant worker: what differs for a worker that does not share the master's run folder.

It records into a folder of its own, on the master's time, and ships its log while the run lasts.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from recording.clock import Clock
from recording.folder import RunFolder
from scenarios.clock_offset import ClockOffset
from scenarios.controller import CLOCK_MESSAGE, ENV_ACCOUNTS, ENV_RUNS, SHIP_MESSAGE, SHIPPED_MESSAGE
from scenarios.session import Assignment
from scenarios.shipping import Shipper, is_shared, own_folder

ENV_SHIP = "LOADVERDICT_SHIP_LOGS"
"""Set to 1, a worker ships its log even where it could write into the master's folder (a slow disk)."""

FINISH_LIMIT_S = 60.0

log = logging.getLogger("loadverdict")


class DistantWorker:
    """One worker's clock and log on their way to the master; does nothing where the folder is shared."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._shipper: Shipper | None = None
        self._is_distant = False
        self._clock = ClockOffset(lambda data: runner.send_message(CLOCK_MESSAGE, data))
        runner.register_message(CLOCK_MESSAGE, lambda msg, **_: self._clock.answered(msg.data))
        runner.register_message(SHIPPED_MESSAGE, self._on_shipped)

    @property
    def ships(self) -> bool:
        """Whether the log of the run that is going on has to travel."""
        return self._shipper is not None

    def prepared(self, assignment: Assignment, node: str) -> tuple[Assignment, Clock | None]:
        """The assignment with a folder of this machine, and the master's clock; both unchanged if shared."""
        shared = os.environ.get(ENV_SHIP) != "1" and is_shared(assignment.folder, assignment.start_s)
        self._is_distant = not shared
        if shared:
            return assignment, None
        runs = Path(os.environ.get(ENV_RUNS, "reports/runs")).resolve()
        folder = own_folder(runs, assignment.folder.name, node)
        target = assignment.target
        if accounts := os.environ.get(ENV_ACCOUNTS):
            target = target.at(target.base_url, Path(accounts))
        if not self._clock.is_known:
            log.warning("the master's clock is not known yet: times are those of this machine")
        log.info(
            "clock %+.1f ms from the master's, within %.1f ms",
            1000 * self._clock.offset_s,
            500 * self._clock.wait_s,
        )
        return replace(assignment, folder=folder, target=target), Clock.start(self._clock.offset_s)

    def begin(self, assignment: Assignment, node: str) -> None:
        """Ship the log from now on, if it has to travel."""
        if self._is_distant:
            self._shipper = Shipper(
                RunFolder(assignment.folder), node, lambda data: self._runner.send_message(SHIP_MESSAGE, data)
            )

    def finish(self) -> None:
        """Ship the rest of a log that is closed."""
        if self._shipper is not None:
            left = self._shipper.finish(FINISH_LIMIT_S)
            if left:
                log.error("%d bytes of this worker's log did not reach the master; they stay here", left)
            self._shipper = None

    def _on_shipped(self, msg: Any, **_: Any) -> None:
        if self._shipper is not None:
            self._shipper.confirm(msg.data["file"], msg.data["offset"])
