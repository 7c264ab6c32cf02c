"""Late workers: who comes to a run that is going on is let in once it listens, and if it is of this version.

Locust tells a worker of the run and gives it users in the moment in which it connects. By then the worker
has no listener of ours yet: it would miss the run, and fail on its first user. So its request to take part is
held back until it has told its version, which it does as soon as it listens.
"""

from __future__ import annotations

from typing import Any

import gevent

from scenarios.controller import VERSION_MESSAGE, Controller
from scenarios.master_port import MOST_TOLD
from scenarios.same_version import TELL_LIMIT_S, UNKNOWN


class LateWorkers:
    """Stands before the master's handling of messages."""

    def __init__(self, runner: Any, controller: Controller) -> None:
        self._runner = runner
        self._controller = controller
        self._handle = runner.handle_message
        self._held: dict[str, Any] = {}
        self._refused = 0
        runner.handle_message = self._handled

    def _handled(self, client_id: str, message: Any) -> None:
        if message.type == "client_ready" and self._is_late(client_id):
            self._held[client_id] = message
            # Without this answer the worker would not go on to listen.
            index = self._runner.get_worker_index(client_id)
            self._runner.send_message("ack", {"index": index}, client_id)
            gevent.spawn_later(TELL_LIMIT_S, self._give_up, client_id)
        elif client_id in self._held and message.type == VERSION_MESSAGE:
            self._let_in(client_id, message)
        elif client_id not in self._held:
            self._handle(client_id, message)

    def _give_up(self, client_id: str) -> None:
        """It has told nothing: of another version, or no worker at all."""
        request = self._held.pop(client_id, None)
        if request is not None and self._controller.assignment is None:
            self._handle(client_id, request)
        elif request is not None:
            self._refuse(client_id, UNKNOWN)

    def _is_late(self, client_id: str) -> bool:
        return self._controller.assignment is not None and not self._controller.versions.knows(client_id)

    def _let_in(self, client_id: str, message: Any) -> None:
        request = self._held.pop(client_id)
        self._controller.versions.tell(client_id, message.data)
        other = self._controller.versions.other_than_own(client_id)
        if not other:
            self._handle(client_id, request)
            return
        self._refuse(client_id, other)

    def _refuse(self, client_id: str, version: str) -> None:
        self._refused += 1
        if self._refused <= MOST_TOLD:
            self._controller.refuse(client_id, version)
        self._runner.send_message("quit", client_id=client_id)
