"""Cut JSON: what the beginning of a JSON text still says, where only that was kept."""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],]', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def read_beginning(text: str) -> Any:
    """The value up to the last comma, with what was open there closed; None if that is no JSON."""
    open_ends: list[str] = []
    end, closing = 0, ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _CLOSING:
            open_ends.append(_CLOSING[mark])
        elif mark in ("}", "]"):
            del open_ends[-1:]
        elif mark == ",":
            end, closing = token.start(), "".join(reversed(open_ends))
    try:
        return json.loads(text[:end] + closing)
    except (ValueError, RecursionError):
        return None
