"""Numbers read as people write them."""

from __future__ import annotations

import pytest

from analysis.render import wording
from analysis.verdict import Interval


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0 %"),
        (0.166, "16.6 %"),
        (0.0004, "0.04 %"),
        (0.05, "5 %"),
        (0.42, "42 %"),
        (0.99996, "99.99 %"),
        (1, "100 %"),
        (None, "no data"),
        (float("nan"), "no data"),
    ],
)
def test_percent_has_sensible_digits(ratio: float | None, text: str) -> None:
    assert wording.percent(ratio) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "n", "text"),
    [
        (0.31, 0.24, 0.38, 160, "31 % (24–38 %)"),
        (0.166, 0.159, 0.173, 15301, "16.6 % (15.9–17.3 %)"),
        (0.0, 0.0, 0.003, 1000, "0 % (under 0.3 %)"),
        (0.0004, 0.0001, 0.0008, 10000, "0.04 % (0.01–0.08 %)"),
        (0.002, 0.0, 0.2, 5, "0.2 % (0–20 %)"),
        (None, None, None, 0, "no data"),
        (0.5, None, None, 4, "50 %"),
    ],
)
def test_interval_has_the_digits_it_bears(
    value: float | None, low: float | None, high: float | None, n: int, text: str
) -> None:
    assert wording.interval(Interval(value=value, low=low, high=high, n=n)) == text


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (0, "0 ms"),
        (4.2, "4.2 ms"),
        (850, "850 ms"),
        (999.7, "1 s"),
        (1049, "1.05 s"),
        (1200, "1.2 s"),
        (901_405, "15 min 1 s"),
        (None, "–"),
        (float("inf"), "–"),
    ],
)
def test_durations_pick_their_unit(duration_ms: float | None, text: str) -> None:
    assert wording.milliseconds(duration_ms) == text


def test_a_negative_difference_has_a_real_minus() -> None:
    assert wording.points(-0.003) == "−0.3 points"
    assert wording.points_span(-0.012, 0.2) == "−1.2 to +20"


def test_long_runs_are_told_in_hours() -> None:
    assert wording.seconds(7500) == "2 h 5 min"
    assert wording.moment(3750) == "1:02:30"


def test_clean_removes_terminal_sequences_whole_and_stays_on_one_line() -> None:
    assert wording.clean("a\x1b[31mred\x1b[0m\x1b]0;title\x07\x00\r\nb\u202e\x9bc\ud800") == "ared bc"


def test_clean_cuts_long_texts() -> None:
    text = wording.clean("x" * 100_000, 50)
    assert len(text) == 50
    assert text.endswith("…")
