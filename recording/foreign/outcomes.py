"""Outcomes: what other tools call a failure, as one of our own; code before message.

A status of 400 or more decides alone. Without an answer the tool's own code decides (k6 numbers its
failures), then its words: names of Java exceptions, errno, Go's and Python's error texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

K6_CODES: tuple[tuple[range, str], ...] = (
    (range(1050, 1051), "total_timeout"),
    (range(1100, 1110), "dns"),
    (range(1110, 1120), "generator"),
    (range(1201, 1202), "reset"),
    (range(1211, 1212), "connect_timeout"),
    (range(1212, 1213), "refused"),
    (range(1210, 1220), "unreachable"),
    (range(1220, 1221), "reset"),
    (range(1300, 1400), "tls"),
    (range(1610, 1700), "closed_early"),
    (range(1701, 1702), "bad_response"),
)
"""First range that holds the code (k6, lib/netext/httpext/error_codes.go). 1400 to 1599 are HTTP statuses."""

WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), outcome)
    for pattern, outcome in (
        (
            r"too many open files|\bEMFILE\b|\bENFILE\b|EADDRNOTAVAIL|cannot assign requested address"
            r"|\bEADDRINUSE\b|address already in use",
            "generator",
        ),
        (
            r"no such host|ENOTFOUND|EAI_AGAIN|UnknownHost|name or service not known|name resolution"
            r"|NameResolution|getaddrinfo|gaierror|lookup .* on .*: ",
            "dns",
        ),
        (r"refused|ECONNREFUSED|Errno 111\b", "refused"),
        (r"no route to host|NoRouteToHost|unreachable|EHOSTUNREACH|ENETUNREACH", "unreachable"),
        (
            r"connect(?:ion)? ?time(?:d )?-?out|ConnectTimeout|connect timed out|dial (?:tcp|udp)\b.*timeout"
            r"|dial: i/o timeout|UND_ERR_CONNECT_TIMEOUT",
            "connect_timeout",
        ),
        (r"\bx509\b|\btls\b|\bSSL|certificate|CERT_|handshake", "tls"),
        (r"while reading body|body timeout|UND_ERR_BODY_TIMEOUT", "body_timeout"),
        (
            r"read timed out|ReadTimeout|SocketTimeout|awaiting headers|headers timeout|read timeout",
            "first_byte_timeout",
        ),
        (r"time(?:d )?-?out|ETIMEDOUT|ESOCKETTIMEDOUT|deadline exceeded|Errno 110\b", "total_timeout"),
        (r"reset|ECONNRESET|broken pipe|EPIPE|Errno 104\b|Errno 32\b", "reset"),
        (
            r"RemoteDisconnected|\bEOF\b|NoHttpResponse|hang up|closed|aborted|premature|IncompleteRead"
            r"|GOAWAY|disconnected",
            "closed_early",
        ),
        (
            r"malformed|BadStatusLine|HPE_|ProtocolException|parse error|invalid (?:header|chunk)",
            "bad_response",
        ),
    )
)
"""First that fits. Time-outs of a phase come before time-outs of any kind, both before plain losses."""

_HTTP_TEXT = re.compile(r"\b([45]\d\d) (?:Client|Server) Error\b|BadStatusCode\(code=([45]\d\d)\)")


@dataclass(frozen=True, slots=True)
class Judged:
    """What one request of another tool came to."""

    status: int
    outcome: str
    message: str = ""


def judged(status: int, message: str, failed: bool) -> Judged:
    """The outcome of a request.

    Args:
        status: HTTP status, 0 without an answer.
        message: the tool's own words, "" for none.
        failed: whether the tool counts it as failed.
    """
    if not failed:
        return Judged(status, "ok")
    if status >= 400:
        return Judged(status, "http_error", message)
    if status > 0:
        return Judged(status, "wrong_content", message)
    return Judged(0, from_words(message), message)


def from_words(message: str) -> str:
    """The outcome that a text of a failure without an answer stands for."""
    return next((outcome for pattern, outcome in WORDS if pattern.search(message)), "unknown")


def from_k6(code: int, message: str) -> str:
    """The outcome of a k6 error code; of the words where k6 has no better than "other"."""
    return next((outcome for codes, outcome in K6_CODES if code in codes), "") or from_words(message)


def from_text(message: str) -> Judged:
    """The outcome of a failure of which only its text is known, with the status that the text names."""
    found = _HTTP_TEXT.search(message)
    if found:
        return Judged(int(found.group(1) or found.group(2)), "http_error", message)
    outcome = from_words(message)
    if outcome == "unknown" and message.startswith("CatchResponseError"):
        return Judged(200, "wrong_content", message)
    return Judged(0, outcome, message)
