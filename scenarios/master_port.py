"""Master port: what comes there from whoever can reach it does not end the run.

Locust's master stops listening at the first message that is no message, and does not ask who sends one.
"""

from __future__ import annotations

import logging
from typing import Any

from locust.exception import RPCError, RPCReceiveError

from scenarios.controller import VERSION_MESSAGE

MOST_TOLD = 20
"""Messages that are refused in so many words; the log must not grow at a stranger's pleasure."""

FROM_STRANGERS = frozenset(
    {"client_ready", "locustfile", "heartbeat", "spawning", "spawning_complete", VERSION_MESSAGE}
)
"""What a worker says before the master knows it, or after it has forgotten it."""

log = logging.getLogger("loadverdict")


class MasterPort:
    """Stands before the master's handling of messages."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._handle, self._reset = runner.handle_message, runner.reset_connection
        self._refused = 0
        runner.handle_message = self._handled
        runner.reset_connection = self._connected_anew
        self._guard()

    def _guard(self) -> None:
        server = self._runner.server
        if server.recv_from_client != self._received:
            self._receive = server.recv_from_client
            server.recv_from_client = self._received

    def _connected_anew(self) -> None:
        """Locust's way out of a broken connection is another one."""
        self._reset()
        self._guard()

    def _received(self) -> Any:
        """The next message that can be read. Of a worker's that cannot, Locust is told: it connects anew."""
        while True:
            try:
                return self._receive()
            except RPCReceiveError as error:
                if error.addr in self._runner.clients:
                    raise
                self._refuse("what is no message")
            except RPCError:
                raise
            except Exception as error:  # whatever bytes make the decoder do
                self._refuse(f"what is no message ({type(error).__name__})")

    def _handled(self, client_id: str, message: Any) -> None:
        kind = message.type if isinstance(message.type, str) else ""
        known = client_id in self._runner.clients or kind in FROM_STRANGERS
        if not kind or not known or message.node_id != client_id:
            self._refuse("a message in the name of a worker that did not send it")
            return
        try:
            self._handle(client_id, message)
        except Exception as error:  # a message of the right form with something else in it
            self._refuse(f"a message that is not understood ({type(error).__name__})")

    def _refuse(self, what: str) -> None:
        self._refused += 1
        if self._refused <= MOST_TOLD:
            log.warning("refused %s at the port for workers", what)
