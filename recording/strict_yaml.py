"""Strict YAML: refuses what means something else than its author thought, costs without end, or kills us.

YAML 1.1 reads `NO` as false, `012` as ten, `1:30` as ninety and `2026-01-01` as a date. libyaml crashes the
process on text that is nested deeply enough.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

_TAG = "tag:yaml.org,2002:"
_PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,39})")
_PLAIN_FLOAT = re.compile(r"[-+]?[\d.]+([eE][-+]?\d{1,3})?")
_BUILDER_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError)
"""What PyYAML lets through where a value is none of its kind, or an escape names no character."""


class StrictLoader(yaml.SafeLoader):
    """SafeLoader without aliases, tags and surprising scalars, and with a limit to nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node and all below it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refused("aliases (*name) are not allowed", event.start_mark)
        if getattr(event, "tag", None) not in (None, "!"):
            raise _refused("tags (!name) are not allowed", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            _check_plain(node)
        return node


def composed(text: str) -> yaml.Node | None:
    """The tree of a strict YAML text; None if there is nothing in it.

    Raises:
        yaml.YAMLError: it is none.
    """
    try:
        return yaml.compose(text, Loader=StrictLoader)
    except _BUILDER_ERRORS as error:
        raise yaml.YAMLError(f"a character cannot be read: {error}") from error


def values_of(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    """The values of a node.

    Raises:
        yaml.YAMLError: one of them is none of its kind.
    """
    try:
        return loader.construct_document(node)
    except _BUILDER_ERRORS as error:
        raise yaml.YAMLError(f"a value cannot be read: {error}") from error


def read_bounded(text: str, max_depth: int, loader: type[Any] = yaml.SafeLoader) -> Any:
    """The value of a text that another program wrote, which may therefore have aliases, dates and the like.

    Raises:
        yaml.YAMLError: it is no YAML, or is nested deeper than `max_depth`.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > max_depth:
                raise _refused(f"nested deeper than {max_depth} levels", event.start_mark)
        return yaml.load(text, loader)
    except _BUILDER_ERRORS as error:
        raise yaml.YAMLError(f"a value cannot be read: {error}") from error


def _check_plain(node: yaml.ScalarNode) -> None:
    kind, value = node.tag.removeprefix(_TAG), node.value
    if kind == "bool" and value.lower() not in ("true", "false"):
        raise _refused(f"{value} is a truth value in YAML: write true or false, or quote it", node.start_mark)
    if kind == "timestamp":
        raise _refused(f"{value} is a date in YAML: quote it", node.start_mark)
    plain = {"int": _PLAIN_INTEGER, "float": _PLAIN_FLOAT}.get(kind)
    if plain is not None and not plain.fullmatch(value):
        raise _refused(f"{value[:40]} is no plain number: write it in decimal, or quote it", node.start_mark)


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
