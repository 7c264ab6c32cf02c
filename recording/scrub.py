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
    r"(?:(?:password|passwd|pwd|passphrase|passcode|token|secret|credential)(?:[_-]?(?:hash|confirm(?:ation)?)|\d)?"
    r"|(?:api|access|private|secret|signing|encryption)[_-]?key|[_-]pass|sess(?:ion(?:[_-]?id)?|id)|\.sid)s?"
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
    re.compile(
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,16000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    ),
)
# What stands between "://" and the host's "@", be it a password alone, or a key in the place of the user. A
# password may hold a slash, but what begins with a port is a path: http://host:80/~a@b.
_USERINFO = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(:\\{0,8}/\\{0,8}/)(?:[^/\s\"'<>\\]{1,400}|[^/\s\"'<>:@]{0,200}:(?!\d{1,5}/)[^\s\"'<>@]{1,200})(@)",
        r"(%(?:25){0,3}3a(?:%(?:25){0,3}2f){2})(?:(?!%(?:25){0,3}2f)[^\s\"'<>&/]){1,400}?(%(?:25){0,3}40)",
    )
)
_BASIC = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/_-]{4,}={0,2})")
# A quote may itself be escaped (JSON within JSON) or an entity; a text cut short may lack the closing one.
_ENTITY = r"&(?:amp;){0,3}(?:quot|apos|#0{0,5}3[49]|#x0{0,5}2[27]);"
_QUOTE = rf"(?:\\*[\"']|{_ENTITY}|%(?:25){{0,3}}2[27])"
_QUOTED = (
    r"[bu@]?\\*\"(?:\\.|[^\"\\])*(?:\"|\Z)|[bu@]?\\*'(?:\\.|[^'\\])*(?:'|\Z)"
    rf"|{_ENTITY}(?:(?!{_ENTITY}).)*(?:{_ENTITY}|\Z)"
)
# As in {"name" => "value"}, [name] => value, user[name]=value and name: value, encoded or not.
_ARROW = r"=(?:>|&(?:amp;){0,3}gt;)|%(?:25){0,3}3d%(?:25){0,3}3e"
_SIGN = rf"(?>(?:\]|%(?:25){{0,3}}5d)?\s*(?:{_ARROW}|[:=]|%(?:25){{0,3}}3[ad])\s*)"
# What stands between the sign and the value: a block of YAML, the type of a value as PHP shows it.
_TYPE = r"(?>(?:[>|][+-]?\s+)?(?:string\(\d{1,9}\)\s+)?)"
# Where what follows is not the value itself but holds it; the end is looked for by `_end_of_nested`.
_OPENING = (
    r"(?P<opening>(?!\[hidden)(?:array(?:\(\d{1,9}\))?\s{0,99}|[a-z][\w.]{0,60}(?=\(\s*\\*[\"'&]))?[\[{(])"
)
# A quote that ends the text around the value stays: {"error": "wrong password=abc"}.
_TO_ITS_END, _TO_THE_LINES_END = (
    rf"(?!\[hidden)(?:\\.|[^{ends}\"\\]|\"(?!\s*(?:[,}}\]]|\Z)))+" for ends in (r"\s,;&}", r"\r\n")
)
# In a listing by PHP, where values have no quotes: up to the next key, the closing bracket or the line's end.
_TO_THE_NEXT_KEY = r"(?!\[hidden)(?:(?!\s{1,99}(?:\[[^\[\]\r\n]{1,60}\]\s?=|\)))[^\r\n])+"
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # A header's value goes on to the end of its line: "Cookie: a=1; b=2", "Authorization: Basic …".
        rf"({_CREDENTIAL_HEADER}{_QUOTE}(?:{_SIGN}|\s*,\s*){_TYPE})({_QUOTED}|{_OPENING})",
        rf"({_CREDENTIAL_HEADER}{_SIGN})({_TO_THE_LINES_END})",
        rf"(\[[^\[\]\r\n]{{0,40}}{_TELLING}\](?>\s*(?:{_ARROW})\s*))({_QUOTED}|{_OPENING}|{_TO_THE_NEXT_KEY})",
        rf"({_TELLING}{_QUOTE}?{_SIGN}{_TYPE})({_QUOTED}|{_OPENING}|{_TO_ITS_END})",
        # XML, and the part of a multipart form.
        rf"(<[\w:-]{{0,40}}{_TELLING}[\w:-]{{0,40}}(?:\s[^<>]{{0,200}})?>)([^<]+)",
        rf"(name=\\*[\"'][\w.-]{{0,40}}{_TELLING}[\w.-]{{0,40}}\\*[\"']\s+)([^\r\n]+)",
    )
)
NESTED_LIMIT = 4096
"""Characters of a value in brackets that are looked at; all are hidden if none of them closes it."""
_REST = re.compile(_TO_ITS_END, re.DOTALL)
_OF_NESTED = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?<!\\)(\\++)\"(?:(?!\1\").)*\1\"|([\[{(])|[\]})]", re.DOTALL
)
_FIRST_QUOTE = re.compile(rf"{_QUOTE}")
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
    text = without_userinfo(text)
    text = _BASIC.sub(_hidden_basic, text)
    for named in _NAMED:
        text = _without_values(named, text)
    return text


def without_userinfo(text: str) -> str:
    """Text in which no address says with which user or password."""
    if "@" not in text and "%" not in text:
        return text
    for userinfo in _USERINFO:
        text = userinfo.sub(rf"\1{HIDDEN}\2", text)
    return text


def _without_values(named: re.Pattern[str], text: str) -> str:
    """Text without the values behind telling names."""
    found = named.search(text)
    if found is None:
        return text
    parts, at = [], 0
    while found is not None:
        parts += [text[at : found.start()], _hidden_value(found)]
        is_nested = "opening" in named.groupindex and found["opening"]
        at = _end_of_nested(text, found.end()) if is_nested else found.end()
        found = named.search(text, at)
    return "".join([*parts, text[at:]])


def _hidden_value(found: re.Match[str]) -> str:
    """The name with a hidden value, quoted as it was: in JSON also where it was a number."""
    name, value = found[1], found[2]
    quoted = _FIRST_QUOTE.match(value)
    mark = quoted[0] if quoted else '"' if '"' in name and not name.lower().startswith(("name=", "<")) else ""
    return f"{name}{mark}{HIDDEN}{mark}"


def _end_of_nested(text: str, begin: int) -> int:
    """Where a value ends whose opening bracket ends at `begin`: behind what closes it, and behind what is
    written onto that without a space."""
    within = text[begin : begin + NESTED_LIMIT]
    depth = 1
    for sign in _OF_NESTED.finditer(within):
        if sign[0] in "[{(":
            depth += 1
        elif sign[0] in "]})":
            depth -= 1
        if not depth:
            rest = _REST.match(text, begin + sign.end())
            return rest.end() if rest else begin + sign.end()
    return begin + len(within)


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
