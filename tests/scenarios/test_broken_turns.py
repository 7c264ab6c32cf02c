"""Broken turns: all are counted, each text is told once, and no more texts than a disk can hold."""

from __future__ import annotations

import logging

import pytest

from scenarios.broken_turns import MOST_KINDS, BrokenTurns


def test_each_text_is_told_once_and_few_of_them(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    turns = BrokenTurns(told.append)
    turns.begun = 900
    with caplog.at_level(logging.ERROR, "loadverdict"):
        for number in range(300):
            turns.note("KeyError in shop.py:4: 'missing'", by_itself=True)
            turns.note(f"ValueError in shop.py:5: order {number}", by_itself=number % 3 > 0)
    assert turns.figures() == {"turns_begun": 900, "turns_broken": 500}
    assert len(told) == len(set(told)) == len(caplog.records) == MOST_KINDS
