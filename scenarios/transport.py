"""Transport: which outcome an exception of the HTTP client stands for.

Types and error numbers decide; text is never looked at. `tests/scenarios/test_transport.py` keeps the table
complete for the exceptions that requests and urllib3 define.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import zlib
from collections.abc import Iterator

import requests.exceptions as rq
import urllib3.exceptions as u3
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

_BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.ETIMEDOUT: "connect_timeout",
    errno.EMFILE: "generator",
    errno.ENFILE: "generator",
    errno.ENOBUFS: "generator",
    errno.ENOMEM: "generator",
    errno.EADDRNOTAVAIL: "generator",
    errno.EADDRINUSE: "generator",
    errno.EACCES: "generator",
}

# First match wins, tried on every exception of the chain, the innermost cause first.
_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((u3.NameResolutionError, socket.gaierror, u3.LocationParseError, u3.LocationValueError), "dns"),
    ((u3.ConnectTimeoutError, rq.ConnectTimeout), "connect_timeout"),
    ((ssl.SSLError, u3.SSLError, rq.SSLError), "tls"),
    ((http.client.RemoteDisconnected,), "closed_early"),
    ((http.client.IncompleteRead, u3.IncompleteRead), "closed_early"),
    ((HTTPConnectionClosed,), "closed_early"),
    ((HTTPParseError, zlib.error), "bad_response"),
    ((u3.InvalidChunkLength,), "bad_response"),
    ((http.client.HTTPException,), "bad_response"),
    ((u3.DecodeError, rq.ContentDecodingError, u3.HeaderParsingError), "bad_response"),
    ((u3.InvalidHeader, rq.InvalidHeader), "bad_response"),
    ((u3.ResponseNotChunked, u3.BodyNotHttplibCompatible, u3.ResponseError), "bad_response"),
    ((rq.MissingSchema, rq.InvalidSchema, rq.InvalidURL, rq.URLRequired), "generator"),
    ((u3.URLSchemeUnknown, u3.ProxySchemeUnknown, u3.ProxySchemeUnsupported), "generator"),
    ((u3.ProxyError, rq.ProxyError), "unreachable"),
    ((rq.TooManyRedirects, rq.JSONDecodeError, rq.InvalidJSONError), "bad_response"),
    ((u3.EmptyPoolError, u3.FullPoolError, u3.ClosedPoolError), "generator"),
    ((rq.StreamConsumedError, rq.UnrewindableBodyError, rq.RetryError), "generator"),
    ((MemoryError, RecursionError), "generator"),
)


def outcome_of(error: BaseException) -> str:
    """The outcome of a request that ended with an exception; `unknown` if nothing fits."""
    chain = list(_causes(error))
    if isinstance(error, rq.ReadTimeout):
        return "first_byte_timeout"
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.errno in _BY_ERRNO and not isinstance(cause, socket.gaierror):
            return _BY_ERRNO[cause.errno]
        for types, outcome in _BY_TYPE:
            if isinstance(cause, types):
                return outcome
    if any(isinstance(cause, u3.ReadTimeoutError | TimeoutError) for cause in chain):
        # requests reports a time-out while the body arrives as a ConnectionError around urllib3's.
        return "body_timeout"
    if any(isinstance(cause, u3.ProtocolError | rq.ChunkedEncodingError) for cause in chain):
        return "closed_early"
    return "unknown"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was made from: arguments first, then cause and context, each once."""
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        current = pending.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        named = (getattr(current, name, None) for name in ("reason", "original"))
        inner = [*current.args, *named, current.__cause__, current.__context__]
        pending += [cause for cause in inner if isinstance(cause, BaseException)]
