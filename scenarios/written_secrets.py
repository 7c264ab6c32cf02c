"""Written secrets: passwords and keys that stand in a configuration file itself, which others may read.

Only names tell what is secret, so these are meant to be warned of and nothing more. What has no telling name
is not seen: a key in a query called `sig`, a value below `credentials`, a token written onto a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from recording.scrub import SECRET_NAME
from scenarios.hidden import ABOUT_A_SECRET, SECRET_NUMBER, names_a_secret
from scenarios.yaml_file import read_yaml

_FILLED_IN = re.compile(r"\{[a-z_]+\}|\$\{[A-Za-z_][A-Za-z0-9_]*\}")
"""What stands for another value, in a request and in a probe."""

At = tuple[str, ...]


def written_secrets(path: Path) -> list[str]:
    """The keys of a target or behaviour file under which a secret stands as it is, such as
    `requests.login.json.password`.

    What is sent to be refused is left out: a wrong password is nobody's.

    Raises:
        UsageError: the file cannot be read.
    """
    values = read_yaml(path).values
    return [".".join(at) for part, one in _parts(values) for at in _of_part(part, one)]


def _parts(values: Mapping[str, Any]) -> Iterator[tuple[At, Mapping[str, Any]]]:
    """Requests, steps and probes of a file that was found to be right."""
    for kind in ("requests", "probes"):
        yield from (((kind, name), one) for name, one in (values.get(kind) or {}).items())
    yield from _steps(("steps",), values.get("steps"))
    for index, way in enumerate(values.get("choose") or ()):
        yield from _steps(("choose", str(index), "steps"), way.get("steps"))


def _steps(at: At, steps: Any) -> Iterator[tuple[At, Mapping[str, Any]]]:
    yield from (((*at, str(i)), one) for i, one in enumerate(steps or ()) if isinstance(one, Mapping))


def _of_part(at: At, part: Mapping[str, Any]) -> Iterator[At]:
    if _is_to_be_refused(part):
        return
    for name, value in (part.get("headers") or {}).items():
        if names_a_secret(name) and _is_literal(value):
            yield (*at, "headers", name)
    for key in ("json", "form"):
        yield from _below((*at, key), part.get(key))
    for key in ("path", "url", "command"):
        if any(_holds_a_secret(word) for word in str(part.get(key) or "").split()):
            yield (*at, key)


def _is_to_be_refused(part: Mapping[str, Any]) -> bool:
    status = (part.get("expect") or {}).get("status", 200)
    return all(int(each) >= 400 for each in (status if isinstance(status, list) else [status]))


def _below(at: At, value: Any, *, is_secret: bool = False) -> Iterator[At]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            name = str(key)  # JSON's names are texts, YAML's may be numbers
            yield from _below((*at, name), below, is_secret=_is_secret_field(name, below))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _below((*at, str(index)), below, is_secret=is_secret)
    elif is_secret and _is_literal(value):
        yield at


def _is_secret_field(name: str, value: Any) -> bool:
    """Fewer names than are hidden: `sort_key` is none to warn of. A number is a limit or a length often."""
    if SECRET_NUMBER.search(name) is not None:
        return True
    is_about = ABOUT_A_SECRET.search(name) is not None
    return isinstance(value, str | list) and SECRET_NAME.search(name) is not None and not is_about


def _is_literal(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    text = str(value).strip()
    return bool(text) and _FILLED_IN.search(text) is None


def _holds_a_secret(url: str) -> bool:
    """Whether a URL names a password, or a key in its query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold a variable
        return False
    asked = parse_qsl(parts.query)
    return _is_literal(parts.password) or any(_is_secret_field(n, v) and _is_literal(v) for n, v in asked)
