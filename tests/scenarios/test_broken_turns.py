"""Broken turns: all are counted, each text is told once, and no more texts than a disk can hold."""

from __future__ import annotations

import logging
from types import FunctionType

import pytest

from scenarios.broken_turns import MOST_KINDS, BrokenTurns
from scenarios.raised import MOST_PLACES, places


def test_each_text_is_told_once_and_few_of_them(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, BaseException]] = []
    turns = BrokenTurns(lambda *what: told.append(what))
    turns.begun = 900
    with caplog.at_level(logging.ERROR, "loadverdict"):
        for number in range(300):
            turns.note("KeyError in shop.py:4: 'missing'", KeyError(number), by_itself=True)
            text = f"ValueError in shop.py:5: order {number}"
            turns.note(text, ValueError(number), by_itself=number % 3 > 0)
    assert turns.figures() == {"turns_begun": 900, "turns_broken": 500}
    assert len(told) == len({text for text, _ in told}) == len(caplog.records) == MOST_KINDS
    assert repr(told[0][1]) == "KeyError(0)"


def raised_in(function: FunctionType, *arguments: object) -> BaseException:
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def without_end(key: str) -> str:
    return without_end(key) + "hush-hush"


def compiled(key: str) -> None:
    exec(compile(f"raise ValueError('{key}')", f"<{key}>", "exec"))


def test_the_way_of_an_exception_is_places_only() -> None:
    deep = places(raised_in(without_end, "hush-hush")).splitlines()
    assert len(deep) == MOST_PLACES
    assert deep[-1].startswith('  File "test_broken_turns.py", line ')
    made = places(raised_in(compiled, "hush-hush"))
    assert made.count("in compiled") == 1
    # Neither source, nor arguments, nor the name of what is no file.
    assert "hush" not in "".join([*deep, made])
