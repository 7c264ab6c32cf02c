"""Messages: what failures say, with the parts that vary masked, and whether it helps the client.

"timeout after 5003 ms for 10.0.0.7:5432" and "timeout after 4998 ms for 10.0.0.9:5432" are one kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from recording.run import ErrorExample

MASKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), mask)
    for pattern, mask in (
        (r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>)\]]+", "<url>"),
        (r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", "<token>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?", "<time>"),
        (r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b", "<email>"),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b", "<ip>"),
        (r"\[[0-9a-f:]*:[0-9a-f:]+(?:%\w+)?\](?::\d{1,5}\b)?", "<ip>"),
        (r"(?<![\w:])(?:[0-9a-f]{1,4}:{1,2}){3,7}[0-9a-f]{1,4}(?![\w:])", "<ip>"),
        (r"\blocalhost:\d{1,5}\b", "<host>"),
        (
            r"(?<![\w./@-])(?:[a-z0-9](?:[\w-]*[a-z0-9])?\.)+"
            r"(?:com|org|net|io|dev|app|cloud|internal|intern|local|lan|corp|test|example|svc|de|eu|uk)"
            r"(?::\d{1,5})?(?![\w.-]*\w)",
            "<host>",
        ),
        (r"(?<![\w./@-])[a-z][a-z0-9-]*-\d+:\d{2,5}\b", "<host>"),
        (r"(?<![\w<.])/(?:[\w.%~@:+=-]+/)+[\w.%~@:+=-]*(?:\?[^\s\"'<>)\]]*)?", "<path>"),
        (r"\b0x[0-9a-f]+\b", "<hex>"),
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", "<hex>"),
        (r"\b[a-z]{2,8}_(?=(?:[a-z]*\d){2})[a-z0-9]{8,}\b", "<id>"),
        (r"\b(?-i:(?=\w*[a-z])(?=\w*[A-Z]))(?=(?:[a-z]*\d){3})[a-z0-9]{12,}\b", "<id>"),
        (r"(?<![\w])\"[^\"]*\"", "<value>"),
        (r"(?<![\w])'[^']*'(?!\w)", "<value>"),
        (r"(?<![\w])`[^`]*`", "<value>"),
        (r"\b(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns)){2,}\b", "<duration>"),
        (r"\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|sec|seconds?|min|minutes?|h|hours?)\b", "<duration>"),
        (r"(?<![\w<])[+-]?\d+(?:[.,]\d+)*", "<n>"),
        (r"\d+", "<n>"),
    )
)
"""Applied in this order; each takes what the ones before have left."""

LONGEST = 200

MESSAGE_KEYS = ("error", "message", "detail", "title", "reason", "error_description")
RETRY_STATUSES = frozenset({429, 503})
_RETRY = re.compile(r"\b(?:re-?try|again|later|slow down|wait|back ?off)\b", re.IGNORECASE)
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w$.]+\(|\bpanicked at\b|stack backtrace|\.rs:\d+:\d+"
    r"|\.java:\d+\)|goroutine \d+ \[",
    re.MULTILINE,
)
_EMPTY_WORDS = re.compile(
    r"^(?:internal server error|server error|error|unknown error|unknown|failed|failure|bad gateway|"
    r"service unavailable|something went wrong|null|none)\W*$",
    re.IGNORECASE,
)


def masked(message: str) -> str:
    """A message with its variable parts masked, on one line, at most 200 characters."""
    text = " ".join(message.split())[: 4 * LONGEST]
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text[:LONGEST]


def clearness(status: int, examples: list[ErrorExample]) -> tuple[bool | None, str]:
    """Whether clients were told what happened and what to do; (None, why) if no message was recorded.

    All examples must pass; the reason is that of the first check that one of them fails.
    """
    if status == 0:
        return False, "no answer at all"
    if not examples:
        return None, "no message was recorded"
    for example in examples:
        for fails, reason in _CHECKS:
            if fails(example):
                return False, reason
    return True, "says what happened" + (" and that a retry helps" if status in RETRY_STATUSES else "")


def error_text(example: ErrorExample) -> str:
    """The error text of a JSON body, "" if there is none; of a body cut at its limit, the message."""
    try:
        fields = json.loads(example.body)
    except (ValueError, RecursionError):
        cut = len(example.body) >= 2000 or not example.body
        return example.message if cut and "json" in example.content_type.lower() else ""
    return _text_in(fields) if isinstance(fields, dict) else ""


def _text_in(fields: dict[str, object]) -> str:
    for key in MESSAGE_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and (inner := _text_in(value)):
            return inner
    return ""


def _header(example: ErrorExample, name: str) -> str:
    return next((v for k, v in example.headers.items() if k.lower() == name), "")


def _no_retry_hint(example: ErrorExample) -> bool:
    hinted = _header(example, "retry-after") or _RETRY.search(error_text(example))
    return example.status in RETRY_STATUSES and not hinted


_CHECKS: tuple[tuple[Callable[[ErrorExample], bool], str], ...] = (
    (lambda e: 0 < e.status < 400, "its status says success"),
    (lambda e: not e.body.strip() and not e.message.strip(), "empty answer"),
    (
        lambda e: "html" in e.content_type.lower() or e.body.lstrip()[:1] == "<",
        "HTML page instead of an error text",
    ),
    (lambda e: bool(_TRACE.search(e.body) or _TRACE.search(e.message)), "shows a stack trace"),
    (lambda e: not error_text(e), "no JSON error text"),
    (lambda e: bool(_EMPTY_WORDS.match(error_text(e))), "says no more than its status"),
    (_no_retry_hint, "neither Retry-After nor a word about trying again"),
)
"""In the order in which they are worth telling."""
