"""Scrub: takes secrets and control characters out of text that came from the target."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
BODY_LIMIT = 2048
SHORTEST_SECRET = 3
"""Anything shorter stands in every second word: hiding it would hide the text and not the secret."""

_PATTERNS = (
    re.compile(r"(?i)bearer\s+[A-Za-z0-9._~+/=-]+"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=://)[^/\s:@\"]+:[^/\s@\"]+(?=@)"),
)
_NAMES = r"(?:password|passwd|pwd|token|secret|authorization|cookie|api[_-]?key|session)"
_SECRET_KEY = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_KEYED = re.compile(
    rf"([\"']?{_NAMES}[\"']?\s*[:=]\s*)"
    r"(\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'[^']*'"
    # A quote that ends the text around it stays: {"error": "wrong password=abc"}.
    r"|(?:\\.|[^\s,;&}\"\\]|\"(?!\s*(?:[,}\]]|\Z)))+)",
    re.IGNORECASE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of a character, which no file can hold."""


def scrub(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """Text without secrets and control characters, cut to `limit` characters.

    Args:
        text: anything the target sent.
        secrets: values that must not appear whatever their surroundings (the password just sent), neither as
            they are nor percent-encoded, escaped, in base64 or hex, in any case.
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    return _CONTROL.sub(" ", _hidden(text, tuple(secrets)))[:limit]


def scrub_body(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """A body scrubbed as `scrub` does it, but one in JSON stays JSON (until it is cut).

    Its strings are looked at decoded, so that no escape hides a secret from us. Where there is nothing to
    hide it stays as it was sent, to the last space.
    """
    known = tuple(secrets)
    try:
        sent = json.loads(text)
        left = _hidden_in(sent, known)
        if left != sent or _hidden(text, known) != text:
            text = json.dumps(left, ensure_ascii=False)
    except (ValueError, RecursionError):
        return scrub(text, known, limit)
    return _CONTROL.sub(" ", text)[:limit]


def _hidden(text: str, secrets: tuple[str, ...]) -> str:
    known = _known(tuple(sorted(set(secrets))))
    if known is not None:
        text = known.sub(HIDDEN, text)
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return _KEYED.sub(_keyed, text)


def _keyed(match: re.Match[str]) -> str:
    """The key with a hidden value, quoted as it was: in JSON also where it was a number."""
    key, value = match.groups()
    quote_mark = value[0] if value[0] in "\"'" else '"' if '"' in key else ""
    return f"{key}{quote_mark}{HIDDEN}{quote_mark}"


def _hidden_in(value: Any, secrets: tuple[str, ...]) -> Any:
    """A JSON value without secrets; whatever stands under a secret's name is hidden whole."""
    if isinstance(value, dict):
        return {
            _hidden(key, secrets): HIDDEN if _SECRET_KEY.search(key) else _hidden_in(held, secrets)
            for key, held in value.items()
        }
    if isinstance(value, list):
        return [_hidden_in(item, secrets) for item in value]
    text = value if isinstance(value, str) else json.dumps(value)
    left = _hidden(text, secrets)
    return value if left == text else left


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
