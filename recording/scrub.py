"""Scrub: takes secrets and control characters out of text that came from the target."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
BODY_LIMIT = 2048
SHORTEST_SECRET = 3
"""Anything shorter stands in every second word: hiding it would hide the text and not the secret."""

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
        secrets: values that must not appear whatever their surroundings (the password just sent), neither as
            they are nor percent-encoded, escaped, in base64 or hex, in any case.
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    known = _known(tuple(sorted(set(secrets))))
    if known is not None:
        text = known.sub(HIDDEN, text)
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    text = _KEYED.sub(lambda match: match.group(1) + HIDDEN, text)
    return _CONTROL.sub(" ", text)[:limit]


@lru_cache(maxsize=1024)
def _known(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern for secrets as they are and as services tend to echo them, in any case."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            raw = secret.encode()
            forms |= {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
            forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            forms |= {base64.b64encode(raw).decode().rstrip("="), raw.hex()}
            forms |= {base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None


def one_line(text: str, limit: int = 200) -> str:
    """White space folded, cut to `limit` characters."""
    return " ".join(text.split())[:limit]
