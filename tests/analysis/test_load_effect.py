"""Load effect: runs with known truth get the answer that can be known from them."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import by_load, by_time, make_run, make_samples, shuffled_steps

from analysis.diagnose import diagnose
from analysis.knee import knee
from analysis.load import load_effect
from analysis.windows import windows


def answer_of(run):
    return load_effect(windows(run.samples))


def test_a_rate_that_grows_with_users_rises():
    effect = answer_of(make_run(errors=by_load(lambda u: 0.02 + 0.3 * u / 20)))
    assert effect.answer == "rises"
    assert effect.low < 0.27 < effect.high
    assert effect.confidence > 0.99
    assert "between 2 and 20 users the error rate rises by" in effect.why


def test_a_flat_rate_of_sixteen_per_cent_is_constant():
    effect = answer_of(make_run(errors=0.166, per_user_s=1.5))
    assert effect.answer == "constant"
    assert effect.margin == pytest.approx(0.083, abs=0.01)


def test_a_flat_rate_with_few_requests_is_inconclusive_and_says_how_many_are_missing():
    verdict = diagnose(make_run(errors=0.05, step_s=5, per_user_s=0.5))
    assert verdict.load_effect.answer == "inconclusive"
    assert verdict.next_run.requests > verdict.requests
    assert "requests would decide" in verdict.next_run.why


def test_a_rate_that_shrinks_with_users_falls():
    assert answer_of(make_run(errors=by_load(lambda u: 0.4 - 0.35 * u / 20))).answer == "falls"


def test_one_load_level_can_show_nothing():
    effect = answer_of(make_run(users=[20] * 20, errors=0.166))
    assert effect.answer == "inconclusive"
    assert effect.why.startswith("load did not vary: 20 users")


def test_a_ramp_cannot_tell_load_from_time():
    effect = answer_of(make_run(users=list(range(1, 21)), errors=by_load(lambda u: 0.4 * u / 20)))
    assert effect.answer == "inconclusive"
    assert effect.why.startswith("load and time moved together")


def test_drift_alone_does_not_rise_with_load():
    effect = answer_of(make_run(errors=by_time(lambda t: 0.05 + 0.3 * t / 600)))
    assert effect.answer in {"constant", "inconclusive"}


def test_bursts_blind_to_load_do_not_rise_with_load():
    for seed in range(5):
        run = make_run(errors=by_time(lambda t: np.where(t % 97 < 10, 0.6, 0.01)), seed=seed)
        assert answer_of(run).answer in {"constant", "inconclusive"}


def test_no_error_at_several_levels_is_constant():
    effect = answer_of(make_run())
    assert effect.answer == "constant"
    assert "no failure in" in effect.why
    assert effect.slope is None


def test_too_few_requests_and_too_few_errors_are_said():
    assert answer_of(make_run(step_s=1, errors=0.3)).why.startswith("too few requests")
    one_event = by_time(lambda t: np.where((t > 150) & (t < 160), 0.3, 0.0))
    rare = make_run(errors=one_event, step_s=15, per_user_s=0.2)
    assert answer_of(rare).why.startswith("too few errors")


def test_a_mid_run_event_under_one_visit_of_high_load_is_not_called_a_rise():
    up_down = [2, 5, 8, 11, 14, 17, 20, 17, 14, 11, 8, 5, 2]
    run = make_run(users=up_down, errors=by_time(lambda t: np.where(t > 250, 0.5, 0.02)))
    assert answer_of(run).answer != "rises"


def test_warm_up_errors_are_left_out():
    run = make_run(errors=by_time(lambda t: np.where(t < 25, 0.8, 0.0)))
    assert answer_of(run).answer == "constant"


def test_without_users_load_is_requests_in_flight_and_a_single_client_is_inconclusive():
    time_s = np.arange(300) * 0.2
    samples = make_samples(start_s=1e9 + time_s, users=-1, duration_ms=100.0, outcome=["ok", "unknown"] * 150)
    effect = load_effect(windows(samples))
    assert effect.axis == "requests in flight"
    assert effect.answer == "inconclusive"
    assert "load did not vary: 1 " in effect.why


def test_without_users_a_strong_rise_is_still_found():
    plan = shuffled_steps(3, (2, 20, 40), blocks=4)
    run = make_run(users=plan, errors=by_load(lambda u: 0.3 * (u > 30)), step_s=60, ok_ms=900, error_ms=850)
    samples = make_samples(
        start_s=run.samples.start_s,
        duration_ms=run.samples.duration_ms,
        outcome=run.samples.outcome.to_list(),
        users=-1,
    )
    assert load_effect(windows(samples)).answer == "rises"


def test_several_classes_ask_for_wider_intervals():
    run = make_run(errors=by_load(lambda u: 0.02 + 0.3 * u / 20))
    cut = windows(run.samples)
    assert load_effect(cut, cut.errors, several=True).answer == "rises"


def test_the_knee_is_where_errors_begin():
    run = make_run(
        errors=by_load(lambda u: 0.04 * np.maximum(0, u - 10)), users=shuffled_steps(2, range(2, 21, 3))
    )
    found = knee(windows(run.samples))
    assert found is not None
    assert found.low <= 10 <= found.high


def test_a_straight_rise_has_no_knee():
    run = make_run(errors=by_load(lambda u: 0.02 + 0.3 * u / 20), users=shuffled_steps(2, range(2, 21, 3)))
    assert knee(windows(run.samples)) is None


def bursts_at_random(seed):
    """Bursts of eight seconds about every minute, whatever the load."""
    begin = np.cumsum(np.random.default_rng(seed).exponential(60, 40) + 8)
    inside = lambda t: ((t[:, None] >= begin) & (t[:, None] < begin + 8)).any(axis=1)  # noqa: E731
    return by_time(lambda t: np.where(inside(t), 0.6, 0.01))


@pytest.mark.parametrize(
    "truth",
    [
        lambda _: by_load(lambda u: np.full(len(u), 0.1)),
        bursts_at_random,
        lambda _: by_time(lambda t: 0.02 + 0.25 * t / 600),
    ],
    ids=["constant", "bursts", "drift"],
)
def test_false_alarms_are_rare(truth):
    runs = [make_run(errors=truth(seed), seed=seed, per_user_s=0.4) for seed in range(150)]
    assert sum(answer_of(run).answer in {"rises", "falls"} for run in runs) <= 0.05 * len(runs)


def test_errors_never_begin_below_a_level_without_any() -> None:
    """A bend fitted to a curve that saturates slides to the left; the levels hold it in place."""
    for seed in range(4):
        run = make_run(errors=by_load(lambda u: np.where(u > 12, 0.9, 0.0)), seed=seed)
        knee = diagnose(run).knee
        assert knee is None or knee.low >= 11
        assert knee is None or knee.high <= 20
