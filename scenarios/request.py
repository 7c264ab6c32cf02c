"""Request: what is sent, which answer is right, and what of the answer later requests need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from recording.names import MOST_ENDPOINTS, OTHER
from scenarios.config import Model

VARIABLE = re.compile(r"\{([a-z_]+)\}")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAKS = re.compile(r"[\r\n\0]")

HEADER, COOKIE = "header:", "cookie:"
"""How a value to save that is no JSON path begins."""

Status = Annotated[int, Field(ge=100, le=599)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, int | str) else value


def _source(value: str) -> str:
    if not value.removeprefix(HEADER).removeprefix(COOKIE).strip():
        raise ValueError("expected a JSON path like data.token, 'header:NAME' or 'cookie:NAME'")
    return value


Source = Annotated[str, AfterValidator(_source)]


class Expect(Model):
    """Which answer is right: the status (one, or any of a list), and paths that its JSON must hold."""

    status: Annotated[tuple[Status, ...], BeforeValidator(_as_list), Field(min_length=1)] = (200,)
    json_fields: tuple[str, ...] = ()


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header")
    if name.lower() in ("content-length", "transfer-encoding"):
        raise ValueError(f"{name} follows from the body, which is given by 'json' or 'form'")
    return name


def _header_value(value: str) -> str:
    if _BREAKS.search(value):
        raise ValueError("a header has no line breaks")
    return value


def _request_name(name: str) -> str:
    if name == OTHER:
        raise ValueError(
            f"{OTHER!r} is what all are called that come after {MOST_ENDPOINTS} names; choose another"
        )
    return name


RequestName = Annotated[str, AfterValidator(_request_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]


class Sent(Model):
    """What every request may say. `{username}`, `{password}` and saved values stand for themselves in path,
    headers and body.

    Attributes:
        method: HTTP method.
        json_body: sent as JSON.
        form: sent as a form (`application/x-www-form-urlencoded`).
        headers: sent with the request.
        expect: the right answer.
        save: what is kept for the following requests of the turn: variable -> JSON path (`data.items.0.id`),
            `header:NAME` or `cookie:NAME`. An answer without it is wrong.
        redirects: how many are followed, on the same host only.
    """

    method: Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)$")] = "GET"
    json_body: dict[str, Any] | None = Field(default=None, alias="json")
    form: dict[str, str] | None = None
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    expect: Expect = Expect()
    save: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Source] = Field(default_factory=dict)
    redirects: Annotated[int, Field(ge=0, le=20)] = 0

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.form is not None:
            raise ValueError("a request has one body: 'json' or 'form'")
        return self


class Request(Sent):
    """One request below the target's base URL."""

    path: Annotated[str, Field(pattern=r"^/")]

    def variables(self) -> set[str]:
        """Names of the variables that it needs."""
        return set(VARIABLE.findall(self.model_dump_json(exclude={"save", "expect"})))

    def missing_in(self, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> str:
        """The first thing that the answer should hold and does not; "" if it holds everything."""
        for path in self.expect.json_fields:
            if not has_path(fields, path):
                return path
        return next((what for what in self.save.values() if extracted(what, fields, headers) is None), "")

    def saved_from(self, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> dict[str, str]:
        """The variables that the answer gives."""
        return {name: extracted(what, fields, headers) or "" for name, what in self.save.items()}


def extracted(source: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> str | None:
    """A value of an answer as text; None if the answer does not hold it.

    Args:
        source: JSON path, `header:NAME` or `cookie:NAME`.
        fields: the answer's JSON object, if it is one.
        headers: the answer's headers; several cookies may stand in one header, joined by commas.
    """
    if source.startswith(HEADER):
        return _header(headers, source.removeprefix(HEADER))
    if source.startswith(COOKIE):
        name = re.escape(source.removeprefix(COOKIE).strip())
        found = re.search(rf"(?:^|[,;]\s*){name}=([^;,]*)", _header(headers, "set-cookie") or "")
        return found[1].strip('" ') if found else None
    value = _at(fields, source) if has_path(fields, source) else None
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def has_path(fields: Any, path: str) -> bool:
    """Whether JSON holds a path, be it with null."""
    try:
        _at(fields, path)
    except (LookupError, ValueError, TypeError):
        return False
    return True


def _at(fields: Any, path: str) -> Any:
    if isinstance(fields, dict) and path in fields:
        return fields[path]  # a key may itself contain dots
    for part in path.split("."):
        fields = fields[int(part)] if isinstance(fields, list) else fields[part]
    return fields


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name.strip().lower()), None)
