"""SLO: met, missed, and no data where nothing can be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import make_run, make_samples

from analysis import latency
from analysis.diagnose import diagnose
from analysis.render.answers import slo_value
from analysis.slo.figure import Measured
from analysis.slo.grammar import CASE_SLO, parse_slo
from analysis.slo.judge import judge
from recording.sample import Samples


def outcomes(run, *targets):
    return {result.name: result.outcome for result in diagnose(run, targets or CASE_SLO).slo}


def test_a_healthy_run_meets_the_case():
    assert set(outcomes(make_run()).values()) == {"met"}


def test_sixteen_per_cent_miss_the_error_target_with_an_interval():
    (result,) = diagnose(make_run(errors=0.166), ["error_rate < 5 %"]).slo
    assert result.outcome == "missed"
    assert result.low < result.value < result.high
    assert "missed" in result.text


def test_an_empty_run_meets_nothing():
    run = replace(make_run(), samples=Samples.empty())
    assert set(outcomes(run).values()) == {"no_data"}


def test_a_p99_from_fifty_requests_is_no_data_unless_it_is_surely_missed():
    few = make_samples(start_s=1e9 + np.arange(50.0), duration_ms=100.0)
    assert outcomes(replace(make_run(), samples=few), "p99 < 1000 ms") == {"p99": "no_data"}
    slow = make_samples(start_s=1e9 + np.arange(50.0), duration_ms=3000.0)
    assert outcomes(replace(make_run(), samples=slow), "p99 < 1000 ms") == {"p99": "missed"}


@pytest.mark.parametrize("merged", [1 << 20, 500])
def test_so_many_requests_that_failures_are_kept_apart_are_all_measured(
    merged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 requests stand for the million beyond which durations of failures are not merged with others."""
    monkeypatch.setattr(latency, "MERGED", merged)
    outcome = np.where(np.arange(3000) % 6 == 0, "ok", "http_error").tolist()
    samples = make_samples(start_s=1e9 + np.arange(3000) * 0.1, outcome=outcome)
    run = replace(make_run(), samples=samples)
    assert outcomes(run, "p99.9 < 1000 ms", "p99.9(ok) < 1000 ms") == {"p99.9": "met", "p99.9(ok)": "no_data"}
    few = replace(run, samples=samples.take(np.arange(999)))
    assert outcomes(few, "p99.9 < 1000 ms") == {"p99.9": "no_data"}


def test_time_outs_count_at_their_limit():
    duration = np.where(np.arange(1000) % 50 == 0, 5000.0, 100.0)
    outcome = np.where(np.arange(1000) % 50 == 0, "total_timeout", "ok").tolist()
    samples = make_samples(start_s=1e9 + np.arange(1000) * 0.1, duration_ms=duration, outcome=outcome)
    run = replace(make_run(), samples=samples)
    assert outcomes(run, "p99 < 1000 ms", "p99(ok) < 1000 ms") == {"p99": "missed", "p99(ok)": "met"}


def test_requests_never_answered_do_not_help_to_pass():
    outcome = np.where(np.arange(1000) >= 970, "unfinished", "ok").tolist()
    samples = make_samples(start_s=1e9 + np.arange(1000) * 0.1, duration_ms=100.0, outcome=outcome)
    run = replace(make_run(), samples=samples)
    (result,) = diagnose(run, ["p99 < 1000 ms"]).slo
    assert result.outcome == "no_data"
    assert "never answered" in result.text


