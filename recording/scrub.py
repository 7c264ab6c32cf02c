"""Scrub: takes secrets and control characters out of text that came from the target.

Two nets, one behind the other: what is known to be secret (what was just sent) is found in whatever dress it
comes back, and what stands behind a telling name is hidden whoever it belongs to.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any

from recording.spellings import without

HIDDEN = "[hidden]"
BODY_LIMIT = 2048
WINDOW = 32_768
"""No more of a text is looked at: a target may send megabytes with every failure."""

LONGEST_DRESS = 4
"""A secret that the window's end cuts in two is so many times as long as it is itself, at most."""

_TELLING = (
    r"(?:password|passwd|pwd|passphrase|passcode|token|secret|credential|(?:api|access|private)[_-]?key"
    r"|session(?:[_-]?id)?)s?"
)
_CREDENTIAL_HEADER = r"(?:(?:proxy-)?authorization|(?:set-)?cookie2?)"
SECRET_NAME = re.compile(rf"(?i){_TELLING}|auth|cookie|\bsid\b")
"""How a header or a field is called whose value is nobody's business."""
_SECRET_KEY = re.compile(rf"(?i)(?:{_TELLING}|{_CREDENTIAL_HEADER})$")
"""The same for a key of an answer, which a client needs to read: "authentication" may say what is wrong."""

_SHAPES = (
    # Not "Bearer token expired": a token has digits, or is longer than words are.
    re.compile(r"(?i)bearer\s+(?=[a-z._~+/=-]*\d|[a-z._~+/=-]{20})[a-z0-9._~+/=-]+"),
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=://)[^/\s:@\"]{1,200}:[^/\s@\"]{1,200}(?=@)"),
)
_BASIC = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/_-]{4,}={0,2})")
# A quote may itself be escaped (JSON within JSON), and a text cut short may lack the closing one.
_QUOTED = r"\\*\"(?:\\.|[^\"\\])*(?:\"|\Z)|\\*'(?:\\.|[^'\\])*(?:'|\Z)"
# A quote that ends the text around the value stays: {"error": "wrong password=abc"}.
_TO_ITS_END, _TO_THE_LINES_END = (
    rf"(?!\[hidden)(?:\\.|[^{ends}\"\\]|\"(?!\s*(?:[,}}\]]|\Z)))+" for ends in (r"\s,;&}", r"\r\n")
)
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # A header's value goes on to the end of its line: "Cookie: a=1; b=2", "Authorization: Basic …".
        rf"({_CREDENTIAL_HEADER}\\*[\"']\s*(?:[:=,]|=>)\s*)({_QUOTED})",
        rf"({_CREDENTIAL_HEADER}\s*(?:[:=]|=>|%3a)\s*)({_TO_THE_LINES_END})",
        rf"({_TELLING}\\*[\"']?\s*(?:[:=]|=>|%3[ad])\s*)({_QUOTED}|{_TO_ITS_END})",
        # XML, and the part of a multipart form.
        rf"(<[\w:-]{{0,40}}{_TELLING}[\w:-]{{0,40}}>)([^<]+)",
        rf"(name=\\*[\"'][\w.-]{{0,40}}{_TELLING}[\w.-]{{0,40}}\\*[\"']\s+)([^\r\n]+)",
    )
)
_QUOTE = re.compile(r"\\*[\"']")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of a character, which no file can hold."""


def scrub(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """Text without secrets and control characters, cut to `limit` characters.

    Args:
        text: anything the target sent.
        secrets: values that must not appear whatever their surroundings (the password just sent), neither as
            they are nor percent-encoded, escaped, in hex or within base64, in any case.
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    known = frozenset(secrets)
    longest = LONGEST_DRESS * max(map(len, known), default=0) if len(text) > WINDOW else 0
    text = _hidden(text[:WINDOW], known)
    # What was hidden became shorter, so half a secret at the window's end may have come within the limit.
    return printable(text[: max(0, len(text) - longest)])[:limit]


def scrub_body(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """A body scrubbed as `scrub` does it, but one in JSON stays JSON (until it is cut).

    Its strings are looked at decoded, so that no escape hides a secret from us. Where there is nothing to
    hide it stays as it was sent, to the last space.
    """
    known = frozenset(secrets)
    try:
        sent = json.loads(text)
        left = _hidden_in(sent, known)
        if left != sent or _hidden(text, known) != text:
            text = json.dumps(left, ensure_ascii=False)
    except (ValueError, RecursionError):
        return scrub(text, known, limit)
    return printable(text)[:limit]


def _hidden(text: str, secrets: frozenset[str]) -> str:
    if text.count("\0") > len(text) // 3:  # UTF-16, read as UTF-8
        text = text.replace("\0", "")
    text = without(secrets, text, HIDDEN)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    text = _BASIC.sub(_hidden_basic, text)
    for named in _NAMED:
        text = named.sub(_hidden_value, text)
    return text


def _hidden_value(found: re.Match[str]) -> str:
    """The name with a hidden value, quoted as it was: in JSON also where it was a number."""
    name, value = found.groups()
    quoted = _QUOTE.match(value)
    mark = quoted[0] if quoted else '"' if '"' in name and not name.lower().startswith("name=") else ""
    return f"{name}{mark}{HIDDEN}{mark}"


def _hidden_in(value: Any, secrets: frozenset[str]) -> Any:
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


def _hidden_basic(found: re.Match[str]) -> str:
    """Hide credentials, and not the word behind "basic" in a sentence."""
    text = found[2].replace("-", "+").replace("_", "/").rstrip("=")
    try:
        is_pair = b":" in base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        is_pair = False
    return found[1] + HIDDEN if is_pair else found[0]


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters become spaces, line breaks and tabs stay."""
    return _CONTROL.sub(" ", text)


def on_screen(text: str) -> str:
    """An error without what would steer or turn around the terminal's text: it may quote anybody's file."""
    return "".join(char if char == "\n" or char.isprintable() else "?" for char in text)


def one_line(text: str, limit: int = 200) -> str:
    """White space folded, cut to `limit` characters."""
    return " ".join(text.split())[:limit]
