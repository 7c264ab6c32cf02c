"""Scrub: takes secrets and control characters out of text that came from the target.

Two nets, one behind the other: what is known to be secret (what was just sent) is found in whatever dress it
comes back, and what stands behind a telling name is hidden whoever it belongs to.
"""

from __future__ import annotations

import base64
import binascii
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

SHORTEST_CORE = 6
"""The same for a piece of base64."""

_TELLING = r"(?:password|passwd|pwd|token|secret|credential|api[_-]?key|session(?:[_-]?id)?)"
_CREDENTIAL_HEADER = r"(?:proxy-)?authorization|(?:set-)?cookie2?"
SECRET_NAME = re.compile(rf"(?i){_TELLING}|auth|cookie|\bsid\b")
"""How a header or a field is called whose value is nobody's business."""

# A quote may itself be escaped (JSON within JSON), and a text cut short may lack the closing one.
_QUOTED = r"\\*\"(?:\\.|[^\"\\])*\"?|\\*'(?:\\.|[^'\\])*'?"
_SHAPES = (
    re.compile(r"(?i)bearer\s+[A-Za-z0-9._~+/=-]+"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)"),
)
_BASIC = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/_-]{4,}={0,2})")
_NAMED = (
    # A header's value goes on to the end of its line: "Cookie: a=1; b=2", "Authorization: Basic …".
    re.compile(rf"(?i)((?:{_CREDENTIAL_HEADER})\\*[\"']\s*(?:[:=,]|=>)\s*)({_QUOTED})"),
    re.compile(rf"(?i)((?:{_CREDENTIAL_HEADER})\s*(?:[:=]|=>|%3a)\s*)(?!\[hidden)([^\r\n]+)"),
    re.compile(rf"(?i)({_TELLING}\\*[\"']?\s*(?:[:=]|=>|%3[ad])\s*)({_QUOTED}|(?!\[hidden)[^\s,;&}}]+)"),
    # XML, and the part of a multipart form.
    re.compile(rf"(?i)(<[\w:-]{{0,40}}{_TELLING}[\w:-]{{0,40}}>)([^<]+)"),
    re.compile(rf"(?i)(name=\\*[\"'][\w.-]{{0,40}}{_TELLING}[\w.-]{{0,40}}\\*[\"']\s+)([^\r\n]+)"),
)
APOSTROPHES = ("&#x27;", "&#39;", "&#039;", "&apos;")
"""How HTML is given one, by language."""
_BACKSLASHES = re.compile(r"\\+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def scrub(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """Text without secrets and control characters, cut to `limit` characters.

    Args:
        text: anything the target sent.
        secrets: values that must not appear whatever their surroundings (the password just sent), neither as
            they are nor percent-encoded, escaped, in hex or within base64, in any case.
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    if text.count("\0") > len(text) // 3:  # UTF-16, read as UTF-8
        text = text.replace("\0", "")
    text = _without_known(text, frozenset(secrets))
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    text = _BASIC.sub(_hidden_basic, text)
    for named in _NAMED:
        text = named.sub(rf"\1{HIDDEN}", text)
    return printable(text)[:limit]


def _without_known(text: str, secrets: frozenset[str]) -> str:
    # Looked for first and replaced then: of the many forms hardly any is there, and to compile a pattern of
    # all of them for each failed request would cost the load generator its time.
    lowered = _fewer_backslashes(text.lower())
    found = {form for secret in secrets for form in _forms(secret) if form in lowered}
    if not found:
        return text
    longest_first = sorted(found, key=len, reverse=True)
    patterns = (re.escape(form).replace(r"\\", r"\\+") for form in longest_first)
    return re.sub("|".join(patterns), HIDDEN, text, flags=re.IGNORECASE)


def _fewer_backslashes(text: str) -> str:
    """JSON within JSON within JSON doubles them each time: one stands for any number."""
    return _BACKSLASHES.sub(r"\\", text) if "\\" in text else text


@lru_cache(maxsize=4096)
def _forms(secret: str) -> frozenset[str]:
    """A secret as it is and as services tend to echo it, in small letters, with single backslashes."""
    if len(secret) < SHORTEST_SECRET:
        return frozenset()
    raw = secret.encode("utf-8", "surrogatepass")
    percent = {quote(raw, safe=""), quote_plus(raw)}
    escaped = html.escape(secret)
    dresses = {secret, repr(secret)[1:-1], *(escaped.replace("&#x27;", mark) for mark in APOSTROPHES)}
    # An answer in JSON escapes whatever dress it repeats.
    escaped_too = {_in_json(dress, only_ascii) for dress in dresses for only_ascii in (True, False)}
    forms = {*dresses, *escaped_too, raw.hex(), *percent, *(quote(each, safe="") for each in percent)}
    forms |= {form.replace("/", "\\/") for form in forms}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.add(encode(raw).decode().rstrip("="))
        cores = (_core(encode(bytes(shift) + raw), shift) for shift in range(3))
        forms |= {core for core in cores if len(core) >= SHORTEST_CORE}
    return frozenset(_fewer_backslashes(form.lower()) for form in forms)


def _in_json(text: str, only_ascii: bool) -> str:
    return json.dumps(text, ensure_ascii=only_ascii)[1:-1]


def _core(encoded: bytes, shift: int) -> str:
    """Of base64 what does not depend on the bytes around it, since `user:password` is encoded as a whole."""
    text = encoded.decode()
    padding = text.count("=")
    return text[(0, 2, 3)[shift] : len(text) - (padding + 1 if padding else 0)]


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


def one_line(text: str, limit: int = 200) -> str:
    """White space folded, cut to `limit` characters."""
    return " ".join(text.split())[:limit]
