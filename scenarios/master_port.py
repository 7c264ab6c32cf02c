"""Master port: what comes there from whoever can reach it does not end the run.

Locust's master stops listening at the first message that is no message, and does not ask who sends one.
"""

from __future__ import annotations

import logging
from typing import Any

from locust.exception import RPCError, RPCReceiveError

MOST_TOLD = 20
"""Messages that are refused in so many words; the log must not grow at a stranger's pleasure."""

FROM_STRANGERS = frozenset({"client_ready", "locustfile"})
"""What a worker says before the master knows it."""

log = logging.getLogger("loadverdict")


class MasterPort:
    """Stands before the master's handling of messages."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._receive, self._handle = runner.server.recv_from_client, runner.handle_message
        self._refused = 0
        runner.server.recv_from_client = self._received
        runner.handle_message = self._handled

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
        known = client_id in self._runner.clients or message.type in FROM_STRANGERS
        if not known or message.node_id != client_id:
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
