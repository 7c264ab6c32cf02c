"""Words for closed answers: complete, and true to what was measured."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from analysis.render import answers
from analysis.verdict import (
    LatencyMs,
    LoadAnswer,
    Percentiles,
    Severity,
    SloOutcome,
    SloResult,
    TemporalAnswer,
    YesNo,
)
from recording.outcomes import OUTCOMES

from .builders import make_verdict, no_data_verdict


def test_every_answer_has_words() -> None:
    assert set(answers.LOAD) == set(get_args(LoadAnswer))
    assert set(answers.TEMPORAL) == set(get_args(TemporalAnswer))
    assert set(answers.DRIFT) == set(get_args(YesNo))
    assert set(answers.SLO) == set(get_args(SloOutcome))
    assert set(answers.SEVERITY) == set(get_args(Severity))
    assert set(answers.OUTCOMES) == set(OUTCOMES)


@pytest.mark.parametrize(
    ("target", "value", "low", "high", "outcome", "text"),
    [
        ("error_rate < 5 %", 0.166, 0.159, 0.173, "missed", "16.6 % (15.9–17.3 %)"),
        ("p99(ok) < 1000 ms", 898.0, None, None, "met", "898 ms"),
        ("freeze < 2 s", 3.4, None, None, "missed", "3.4 s"),
        ("p99 < 1000 ms", None, 2000.0, None, "missed", "at least 2 s"),
        ("p99 < 1000 ms", 900.0, None, None, "no_data", "no data"),
        ("made by hand", 3.0, None, None, "met", "3"),
    ],
)
def test_targets_are_told_in_their_own_unit(
    target: str, value: float | None, low: float | None, high: float | None, outcome: SloOutcome, text: str
) -> None:
    result = SloResult(name="x", target=target, value=value, low=low, high=high, outcome=outcome, text="")
    assert answers.slo_value(result) == text


def values(latency: LatencyMs) -> list[str]:
    return [figure.value for figure in answers.latency_rows(latency)[-1].figures]


def test_infinite_is_told_from_unknown() -> None:
    known = make_verdict().latency_ms
    assert values(known) == ["233 ms", "∞", "∞", "∞"]
    assert values(no_data_verdict().latency_ms) == ["–", "–", "–", "–"]
    few = Percentiles(n=16, p50=200, p95=None, p99=None)
    assert values(known.model_copy(update={"all": few, "failures_infinite": few})) == [
        "200 ms",
        "–",
        "–",
        "–",
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"p99": 900.0, "p99_low": 850.0, "p99_high": 1210.0}, "900 ms (850 ms – 1.21 s)"),
        ({"p99": 900.0, "p99_low": 850.0, "p99_high": 951.0}, "900 ms (850–951 ms)"),
        ({"p99": 900.0, "p99_low": 850.0}, "900 ms (from 850 ms)"),
        ({"p99": 900.0, "p99_high": 950.0}, "900 ms (up to 950 ms)"),
        ({"p99": 900.0, "p99_low": 850.0, "infinite": ["p99_high"]}, "900 ms (850 ms – ∞)"),
        ({"p99": None, "p99_low": 850.0, "infinite": ["p99", "p99_high"]}, "∞ (from 850 ms)"),
        ({"p99": None, "infinite": ["p99", "p99_low", "p99_high"]}, "∞"),
        ({"p99": None}, "–"),
    ],
)
def test_a_percentile_says_how_well_it_is_known(changes: dict[str, Any], text: str) -> None:
    view = Percentiles(**{"n": 500, "p50": 1.0, "p95": 2.0, "p99": None, **changes})
    latency = make_verdict().latency_ms.model_copy(update={"ok": view})
    assert str(answers.latency_rows(latency)[0].figures[2]) == text


def test_every_view_stands_at_every_level() -> None:
    views = answers.latency_by_level(make_verdict())
    assert [name for name, _, _ in views] == ["Successes", "Answered", "All requests", "Failures as infinite"]
    assert {len(levels) for _, _, levels in views} == {5}
    assert answers.latency_by_level(no_data_verdict()) == []


def test_the_parts_of_the_error_rate_end_with_their_sum() -> None:
    rows = answers.attribution_rows(make_verdict())
    assert [row[0] for row in rows] == [
        "503 Service Unavailable",
        "500 Internal Server Error",
        "total time limit reached",
        "All failures",
    ]
    assert rows[-1][2:] == ["16.6 %", "100 %", "1.3 %", "41.4 %", "+34 points"]
    assert answers.attribution_rows(make_verdict(attribution_text="")) == []


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("503", "503 Service Unavailable"),
        ("599", "599"),
        ("reset", "connection reset"),
        ("0", "no HTTP answer"),
    ],
)
def test_statuses_have_names(status: str, text: str) -> None:
    assert answers.status_name(status) == text
