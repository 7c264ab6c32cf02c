"""Prepared: a request of a target made ready once, so that each sending fills in its variables only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from scenarios.request import VARIABLE, Request

USER_AGENT = "loadverdict"
FORM_TYPE = "application/x-www-form-urlencoded"
_KEPT_IN_PATH = "!#$%&'()*+,/:;=?@[]~"
_IN_JSON = re.compile(r"\\ue000([a-z_]+)\\ue001")
_BREAKS = re.compile(r"[\r\n\0]")


class UnsendableError(ValueError):
    """A variable holds what no request can carry in that place.

    Attributes:
        value: what it holds.
    """

    def __init__(self, why: str, value: str) -> None:
        super().__init__(why)
        self.value = value


def filled(template: Any, variables: Mapping[str, str]) -> Any:
    """A template with `{name}` replaced by its value, through lists and mappings; other braces stay."""
    if isinstance(template, str):
        return VARIABLE.sub(lambda match: variables.get(match.group(1), match.group(0)), template)
    if isinstance(template, Mapping):
        return {key: filled(value, variables) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, variables) for value in template]
    return template


def _in_path(value: str) -> str:
    return quote(value, safe=_KEPT_IN_PATH)


def _in_header(value: str) -> str:
    if _BREAKS.search(value):
        raise UnsendableError("a line break in a header", value)
    return value


def _in_json(value: str) -> str:
    return encode_basestring_ascii(value)[1:-1]


class Template:
    """Text with variables, cut into pieces once."""

    __slots__ = ("_pieces", "constant")

    def __init__(self, pieces: list[tuple[bytes, str, Callable[[str], str]]], rest: bytes) -> None:
        self._pieces = pieces
        self.constant: bytes | None = None if pieces else rest
        self._pieces = [*pieces, (rest, "", str)]

    @classmethod
    def of(
        cls,
        text: str,
        escape: Callable[[str], str],
        mark: re.Pattern[str] = VARIABLE,
        rest: Callable[[str], str] = str,
    ) -> Template:
        """Cut a text at its variables.

        Args:
            text: with variables.
            escape: what values need in their place.
            mark: how a variable looks.
            rest: what the text around them needs.
        """
        pieces, at = [], 0
        for match in mark.finditer(text):
            pieces.append((rest(text[at : match.start()]).encode(), match.group(1), escape))
            at = match.end()
        return cls(pieces, rest(text[at:]).encode())

    def __add__(self, other: Template) -> Template:
        """Both, one behind the other."""
        *pieces, (end, _, _) = self._pieces
        *following, (rest, _, _) = other._pieces
        if not following:
            return Template(pieces, end + rest)
        begin, name, escape = following[0]
        return Template([*pieces, (end + begin, name, escape), *following[1:]], rest)

    def filled(self, variables: Mapping[str, str]) -> bytes:
        """With values for the variables; names that have none stay as they are."""
        if self.constant is not None:
            return self.constant
        parts: list[bytes] = []
        for literal, name, escape in self._pieces:
            parts.append(literal)
            if name:
                value = variables.get(name)
                parts.append(f"{{{name}}}".encode() if value is None else _encoded(value, escape))
        return b"".join(parts)


def _encoded(value: str, escape: Callable[[str], str]) -> bytes:
    try:
        return escape(value).encode()
    except UnicodeEncodeError:
        raise UnsendableError("half a character", value) from None


class Prepared:
    """One request of a target at a base URL.

    Attributes:
        request: what it was made from.
        is_head: whether the answer has no body.
    """

    __slots__ = ("_body", "_head", "_whole", "is_head", "request")

    def __init__(self, request: Request, base_url: str, *, fresh: bool = False) -> None:
        self.request = request
        self.is_head = request.method == "HEAD"
        self._body = _body(request)
        self._head = _head(request, urlsplit(base_url).netloc, fresh, self._body is not None)
        self._whole: bytes | None = None
        if self._head.constant is not None and (self._body is None or self._body.constant is not None):
            self._whole = self.message({})

    def message(self, variables: Mapping[str, str], cookies: str = "") -> bytes:
        """All bytes of the request.

        Raises:
            UnsendableError: a variable cannot stand where it should.
        """
        if self._whole is not None and not cookies:
            return self._whole
        head = self._head.filled(variables)
        if cookies:
            head += b"Cookie: %b\r\n" % cookies.encode("latin-1", "replace")
        if self._body is None:
            return head + b"\r\n"
        body = self._body.filled(variables)
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _body(request: Request) -> Template | None:
    if request.form is not None:
        pairs = ("&" * (i > 0) + quote_plus(name) + "=" for i, name in enumerate(request.form))
        body = Template.of("", str)
        for before, value in zip(pairs, request.form.values(), strict=True):
            body += Template([], before.encode()) + Template.of(value, quote_plus, rest=quote_plus)
        return body
    if request.json_body is None:
        return None
    # Characters of the private use area stand for the braces while the text is made: what was a brace of
    # JSON stays one, and a variable is found again.
    marked = _marked(request.json_body)
    return Template.of(json.dumps(marked, allow_nan=False), _in_json, _IN_JSON)


def _marked(template: Any) -> Any:
    if isinstance(template, str):
        return VARIABLE.sub("\ue000\\1\ue001", template)
    if isinstance(template, Mapping):
        return {key: _marked(value) for key, value in template.items()}
    return [_marked(value) for value in template] if isinstance(template, list) else template


def _head(request: Request, netloc: str, fresh: bool, has_body: bool) -> Template:
    headers = {"Host": netloc, "User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
    if has_body:
        headers["Content-Type"] = FORM_TYPE if request.form is not None else "application/json"
    if fresh:
        headers["Connection"] = "close"
    given = {name.lower() for name in request.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in given} | request.headers
    if not has_body and request.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = "0"
    path = quote(request.path, safe=_KEPT_IN_PATH + "{}")
    head = Template.of(f"{request.method} ", str) + Template.of(path, _in_path)
    head += Template.of(" HTTP/1.1\r\n", str)
    for name, value in headers.items():
        head += Template.of(_in_header(f"{name}: {value}"), _in_header) + Template.of("\r\n", str)
    return head
