"""JSON number: whether a value of a JSON file is a number that a file can mean."""

from __future__ import annotations

from typing import TypeGuard

LARGEST = 1e18


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number of a sane size; JSON knows true, NaN, 1e999 and numbers of 400 digits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST
