"""Error text: what a failed answer says, wherever services put it, and whether that says anything.

The recorder names failures by it, and analysis judges it: both read an answer alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

KEYS = (
    "error",
    "message",
    "detail",
    "title",
    "reason",
    "error_description",
    "msg",
    "error_message",
    "errormessage",
    "non_field_errors",
    "errors",
    "defaultmessage",
    "violations",
)
"""Fields that hold an error text, in any case, in the order in which they are asked."""

EMPTY_BODY, HTML_PAGE, NO_TEXT = "empty body", "HTML page", "no error text"
NOTES = frozenset({EMPTY_BODY, HTML_PAGE, NO_TEXT})
"""What the recorder writes in place of a text where the answer has none: its own words, not the target's."""

_DEEPEST = 5
_MOST = 50
_MOST_READ = 1_000
"""Characters of a text that are read to see whether it says anything: it is remembered with the answer, and a
target may send megabytes."""
_FIELDS_OF = ("error", "errors", "violations")
"""Under these an object may hold texts by the names of fields, as Rails and Laravel do."""
_WORD = re.compile(r"[^\W\d_]+")
_FILLING = frozenset(
    {"a", "an", "the", "has", "have", "occurred", "http", "status", "code", "error", "errors", "exception"}
)
_ID = re.compile(r"\b(?:request|trace|correlation|incident)[ _-]?id\b.*", re.IGNORECASE | re.DOTALL)
_ASKING = frozenset({"please", "try", "retry", "again", "later", "sorry", "oops"})
_VAGUE = frozenset(
    {
        "",
        "failed",
        "failure",
        "internal",
        "internal failure",
        "internal server",
        "no message available",
        "none",
        "null",
        "object object",
        "operation failed",
        "request could not be processed",
        "request failed",
        "request failed with",
        "server",
        "something went wrong",
        "something went wrong on our end",
        "undefined",
        "unexpected",
        "unexpected server",
        "unhandled",
        "unknown",
        "while processing your request",
    }
)
"""Texts that say nothing about what happened, without `_FILLING`."""

_STATUS_NAMES = frozenset(
    {
        "bad gateway",
        "bad request",
        "conflict",
        "forbidden",
        "gateway time out",
        "gateway timeout",
        "method not allowed",
        "not found",
        "page not found",
        "service temporarily unavailable",
        "service unavailable",
        "unauthorized",
        "unavailable",
        "unprocessable content",
        "unprocessable entity",
    }
)
"""Names of statuses that tell no cause. Others do, such as `Too Many Requests` and `Content Too Large`."""


def error_texts(value: object) -> list[str]:
    """Every error text of a JSON value, the likeliest first; at most 50.

    Understood are a bare string, texts and objects under one of `KEYS`, and lists of either: RFC 9457, OAuth,
    Spring, FastAPI, Django REST framework, GraphQL, JSON:API, gRPC gateways.
    """
    return list(islice(_texts(value, _DEEPEST), _MOST))


def most_telling(texts: Sequence[str]) -> str:
    """The first that says something, else the first; "" if there is none."""
    return next((text for text in texts if not says_nothing(text)), texts[0] if texts else "")


def message_of(value: object, *, empty: bool, content_type: str) -> str:
    """What a failure is called: the error text of its answer, or our note of what stands in its place.

    Args:
        value: the body as JSON; None if it is none.
        empty: whether there is no body.
        content_type: of the answer.
    """
    if text := most_telling(error_texts(value)):
        return text
    if empty:
        return EMPTY_BODY
    return HTML_PAGE if "html" in content_type else NO_TEXT


def says_nothing(text: str) -> bool:
    """Whether a text says no more than a status does: `Internal Server Error`, `HTTP 404: Not Found`."""
    return _says_nothing(text[:_MOST_READ])


@lru_cache(maxsize=1024)
def _says_nothing(text: str) -> bool:
    words = [word for word in _WORD.findall(_ID.sub("", text.lower())) if word not in _FILLING]
    return " ".join(words) in _STATUS_NAMES or " ".join(w for w in words if w not in _ASKING) in _VAGUE


def _texts(value: object, depth: int, *, by_field: bool = True) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif depth and isinstance(value, list):
        for item in value:
            yield from _texts(item, depth - 1, by_field=False)
    elif depth and isinstance(value, dict):
        named = {key.lower(): held for key, held in value.items()}
        keys = [key for key in KEYS if key in named]
        for key in keys:
            yield from _texts(named[key], depth - 1, by_field=key in _FIELDS_OF)
        if by_field and not keys:
            yield from _of_fields(value)


def _of_fields(value: Mapping[str, object]) -> Iterator[str]:
    """Of an object that holds nothing but lists of sentences: a list for each field that is wrong."""
    lists = [(field, held) for field, held in value.items() if isinstance(held, list)]
    texts = [(field, text) for field, held in lists for text in held if isinstance(text, str) and " " in text]
    if len(lists) == len(value) and len(texts) == sum(len(held) for _, held in lists):
        yield from (f"{field}: {text}" for field, text in texts)
