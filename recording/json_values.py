"""JSON values: what others wrote, in a form that can be reckoned with and written down again."""

from __future__ import annotations

import json
from typing import Any, TypeGuard

LARGEST = 1e18
_SURROGATE = b"\\ud"


def read_json(data: bytes) -> Any:
    """The value of a JSON text.

    Half of a surrogate pair, which JSON can spell and no file can hold, becomes a question mark.

    Raises:
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return _encodable(value) if _SURROGATE in data.lower() else value


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number of a sane size; JSON knows true, NaN, 1e999 and numbers of 400 digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inner) for key, inner in value.items()}
    return [_encodable(inner) for inner in value] if isinstance(value, list) else value
