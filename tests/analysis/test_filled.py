"""Cause and effect: failures that hang fill the requests in flight, and are then no sign of load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, Rate, by_load, make_run, make_samples

from analysis.comparison.judge import compare
from analysis.comparison.seen import seen
from analysis.diagnose import diagnose
from recording.run import Run

LENGTH_S, PER_S, MOST_PER_S = 300.0, 20.0, 80.0
InTime = Callable[[np.ndarray], np.ndarray]
"""Something at moments, in seconds since the run's start."""


def at_times(time_s: np.ndarray) -> np.ndarray:
    """60 % fail at two times of their own, else 1 %."""
    return np.where(((time_s > 100) & (time_s < 160)) | ((time_s > 220) & (time_s < 250)), 0.6, 0.01)


def alternating(time_s: np.ndarray) -> np.ndarray:
    return np.where(time_s // 37 % 2 == 1, 0.45, 0.05)


def steadily(time_s: np.ndarray) -> np.ndarray:
    return np.full(len(time_s), PER_S)


def arrivals(
    errors: InTime,
    seed: int,
    error_ms: float = 10_000.0,
    ok_ms: float = 50.0,
    per_s: InTime = steadily,
    *,
    threads: bool = False,
) -> Run:
    """As many arrivals as `per_s` has at a moment.

    `threads`: users are the requests in flight, as with a thread for every arrival.
    """
    rng = np.random.default_rng(seed)
    time_s = np.sort(rng.uniform(0, LENGTH_S, int(LENGTH_S * MOST_PER_S)))
    time_s = time_s[rng.random(len(time_s)) < per_s(time_s) / MOST_PER_S]
    failed = rng.random(len(time_s)) < errors(time_s)
    duration_ms = np.where(failed, error_ms, ok_ms) * rng.uniform(0.98, 1.02, len(time_s))
    over = np.searchsorted(np.sort(time_s + duration_ms / 1000), time_s, side="right")
    samples = make_samples(
        start_s=START_S + time_s,
        duration_ms=duration_ms,
        status=np.where(failed, 504, 200),
        outcome=["http_error" if one else "ok" for one in failed],
        users=np.arange(1, len(time_s) + 1) - over if threads else -1,
    )
    return Run(id="made-up", source="made_up", samples=samples)


def without_users(run: Run) -> Run:
    return replace(run, samples=replace(run.samples, users=np.full(len(run.samples), -1, np.int32)))


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("errors", [at_times, alternating])
def test_failures_that_hang_do_not_rise_with_what_they_fill(errors: InTime, threads: bool) -> None:
    verdict = diagnose(arrivals(errors, seed=1, threads=threads))
    assert verdict.load_effect.axis == ("users" if threads else "requests in flight")
    assert (verdict.load_effect.answer, verdict.load_effect.confidence) == ("inconclusive", None)
    assert "the failures may have filled the count of requests in flight" in verdict.sentence
    assert (verdict.knee, verdict.capacity) == (None, None)
    assert {one.load_effect for one in verdict.by_status.values()} == {"inconclusive"}
    assert verdict.temporal.answer != "distributed"
    assert verdict.next_run is not None
    assert "planned and not counted" in verdict.next_run.why
    assert "throughput" not in [suspect.name for suspect in verdict.suspects]


def in_steps(time_s: np.ndarray) -> np.ndarray:
    steps = np.array([8.0, 40.0, 8.0, 60.0, 20.0, 60.0, 8.0, 40.0, 20.0, 60.0])
    return steps[np.minimum(time_s // 30, 9).astype(int)]


def by_rate(time_s: np.ndarray) -> np.ndarray:
    return 0.005 * in_steps(time_s)


@pytest.mark.parametrize("error_ms", [600.0, 10_000.0])
def test_failures_rise_with_arrivals_that_rise_be_they_quick_or_slow(error_ms: float) -> None:
    run = arrivals(by_rate, seed=2, error_ms=error_ms, ok_ms=500.0, per_s=in_steps)
    assert diagnose(run).load_effect.answer == "rises"


HANGING: Rate = by_load(lambda users: 0.02 * users)


@pytest.mark.parametrize("known", [True, False])
def test_a_closed_load_that_rises_keeps_its_answer(known: bool) -> None:
    run = make_run(errors=HANGING, error_ms=10_000.0)
    verdict = diagnose(run if known else without_users(run))
    assert verdict.load_effect.answer == "rises"


def test_users_of_a_plan_are_no_count_though_all_of_them_wait() -> None:
    """A closed load without think time: whoever is there waits, and slow failures lower the requests."""
    rng = np.random.default_rng(3)
    levels = np.repeat([2, 14, 5, 9, 14, 2, 9, 5, 14, 2], 30)
    rows = []
    for user in range(14):
        at = rng.uniform(0, 0.5)
        while at < LENGTH_S:
            users = int(levels[int(at)])
            if user >= users:
                at += 0.5
                continue
            failed = rng.random() < 0.004 * users**2
            took = (3.0 if failed else 0.3) * rng.uniform(0.9, 1.1)
            rows.append((at, took, failed, users))
            at += took
    rows.sort()
    at_s, took_s, failing, active = (np.array(column) for column in zip(*rows, strict=True))
    samples = make_samples(
        start_s=START_S + at_s,
        duration_ms=1000 * took_s,
        status=np.where(failing, 504, 200),
        outcome=["http_error" if one else "ok" for one in failing],
        users=active,
    )
    assert diagnose(Run(id="made-up", source="made_up", samples=samples)).load_effect.answer == "rises"


def test_threads_of_arrivals_are_no_level_that_runs_must_share() -> None:
    """Answers of 2 s instead of 50 ms take forty times the threads: that is what is to be told."""
    made = (arrivals(at_times, 1, ok_ms=ok_ms, error_ms=ok_ms, threads=True) for ok_ms in (50, 2000))
    quick, slow = (
        seen(replace(run, samples=run.samples.take(np.flatnonzero(run.samples.start_s > START_S + 10))))
        for run in made
    )
    report = compare([quick], [slow])
    assert (report.unlike, report.answer) == ([], "worse")
