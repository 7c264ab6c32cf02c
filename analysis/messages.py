"""Messages: what failures say, with the parts that vary masked.

"timeout after 5003 ms for 10.0.0.7:5432" and "timeout after 4998 ms for 10.0.0.9:5432" are one kind.
"""

from __future__ import annotations

import re

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


def masked(message: str) -> str:
    """A message with its variable parts masked, on one line, at most 200 characters."""
    text = " ".join(message.split())[: 4 * LONGEST]
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text[:LONGEST]
