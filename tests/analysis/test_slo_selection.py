"""Targets on a part of a run: an endpoint, a status, a load, every window. Runs with known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_builder import START_S, example, make_run, make_samples

from analysis import phrases
from analysis.diagnose import diagnose
from analysis.latency import least
from analysis.slo import selection
from analysis.verdict import SloResult
from recording.collect import collected
from recording.run import Run
from recording.sample import Samples


def judged(run: Run, target: str) -> SloResult:
    (result,) = diagnose(run, [target]).slo
    return result


def outcome(run: Run, target: str) -> str:
    return judged(run, target).outcome


def run_of(**columns: Any) -> Run:
    """Failures with 503 are clear, those with another status have no message."""
    return replace(make_run(), samples=make_samples(code="busy", **columns), examples=(example(),))


def every(seconds: float, count: int) -> np.ndarray:
    return START_S + np.arange(count) * seconds


def ends(failed: np.ndarray, kind: str = "http_error") -> list[str]:
    return [kind if bad else "ok" for bad in failed]


def two_endpoints() -> Run:
    """1,000 requests in 100 s, by turns: login takes 100 ms and fails in one of ten, me takes 20 ms."""
    i = np.arange(1000)
    login, failed = i % 2 == 0, i % 20 == 0
    return run_of(
        start_s=every(0.1, 1000),
        duration_ms=np.where(login, 100.0 + i / 1000, 20.0),
        endpoint=np.where(login, "login", "me").tolist(),
        method=np.where(login, "POST", "GET").tolist(),
        status=np.where(failed, np.where(i % 40 == 0, 503, 500), 200),
        outcome=ends(failed),
        users=np.where(i < 500, 5, 20),
    )


TWO_ENDPOINTS = {
    "error_rate < 5.1 %": (0.05, "met"),
    "error_rate <= 5 %": (0.05, "met"),
    "error_rate < 5 %": (0.05, "missed"),
    "error_rate(endpoint login) < 5 %": (0.1, "missed"),
    "error_rate(endpoint POST login) <= 10 %": (0.1, "met"),
    "error_rate(endpoint me) <= 0 %": (0.0, "met"),
    "p99(endpoint me) < 21 ms": (20.0, "met"),
    "p95(ok, endpoint login) < 50 ms": (100.949, "missed"),
    "p90(endpoint login) < 101 ms": (100.898, "met"),
    "status(503) <= 2.5 %": (0.025, "met"),
    "status(5xx) <= 2.5 %": (0.05, "missed"),
    "status(500, endpoint login) < 5 %": (0.05, "missed"),
    "status(200) > 94 %": (0.95, "met"),
    "status(2xx, endpoint me) >= 99 %": (1.0, "met"),
    "status(404) <= 0 %": (0.0, "met"),
    "outcome(http_error) < 5 %": (0.05, "missed"),
    "outcome(ok) > 94.9 %": (0.95, "met"),
    "outcome(reset) <= 0 %": (0.0, "met"),
    "unclear_errors(endpoint me) < 1 %": (0.0, "met"),
    "throughput > 9 per s": (950 / 99.9, "met"),
    "throughput(endpoint login) > 5 per s": (450 / 99.9, "missed"),
    "throughput > 9 per s at users = 20": (475 / 49.9, "met"),
    "throughput(endpoint me) >= 6 per s at users = 5": (250 / 50, "missed"),
    "error_rate < 6 % at users <= 5": (0.05, "met"),
    "p50(endpoint login) < 101 ms at users > 5": (100.748, "met"),
    "error_rate < 6 % for 10 s": (0.05, "met"),
    "error_rate(endpoint login) < 6 % for 20 s": (0.1, "missed"),
    "throughput > 9 per s for 10 s": (9.5, "met"),
    "throughput(endpoint me) > 5 per s for 10 s": (5.0, "missed"),
    "p95 < 102 ms for 10 s at users = 20": (100.99, "met"),
}


@pytest.mark.parametrize("target", TWO_ENDPOINTS)
def test_figures_of_a_run_that_is_known(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, expected = TWO_ENDPOINTS[target]
    result = judged(two_endpoints(), target)
    assert result.outcome == expected, result.text
    assert result.value == pytest.approx(value, abs=0.011)
    if result.low is not None and result.high is not None:
        assert result.low <= result.value <= result.high
    monkeypatch.setattr(selection, "SLAB", 37)
    assert judged(two_endpoints(), target) == result


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("error_rate(endpoint logn) < 5 %", "no request went to logn; requests went to login and me"),
        ("error_rate(endpoint GET login) < 5 %", "no request went to GET login"),
        ("p99 < 5 ms at users > 20", "no request was sent at users > 20"),
        ("freeze < 2 s at users < 5", "no request was sent at users < 5"),
        ("throughput > 1 per s at users = 6", "no request was sent at users = 6"),
        ("error_rate < 5 % at arrivals <= 5", "is measured in users, not in arrivals"),
        ("error_rate < 5 % for 200 s", "requests were sent for 100 s only"),
        ("p99 < 500 ms for 5 s", "no window of 5 s holds the 100 requests that it needs"),
        ("p99.9 < 500 ms for 50 s", "no window of 50 s holds the 1,000 requests that it needs"),
    ],
)
def test_what_was_not_measured_is_no_data(target: str, words: str) -> None:
    result = judged(two_endpoints(), target)
    assert (result.outcome, result.value) == ("no_data", None)
    assert words in result.text


@pytest.mark.parametrize(
    ("target", "left_out"),
    [
        ("error_rate < 6 % at users <= 5", "100 requests of unknown load left out"),
        ("p50 < 500 ms at users <= 5", "100 requests of unknown load left out"),
        ("error_rate(endpoint login) < 20 % at users <= 5", "50 requests of unknown load left out"),
        ("throughput > 1 per s at users <= 5", "100 requests of unknown load left out"),
        ("error_rate < 6 % at users > 50", "no request was sent at users > 50; 100 requests of unknown load"),
        ("error_rate < 6 %", ""),
    ],
)
def test_what_is_left_out_as_its_load_is_unknown_is_told(target: str, left_out: str) -> None:
    run = two_endpoints()
    users = np.where(np.arange(1000) % 1000 < 100, -1, run.samples.users)
    text = judged(replace(run, samples=replace(run.samples, users=users)), target).text
    assert left_out in text
    assert ("unknown load" in text) == bool(left_out)
    assert "unknown load" not in judged(run, target).text


ALL_KINDS = [
    *("error_rate < 5 %", "unclear_errors < 1 %", "status(503) < 1 %", "outcome(reset) < 1 %", "p99 < 9 ms"),
    *("p50(ok) < 9 ms", "freeze < 2 s", "throughput > 1 per s", "error_rate(endpoint login) < 1 %"),
    *("p99 < 9 ms for 10 s", "error_rate < 5 % for 10 s", "throughput > 1 per s for 10 s"),
    *("unclear_errors < 5 % for 10 s", "error_rate < 5 % at users <= 50", "freeze < 1 s at users <= 50"),
]


@pytest.mark.parametrize("target", ALL_KINDS)
def test_a_run_without_requests_meets_nothing(target: str) -> None:
    assert outcome(replace(make_run(), samples=Samples.empty()), target) == "no_data"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("error_rate <= 0 %", "met"),
        ("status(200) >= 100 %", "met"),
        ("p50 < 101 ms", "met"),
        ("p50 < 100 ms", "missed"),
        ("p95 < 500 ms", "no_data"),
        ("throughput > 1 per s", "no_data"),
        ("throughput > 1 per s at users = 10", "no_data"),
        ("error_rate < 5 % for 1 s", "no_data"),
        ("p50(ok) < 101 ms at users = 10", "met"),
    ],
)
def test_one_request(target: str, expected: str) -> None:
    assert outcome(run_of(start_s=every(1, 1)), target) == expected


@pytest.mark.parametrize(
    ("lack", "target"),
    [
        ("endpoint", "error_rate(endpoint login) < 50 %"),
        ("status", "status(503) < 50 %"),
        ("status", "outcome(reset) < 50 %"),
        ("unfinished", "outcome(unfinished) < 50 %"),
        ("durations", "p99 < 50000 ms"),
        ("durations", "p99(ok) < 50000 ms for 20 s"),
        ("request_times", "error_rate < 50 % for 10 s"),
        ("request_times", "error_rate < 50 % at users <= 50"),
        ("request_times", "freeze < 20 s"),
        ("failed_requests", "error_rate < 50 %"),
        ("failed_requests", "error_rate < 50 % for 10 s"),
        ("failed_requests", "unclear_errors < 50 %"),
        ("failed_requests", "unclear_errors < 50 % for 10 s"),
        ("failed_requests", "p99 < 50000 ms for 30 s"),
        ("failed_requests", "status(503) < 50 %"),
    ],
)
def test_what_a_source_does_not_tell_is_no_data(lack: str, target: str) -> None:
    run = two_endpoints()
    assert outcome(run, target) == "met"
    assert outcome(replace(run, lacks=frozenset({lack})), target) == "no_data"


def test_what_is_missing_can_only_make_it_worse() -> None:
    run = replace(burst(), lacks=frozenset({"failed_requests"}))
    for target in ("error_rate < 1 %", "error_rate < 5 % for 10 s"):
        assert outcome(run, target) == "missed"
    unclear = replace(burst(kind="reset"), lacks=frozenset({"failed_requests"}))
    for target in ("unclear_errors < 1 %", "unclear_errors < 5 % for 10 s"):
        assert outcome(unclear, target) == "missed"


def test_how_a_request_went_well_is_known_without_the_status_of_failures() -> None:
    run = replace(two_endpoints(), lacks=frozenset({"status"}))
    assert outcome(run, "outcome(ok) > 94 %") == "met"


def burst(length_s: float = 10.0, begin_s: float = 43.0, kind: str = "http_error") -> Run:
    """10 requests a second for 300 s; in one stretch half of them fail, slowly."""
    i = np.arange(3000)
    time_s = i * 0.1
    bad = (time_s >= begin_s) & (time_s < begin_s + length_s) & (i % 2 == 0)
    return run_of(
        start_s=START_S + time_s,
        duration_ms=np.where(bad, 4000.0, 100.0),
        status=np.where(bad, 503 if kind == "http_error" else 0, 200),
        outcome=ends(bad, kind),
        users=np.where(time_s < 150, 5, 20),
    )


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("error_rate < 5 %", "met"),
        ("error_rate < 40 % for 10 s", "missed"),
        ("error_rate < 51 % for 10 s", "met"),
        ("status(503) < 30 % for 10 s", "missed"),
        ("p99 < 1000 ms", "missed"),
        ("p95 < 1000 ms", "met"),
        ("p95 < 1000 ms for 10 s", "missed"),
        ("p95(ok) < 1000 ms for 10 s", "met"),
        ("p95 < 1000 ms for 10 s at users = 20", "met"),
        ("p95 < 1000 ms for 10 s at users = 5", "missed"),
        ("throughput > 9 per s", "met"),
        ("throughput > 9 per s for 10 s", "missed"),
        ("throughput > 9 per s for 10 s at users = 20", "met"),
        ("unclear_errors <= 2 % for 10 s", "met"),
        ("unclear_errors < 1 % for 10 s", "no_data"),
    ],
)
def test_a_burst_shows_in_windows_and_only_at_its_load(target: str, expected: str) -> None:
    assert outcome(burst(), target) == expected


def test_the_worst_window_is_named() -> None:
    result = judged(burst(begin_s=45.0), "error_rate < 5 % for 10 s")
    assert result.value == pytest.approx(0.5)
    assert (result.low, result.high) == (None, None)
    assert (
        "50 % of 100 requests; the worst of 59 windows of 10 s, from 45 s on, 3 of them miss it"
        in result.text
    )


@pytest.mark.parametrize("begin_s", np.arange(40.0, 50.0, 0.7).tolist())
def test_a_burst_cannot_hide_on_a_border(begin_s: float) -> None:
    """Half fail for 10 s: three quarters of that lie within one window wherever it begins."""
    result = judged(burst(begin_s=begin_s), "error_rate < 37 % for 10 s")
    assert result.outcome == "missed"
    assert result.value is not None
    assert result.value >= 0.37


def test_the_rest_of_a_run_belongs_to_its_last_window() -> None:
    """27 s: a window of 10 s begins at 0, 5 and 10, and at 15 a longer one; what fails at the end is seen."""
    failed = np.arange(270) >= 260
    run = run_of(start_s=every(0.1, 270), status=np.where(failed, 503, 200), outcome=ends(failed))
    result = judged(run, "error_rate < 5 % for 10 s")
    assert result.outcome == "missed"
    assert result.value == pytest.approx(10 / 120)
    assert "of 120 requests; the worst of 5 windows of 10 s, from 15 s on, 1 of them misses it" in result.text
    assert judged(run, "throughput > 9.9 per s for 10 s").value == pytest.approx(110 / 11.9)


def test_windows_with_too_few_requests_decide_nothing_unless_they_surely_miss() -> None:
    """Ten requests a second, but for 30 s only half a request a second."""
    time_s = np.concatenate([np.arange(0, 100, 0.1), np.arange(100, 130, 2.0), np.arange(130, 230, 0.1)])
    thin = (time_s >= 100) & (time_s < 130)

    def at(bad: np.ndarray) -> Run:
        return run_of(start_s=START_S + time_s, status=np.where(bad, 503, 200), outcome=ends(bad))

    one, all_of_them = thin & (time_s == 114.0), thin & (time_s > 101)
    assert outcome(at(one), "error_rate < 5 % for 10 s") == "met"
    assert "windows with under 21 requests hold" in judged(at(one), "error_rate < 5 % for 10 s").text
    assert outcome(at(all_of_them), "error_rate < 5 % for 10 s") == "missed"
    slow = np.where(all_of_them, 3000.0, 10.0)
    run = run_of(start_s=START_S + time_s, duration_ms=slow)
    assert outcome(run, "p95 < 1000 ms for 10 s") == "missed"
    assert outcome(run_of(start_s=START_S + time_s, duration_ms=10.0), "p95 < 1000 ms for 10 s") == "met"


def test_when_most_was_sent_in_windows_too_small_nobody_knows() -> None:
    time_s = np.concatenate([np.arange(0, 20, 0.1), np.arange(20, 320, 1.0)])
    result = judged(run_of(start_s=START_S + time_s), "error_rate < 5 % for 10 s")
    assert result.outcome == "no_data"
    assert "windows with under 21 requests hold" in result.text


def test_nothing_sent_for_ten_seconds_is_no_throughput() -> None:
    time_s = np.concatenate([np.arange(0, 100, 0.1), np.arange(130, 200, 0.1)])
    run = run_of(start_s=START_S + time_s)
    result = judged(run, "throughput > 5 per s for 10 s")
    assert (result.outcome, result.value) == ("missed", 0.0)
    assert outcome(run, "error_rate < 5 % for 10 s") == "met"


def test_a_tail_in_which_nobody_is_answered_is_no_throughput() -> None:
    # 40 s at 20 a second; then four users wait for a minute.
    start_s = np.append(every(0.05, 800), START_S + 40.0 + np.zeros(4))
    waits = np.arange(804) >= 800
    run = run_of(
        start_s=start_s,
        duration_ms=np.where(waits, 60_000.0, 50.0),
        status=np.where(waits, 0, 200),
        outcome=ends(waits, "total_timeout"),
        users=4,
    )
    for target in (
        "throughput > 15 per s",
        "throughput > 15 per s for 10 s",
        "throughput > 15 per s at users = 4",
    ):
        assert outcome(run, target) == "missed", target


def test_thinned_successes_prove_no_more_than_one_each() -> None:
    random = np.random.default_rng(3)
    slow = random.random(4000) < 0.03
    run = run_of(
        start_s=every(0.01, 4000),
        duration_ms=np.where(slow, 2000.0, 100.0),
        status=200,
        outcome=["ok"] * 4000,
        users=np.where(np.arange(4000) < 200, 5, 20),
    )
    samples, thinned = collected([run.samples], budget=200)
    thin = replace(run, samples=samples, thinned=thinned)
    assert outcome(run, "p99 < 1000 ms at users = 5") == "missed"
    assert outcome(thin, "p99 < 1000 ms at users = 5") == "no_data"


def test_requests_never_answered_are_infinitely_slow_in_their_window_too() -> None:
    i = np.arange(3000)
    open_ = (i > 2900) & (i % 4 == 0)
    run = run_of(start_s=every(0.1, 3000), duration_ms=100.0, outcome=ends(open_, "unfinished"))
    for target in ("p95 < 1000 ms for 10 s", "p95(endpoint login) < 1000 ms for 10 s"):
        result = judged(run, target)
        assert result.outcome == "no_data"
    assert outcome(run, "p99 < 1000 ms at users = 10") == "met"
    assert outcome(run, "p99.5 < 1000 ms at users = 10") == "no_data"


def test_failures_whose_message_is_unknown_are_counted_both_ways() -> None:
    result = judged(two_endpoints(), "unclear_errors < 3 %")
    assert (result.outcome, result.value) == ("met", None)
    assert "met with at most 2.5 % of 1,000 requests" in result.text
    assert outcome(two_endpoints(), "unclear_errors < 2 %") == "no_data"
    half = replace(two_endpoints(), examples=(example(503, "", body=""),))
    result = judged(half, "unclear_errors < 2 %")
    assert (result.outcome, result.low, result.high) == ("missed", 0.025, 0.05)
    assert "missed with at least 2.5 % of 1,000 requests" in result.text


def test_failures_without_a_message_may_be_clear_or_not_in_every_window() -> None:
    run = replace(burst(), examples=(), lacks=frozenset({"message"}))
    assert outcome(run, "unclear_errors < 5 % for 10 s") == "no_data"
    assert outcome(run, "unclear_errors < 60 % for 10 s") == "met"
    assert outcome(burst(kind="reset"), "unclear_errors < 5 % for 10 s") == "missed"


def frozen() -> Run:
    """20 users send 20 a second for 60 s, then 5 users; at 5 users nothing is answered for 3 s."""
    time_s = np.concatenate([np.arange(0, 60, 0.05), np.arange(60, 120, 0.2)])
    duration = np.where((time_s >= 90) & (time_s < 93), (93.5 - time_s) * 1000, 40.0)
    users = np.where(time_s < 60, 20, 5)
    return run_of(start_s=START_S + time_s, duration_ms=duration, users=users)


def test_a_freeze_counts_at_the_load_at_which_it_began() -> None:
    assert outcome(frozen(), "freeze < 2 s") == "missed"
    low = judged(frozen(), "freeze < 2 s at users <= 5")
    assert low.outcome == "missed"
    assert low.value == pytest.approx(3.04, abs=0.05)
    high = judged(frozen(), "freeze < 2 s at users = 20")
    assert (high.outcome, high.value) == ("met", 0.0)


def test_arrivals_are_the_planned_rate() -> None:
    rate = np.where(np.arange(3000) < 1000, 10, 20)
    time_s = np.cumsum(1 / rate) - 0.05
    failed = (np.arange(3000) >= 1000) & (np.arange(3000) % 5 == 0)
    plan = {"part": "", "unit": "arrivals/s", "stages": [[0, 100, 10, 10], [100, 200, 20, 20]]}
    run = replace(
        run_of(start_s=START_S + time_s, status=np.where(failed, 503, 200), outcome=ends(failed)),
        manifest={"planned_load": [plan], "start_s": START_S},
    )
    assert outcome(run, "error_rate <= 0.5 % at arrivals <= 10") == "met"
    assert judged(run, "error_rate < 5 % at arrivals >= 20").value == pytest.approx(0.2, abs=0.001)
    assert outcome(run, "error_rate < 50 % at users <= 20") == "no_data"


def test_where_nothing_better_is_known_load_is_what_is_in_flight() -> None:
    run = replace(burst(), samples=replace(burst().samples, users=np.full(3000, -1, np.int32)))
    assert outcome(run, "error_rate < 50 % at in_flight <= 10000") == "met"
    assert outcome(run, "error_rate < 50 % at users <= 10000") == "no_data"


def test_intervals_of_a_selection_are_those_of_the_run_where_it_is_all_of_it() -> None:
    run = make_run(errors=0.1, seed=3)
    for metric, limit in (
        ("p99", "1 ms"),
        ("p95(ok)", "1 ms"),
        ("error_rate", "1 %"),
        ("status(503)", "1 %"),
    ):
        alone, at_all = judged(run, f"{metric} < {limit}"), judged(run, f"{metric} < {limit} at users >= 0")
        assert (alone.value, alone.low, alone.high) == (at_all.value, at_all.low, at_all.high)
        assert alone.low is not None


def test_a_thinned_run_keeps_its_shares() -> None:
    run = two_endpoints()
    pieces = (run.samples.take(np.arange(i, i + 100)) for i in range(0, 1000, 100))
    samples, thinned = collected(pieces, budget=400)
    assert thinned is not None
    thin = replace(run, samples=samples, thinned=thinned)
    for target in ("error_rate(endpoint login) < 5 %", "status(5xx) < 1 %", "throughput > 50 per s"):
        assert judged(thin, target).value == pytest.approx(judged(run, target).value, rel=0.01)
    assert outcome(thin, "error_rate < 7 % for 20 s") == outcome(run, "error_rate < 7 % for 20 s") == "met"


@pytest.mark.parametrize(("share", "requests"), [(0.1, 1), (0.5, 1), (0.9, 10), (0.95, 20), (0.999, 1000)])
def test_how_many_requests_a_percentile_needs(share: float, requests: int) -> None:
    assert least(share) == requests


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.0, "0 per s"),
        (0.417, "0.42 per s"),
        (9.5, "9.50 per s"),
        (50.0, "50 per s"),
        (1250.4, "1,250 per s"),
    ],
)
def test_rates_in_words(rate: float, text: str) -> None:
    assert phrases.per_second(rate) == text
