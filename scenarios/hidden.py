"""Hidden: what a request carried, or its answer gave, that no file, log or screen may show."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from recording.scrub import SECRET_NAME
from scenarios.accounts import Account
from scenarios.cookies import CookieJar
from scenarios.prepared import filled
from scenarios.received import Headers
from scenarios.request import Request

ABOUT_A_SECRET = re.compile(r"(?i)author(?!iz)|[_-](?:type|method|kind|mode)$")
"""Names that hold such a word and hold no secret: `author`, `token_type`."""

_SECRET_NAME = re.compile(
    SECRET_NAME.pattern + r"|\bpass\b|passphrase|passcode|(?:\b|_)pin\b|otp\b|jwt|[cx]srf|assertion|signature"
    r"|(?:\b|[a-z][_-]?)key\b"
)
"""How what we send is called: more than an answer's fields, which clients must be able to read."""

SECRET_NUMBER = re.compile(
    r"(?i)(?:password|passwd|pwd|pass(?:phrase|code)|secret|token|credential|(?:api|access|private|secret)[_-]?key"
    r"|session(?:[_-]?id)?|jwt|otp|(?:\b|_)(?:pass|pin|sid))$"
)
"""The same for a number: what only begins so is a limit or a length (`max_tokens`, `token_ttl`)."""

FEWEST_DIGITS = 4
"""A shorter number stands in every second sentence."""

_HARMLESS = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-language",
        "content-type",
        "dnt",
        "from",
        "host",
        "if-modified-since",
        "if-none-match",
        "origin",
        "pragma",
        "prefer",
        "range",
        "referer",
        "te",
        "user-agent",
        "x-requested-with",
    ]
)
"""Headers whose values answers may repeat. Any other may be a key, under whatever name."""

_LONG = 8
"""Shorter texts may be words."""

_BETWEEN = re.compile(r"[\s,;=\"']+")


def hidden_in(
    request: Request,
    account: Account,
    variables: Mapping[str, str],
    cookies: CookieJar | None,
    answer: Headers | None,
) -> list[str]:
    """Every secret of one exchange, for `recording.scrub`.

    Names of accounts are among them, since a run keeps their slots only; so are all saved values, and what
    the target file itself writes into headers and fields with telling names (an API key).
    """
    secrets = hidden_of(account, variables, cookies) + written_in(request, variables)
    for line in answer.all("Set-Cookie") if answer is not None else []:
        secrets.append(line.partition(";")[0].partition("=")[2].strip())
    return secrets


def hidden_of(account: Account, variables: Mapping[str, str], cookies: CookieJar | None) -> list[str]:
    """What a user knows, whatever it sends."""
    kept = cookies.values() if cookies is not None else []
    return [account.username, account.password, *variables.values(), *kept]


def written_in(request: Request, variables: Mapping[str, str]) -> list[str]:
    """What a request itself says in headers, fields and its query."""
    headers = filled([f"{name}\0{value}" for name, value in request.headers.items()], variables)
    secrets = [secret for header in headers for secret in _of_header(*header.split("\0", 1))]
    query = dict(parse_qsl(urlsplit(request.path).query))
    return secrets + list(filled([*_told(request.json_body), *_told(request.form), *_told(query)], variables))


def _of_header(name: str, value: str) -> Iterator[str]:
    """A service may repeat a part of a value alone: the token behind "Bearer", one of several cookies."""
    if not names_a_secret(name):
        if name.lower() not in _HARMLESS and len(value) >= _LONG:
            yield value
        return
    yield value
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        return
    scheme, _, behind = value.partition(" ")
    yield from behind.split()
    yield from (part for part in _BETWEEN.split(behind) if len(part) >= _LONG)
    if scheme.lower() == "basic":
        with suppress(binascii.Error):
            yield b64decode(behind).decode(errors="replace").partition(":")[2]


def _told(value: Any, *, is_secret: bool = False, is_below: bool = False) -> Iterator[str]:
    """Texts and numbers under a key whose name says that they are secret, in a list there too. Of what lies
    deeper below such a key only what nobody says in a sentence: the method in
    {"auth": {"method": "password"}} is a word that answers need."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            name = str(key)  # JSON's names are texts, YAML's may be numbers
            told = names_a_secret(name) and (not _is_number(below) or SECRET_NUMBER.search(name) is not None)
            yield from _told(below, is_secret=told, is_below=is_below or is_secret)
    elif isinstance(value, list):
        for below in value:
            yield from _told(below, is_secret=is_secret, is_below=is_below)
    elif isinstance(value, str):
        if is_secret or (is_below and _is_made(value)):
            yield value
    elif _is_number(value):
        text = json.dumps(value)
        if sum(map(str.isdigit, text)) >= FEWEST_DIGITS and (is_secret or (is_below and _is_made(text))):
            yield text


@lru_cache(maxsize=1024)  # asked with every failed request, of the same few names
def names_a_secret(name: str) -> bool:
    """Whether a header or a field is called so that its value is nobody's business."""
    return _SECRET_NAME.search(name) is not None and ABOUT_A_SECRET.search(name) is None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_made(text: str) -> bool:
    """Whether a text is none of the words that a sentence is made of."""
    return len(text) >= 2 * _LONG or (len(text) >= _LONG and any(char.isdigit() for char in text))
