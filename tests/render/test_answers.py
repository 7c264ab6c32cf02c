"""Words for closed answers: complete, and true to what was measured."""

from __future__ import annotations

from typing import get_args

import pytest

from analysis.render import answers
from analysis.verdict import (
    LoadAnswer,
    Percentiles,
    Severity,
    SloOutcome,
    SloResult,
    TemporalAnswer,
    YesNo,
)
from recording.sample import OUTCOMES

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


def test_infinite_is_told_from_unknown() -> None:
    assert answers.latency_rows(make_verdict())[-1][3] == ["240 ms", "∞", "∞", "∞"]
    assert answers.latency_rows(no_data_verdict())[-1][3] == ["–", "–", "–", "–"]
    few = Percentiles(n=16, p50=200, p95=None, p99=None)
    latency = make_verdict().latency_ms.model_copy(update={"all": few, "failures_infinite": few})
    assert answers.latency_rows(make_verdict(latency_ms=latency))[-1][3] == ["200 ms", "–", "–", "–"]


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
