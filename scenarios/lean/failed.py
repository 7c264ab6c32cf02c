"""Failed: why a request of the lean client has no answer, already in the words of a Sample."""

from __future__ import annotations

import errno
import socket
import ssl

from scenarios.transport import outcome_of


class FailedError(Exception):
    """A request that ends without an answer.

    Attributes:
        outcome: of `recording.outcomes.OUTCOMES`.
        code: short reason from a closed set.
    """

    def __init__(self, outcome: str, code: str = "") -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.code = code or outcome


class ExpiredError(Exception):
    """The deadline of a wait has passed; which limit that was, the waiting one knows."""


def failure_of(error: OSError) -> FailedError:
    """What an error of a socket, of TLS or of name resolution stands for."""
    if isinstance(error, ssl.SSLError):
        return FailedError("tls", type(error).__name__)
    if isinstance(error, socket.gaierror):
        return FailedError("dns")
    outcome = outcome_of(error)
    if outcome == "generator":
        # All of these are plain OSErrors; the number tells what was used up.
        return FailedError(outcome, errno.errorcode.get(error.errno or 0, type(error).__name__))
    return FailedError("generator" if outcome == "unknown" else outcome, type(error).__name__)
