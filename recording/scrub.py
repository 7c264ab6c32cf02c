"""Scrub: takes secrets and control characters out of text that came from the target."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"
BODY_LIMIT = 2048

_PATTERNS = (
    re.compile(r"(?i)bearer\s+[A-Za-z0-9._~+/=-]+"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
_KEYED = re.compile(
    r"(?i)([\"']?(?:password|passwd|pwd|token|secret|authorization|cookie|api[_-]?key|session)[\"']?\s*[:=]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&}]+)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def scrub(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """Text without secrets and control characters, cut to `limit` characters.

    Args:
        text: anything the target sent.
        secrets: values that must not appear whatever their surroundings (the password just sent).
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    text = _KEYED.sub(lambda match: match.group(1) + HIDDEN, text)
    return _CONTROL.sub(" ", text)[:limit]


def one_line(text: str, limit: int = 200) -> str:
    """White space folded, cut to `limit` characters."""
    return " ".join(text.split())[:limit]