@pytest.mark.parametrize("target", ["p99 < 1000 ms", "p95 < 1000 ms for 10 s"])
@pytest.mark.parametrize(
    ("ends", "duration_ms", "outcome"),
    [
        (["refused"], 3.0, "no_data"),
        (["refused", "reset", "connect_timeout"], 3.0, "no_data"),
        (["first_byte_timeout"], 2000.0, "missed"),  # it takes at least that long
        (["refused", "http_error"], 3.0, "met"),  # a 503 is an answer
        (["refused"] * 9 + ["ok"], 3.0, "met"),
    ],
)
def test_a_latency_without_any_answer_is_no_pass(
    target: str, ends: list[str], duration_ms: float, outcome: str
) -> None:
    found = (ends * 2000)[:2000]
    status = [{"ok": 200, "http_error": 503}.get(one, 0) for one in found]
    samples = make_samples(
        start_s=1e9 + np.arange(2000) * 0.02, duration_ms=duration_ms, outcome=found, status=status
    )
    (result,) = diagnose(replace(make_run(), samples=samples), [target]).slo
    assert result.outcome == outcome
    assert ("known to have been answered" in result.text) == (outcome == "no_data")


def test_an_endpoint_without_any_answer_has_no_latency() -> None:
    up = np.arange(2000) % 2 == 0
    samples = make_samples(
        start_s=1e9 + np.arange(2000) * 0.02,
        duration_ms=3.0,
        endpoint=np.where(up, "me", "login").tolist(),
        outcome=np.where(up, "ok", "refused").tolist(),
        status=np.where(up, 200, 0),
    )
    run = replace(make_run(), samples=samples)
    (login, me, both) = diagnose(
        run, ["p99(endpoint login) < 9 ms", "p99(endpoint me) < 9 ms", "p99 < 9 ms"]
    ).slo
    assert (login.outcome, me.outcome, both.outcome) == ("no_data", "met", "met")


def test_unclear_errors_without_messages_are_no_data():
    run = replace(make_run(errors=0.1), examples=(), lacks=frozenset({"message"}))
    assert outcomes(run, "unclear_errors < 1 %") == {"unclear_errors": "no_data"}
    assert outcomes(make_run(errors=0.1), "unclear_errors < 1 %") == {"unclear_errors": "met"}
    assert outcomes(make_run(), "unclear_errors < 1 %") == {"unclear_errors": "met"}


def test_a_wrong_target_is_refused():
    with pytest.raises(ValueError, match="unknown metric"):
        diagnose(make_run(), ["p100 < 1000 ms"])


def test_a_metric_that_nobody_measured_is_no_data():
    target = parse_slo("freeze < 2 s")
    assert judge(target, Measured(None)).outcome == "no_data"
    assert judge(target, Measured(1.9)).outcome == "met"
    assert judge(target, Measured(2.0)).outcome == "missed"


@pytest.mark.parametrize(
    ("target", "value", "shown"),
    [
        ("error_rate < 5 %", 0.04975, "met with 4.98 %"),
        ("error_rate < 5 %", 0.05025, "missed with 5.03 %"),
        ("error_rate < 5 %", 0.04998, "met with 4.998 %"),
        ("error_rate < 5 %", 0.05, "missed with 5 %"),
        ("error_rate < 5 %", 0.043, "met with 4.3 %"),
        ("p99 < 1000 ms", 999.97, "met with 999.97 ms"),
        ("p99 < 1000 ms", 1000.4, "missed with 1,000.4 ms"),
        ("freeze < 2 s", 1.98, "met with 1.98 s"),
        ("throughput > 50 per s", 50.02, "met with 50.02 per s"),
    ],
)
def test_a_figure_near_its_limit_is_written_apart_from_it(target: str, value: float, shown: str):
    result = judge(parse_slo(target), Measured(value, n=4000))
    assert f": {shown} of 4,000" in result.text


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.05025, 0.044, 0.057, "5.03 % (4.4–5.7 %)"),
        (0.053, 0.02, 0.13, "5.3 % (2–13 %)"),
        (0.063, 0.02, 0.13, "6 % (2–13 %)"),
    ],
)
def test_the_page_writes_it_apart_too(value: float, low: float, high: float, shown: str):
    result = judge(parse_slo("error_rate < 5 %"), Measured(value, low, high, n=4000))
    assert slo_value(result) == shown
