"""YAML file: read strictly, with the place of every key, and checked so that all mistakes come at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from recording.errors import UsageError
from recording.scrub import HIDDEN, SECRET_NAME, one_line, scrub
from recording.strict_yaml import MAX_BYTES, StrictLoader, composed, values_of
from recording.whole_file import whole_file

SHOWN = 20
"""More mistakes than this are counted, not listed."""

Model = TypeVar("Model", bound=BaseModel)
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its values, and line and column (from 1) of every key and item."""

    path: Path
    values: dict[str, Any]
    places: dict[Path_, tuple[int, int]]


def read_yaml(path: Path) -> Document:
    """Read one YAML mapping.

    Refuses what silently means something else than the author thought: duplicate keys, several documents,
    anything but a mapping at the top, and what `recording.strict_yaml` refuses.

    Raises:
        UsageError: the file cannot be read or is not such a mapping; the message names line and column.
    """
    try:
        raw = whole_file(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        node = composed(text)
        if not isinstance(node, yaml.MappingNode):
            raise UsageError(
                f"{path}: expected keys with values, found {'nothing' if node is None else 'no mapping'}"
            )
        places = dict(_places(node, (), path))
        values = cast("dict[str, Any]", values_of(StrictLoader(""), node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{path}{where}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {one_line(str(error))}") from error
    return Document(path, values, places)


def _places(node: yaml.Node, at: Path_, path: Path) -> Iterator[tuple[Path_, tuple[int, int]]]:
    yield at, (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, (*at, index), path)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if not isinstance(key, yaml.ScalarNode):
                raise UsageError(f"{path}:{line}:{column}: a key must be a plain word")
            if key.value in seen:
                raise UsageError(
                    f"{path}:{line}:{column}: {key.value!r} stands twice "
                    f"(first in line {seen[key.value]}); remove one"
                )
            seen[key.value] = line
            yield from _places(value, (*at, key.value), path)
            yield (*at, key.value), (line, column)


def check(model: type[Model], document: Document) -> Model:
    """The document as a model.

    Raises:
        UsageError: all mistakes of the file, a line each: place, key, what was found, what is allowed.
    """
    try:
        return model.model_validate(document.values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        inside = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
        # Pydantic counts what is right in a list: one whose only stage is wrong is "too short" to it.
        told = [one for one in details if not (one["type"] == "too_short" and one["loc"] in inside)]
        mistakes = [_sentence(model, document, detail) for detail in told]
    more = f"\n… and {len(mistakes) - SHOWN} more" if len(mistakes) > SHOWN else ""
    raise UsageError("\n".join(mistakes[:SHOWN]) + more)


def _sentence(model: type[BaseModel], document: Document, detail: ErrorDetails) -> str:
    # Pydantic adds the tag of a union's member to the path; such parts are no keys of the file.
    keys, place = _locate(document, detail["loc"], missing=detail["type"] == "missing")
    key = ".".join(str(part) for part in keys) or "the file"
    where = f"{document.path}:{place[0]}:{place[1]}"
    if detail["type"] == "extra_forbidden":
        allowed = _allowed_keys(model, keys[:-1], document.values)
        return f"{where}: unknown key {key!r}{nearest(str(keys[-1]), allowed)}"
    if detail["type"] == "missing":
        return f"{where}: {key!r} is missing"
    found = detail["input"]
    if detail["type"] == "value_error" and isinstance(found, dict):
        return f"{where}: {key}: {_plain(detail)}"
    return f"{where}: {key}: found {_shown(keys, found)}; {_plain(detail)}"


def _shown(keys: Path_, found: Any) -> str:
    """What stands in the file, unless it is somebody's secret: a message is copied into chats and tickets."""
    name = next((key for key in reversed(keys) if isinstance(key, str)), "")
    if SECRET_NAME.search(name):
        return HIDDEN
    kinds: dict[type, str] = {dict: "a mapping", list: "a list"}
    return kinds.get(type(found)) or scrub(repr(found), limit=80)


EXPECTED = {
    "union_tag_invalid": "one of {expected_tags}",
    "path_type": "the path of a file",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "invalid_key": "a key that is a word: quote it",
    "too_short": "at least {min_length} in it",
    "too_long": "at most {max_length} in it",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}
"""Words for pydantic's types of mistakes, where its own are those of a programmer."""


def _plain(detail: ErrorDetails) -> str:
    expected = EXPECTED.get(detail["type"])
    if expected is not None:
        return f"expected {expected.format(**detail.get('ctx', {}))}"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return message if detail["type"] == "value_error" else f"expected {message}"


def _locate(document: Document, loc: Path_, *, missing: bool) -> tuple[Path_, tuple[int, int]]:
    keys: Path_ = ()
    last: Path_ = ()
    for part in loc:
        if (*keys, part) in document.places:
            keys = (*keys, part)
        elif missing and part is loc[-1]:
            last = (part,)
    return (*keys, *last), document.places.get(keys, (1, 1))


def nearest(word: str, allowed: list[str]) -> str:
    """`; did you mean 'x'?` or the list of what is allowed, to be appended to a message."""
    close = difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; allowed: {', '.join(sorted(allowed))}" if allowed else ""


def _allowed_keys(model: type[BaseModel], keys: Path_, values: Mapping[str, Any]) -> list[str]:
    """Field names of the model that stands at `keys`, found by walking annotations."""
    current: list[type[BaseModel]] = [model]
    for key in keys:
        if isinstance(key, int):
            continue
        current = [
            member
            for one in current
            if key in one.model_fields
            for member in _models_in(one.model_fields[key].annotation)
        ]
        values = values.get(str(key), {}) if isinstance(values, Mapping) else {}
    tagged = [
        m
        for m in current
        if isinstance(values, Mapping)
        and "shape" in m.model_fields
        and m.model_fields["shape"].default == values.get("shape")
    ]
    return sorted({name for one in (tagged or current) for name in one.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
