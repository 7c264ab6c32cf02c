"""Every way in which a request can fail has an outcome; only what nobody can name is `unknown`."""

import errno
import http.client
import inspect
import os
import socket
import ssl

import pytest
import requests.exceptions as rq
import urllib3.exceptions as u3

from recording.outcomes import OUTCOMES
from scenarios.transport import outcome_of

# Base classes that say nothing by themselves, warnings, and errors of urllib3's own configuration.
MEANINGLESS = {
    "HTTPError", "HTTPWarning", "PoolError", "RequestError", "RequestException", "ConnectionError", "Timeout",
    "TimeoutError", "TimeoutStateError", "MaxRetryError", "HostChangedError", "NewConnectionError",
    "UnrewindableBodyError", "ChunkedEncodingError", "ReadTimeout", "ReadTimeoutError", "ProtocolError",
}  # fmt: skip


def exception_classes(module: object) -> list[type[BaseException]]:
    return [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, Exception)
        and not issubclass(value, Warning)
        and value.__module__ == module.__name__
        and value.__name__ not in MEANINGLESS
    ]


@pytest.mark.parametrize("kind", exception_classes(rq) + exception_classes(u3), ids=lambda k: k.__name__)
def test_every_class_of_requests_and_urllib3_has_an_outcome(kind: type[BaseException]) -> None:
    error = kind.__new__(kind)
    assert outcome_of(error) in set(OUTCOMES) - {"unknown", "ok"}


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "reset"),
        (errno.EPIPE, "reset"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.EMFILE, "generator"),
        (errno.EADDRNOTAVAIL, "generator"),
    ],
)
def test_error_numbers_are_found_inside_the_chain(number: int, outcome: str) -> None:
    inner = OSError(number, os.strerror(number))
    middle = u3.NewConnectionError(None, "x")  # type: ignore[arg-type]
    middle.__cause__ = inner
    outer = rq.ConnectionError(u3.MaxRetryError(None, "/", middle))  # type: ignore[arg-type]
    assert outcome_of(outer) == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (rq.ConnectTimeout(), "connect_timeout"),
        (rq.ReadTimeout(), "first_byte_timeout"),
        (rq.ConnectionError(u3.ReadTimeoutError(None, "/", "late")), "body_timeout"),  # type: ignore[arg-type]
        (rq.ConnectionError(u3.ProtocolError("x", http.client.RemoteDisconnected("gone"))), "closed_early"),
        (rq.ChunkedEncodingError(u3.ProtocolError("x", http.client.IncompleteRead(b""))), "closed_early"),
        (rq.ConnectionError(u3.ProtocolError("x", http.client.BadStatusLine("?"))), "bad_response"),
        (rq.SSLError(ssl.SSLCertVerificationError("no")), "tls"),
        (rq.ConnectionError(socket.gaierror(-2, "unknown name")), "dns"),
        (MemoryError(), "generator"),
        (ValueError("?"), "unknown"),
    ],
)
def test_causes_decide_and_not_texts(error: BaseException, outcome: str) -> None:
    assert outcome_of(error) == outcome
