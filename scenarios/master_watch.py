"""Master watch: a worker ends its load soon after its master is gone, whatever the wall clock does.

Locust's own watch takes a minute, in which the target is under load that nobody asks for any more, and
goes by the wall clock: a step of it by a minute ends every worker of a run.
"""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import gevent
import locust.runners
from gevent import socket

OWED_S = 1.5
"""The master answers every second; after so long without an answer it is looked for."""

LOOK_INTERVAL_S = 0.25
LOOK_LIMIT_S = 0.5

SILENT_S = 20.0
"""Without any sign for so long the line or the master's machine is down. The master has given this worker up
by then (`LIVENESS_S`), but a line that was cut for less is none the worse for it."""

log = logging.getLogger("loadverdict")


class MasterWatch:
    """Ends a worker whose master is gone."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._silent_s = 0.0
        locust.runners.MASTER_HEARTBEAT_TIMEOUT = math.inf  # type: ignore[assignment]
        runner.environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        gevent.spawn(self._watch)

    def _on_heartbeat(self, **_: Any) -> None:
        self._silent_s = 0.0

    def _watch(self) -> None:
        looked_s = time.monotonic()
        while True:
            gevent.sleep(LOOK_INTERVAL_S)
            now_s = time.monotonic()
            # A worker that stood still itself has not been waiting.
            self._silent_s += min(now_s - looked_s, LOOK_INTERVAL_S + LOOK_LIMIT_S)
            looked_s = now_s
            if self._silent_s > SILENT_S or (self._silent_s > OWED_S and self._is_refused()):
                log.error("the master is gone, silent for %.1f s: this worker ends its load", self._silent_s)
                self._runner.quit()
                return

    def _is_refused(self) -> bool:
        """Whether the master's machine says that nobody listens there: not a slow line, but no master."""
        try:
            place = (self._runner.master_host, self._runner.master_port)
            socket.create_connection(place, LOOK_LIMIT_S).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return False
