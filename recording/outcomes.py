"""Outcomes: how a request can end. Apart from Sample, so that a text can be checked without its arrays."""

from __future__ import annotations

OUTCOMES = (
    "generator",
    "dns",
    "refused",
    "unreachable",
    "connect_timeout",
    "tls",
    "reset",
    "closed_early",
    "first_byte_timeout",
    "body_timeout",
    "total_timeout",
    "bad_response",
    "http_error",
    "wrong_content",
    "unfinished",
    "unknown",
    "ok",
)
"""Closed set, in the order in which a request is judged: the first that fits is its outcome.

`generator` is our own fault (ports, files, script) and is never counted against the target.
"""

TIMEOUT_OUTCOMES = frozenset({"connect_timeout", "first_byte_timeout", "body_timeout", "total_timeout"})
"""Outcomes whose duration is a limit that was reached, not an answer's latency (censored)."""

NEVER_SENT = frozenset({"generator", "dns", "refused", "unreachable", "connect_timeout", "tls"})
"""Outcomes of requests that ended before they had a connection to be sent over."""
