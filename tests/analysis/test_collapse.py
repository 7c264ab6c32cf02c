"""A target that goes down and stays down says nothing about load, and is not called constant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from run_builder import by_load, by_time, make_run

from analysis.diagnose import diagnose
from recording.sample import Category


def down_from(since_s: float, before: float = 0.0):
    return by_time(lambda time_s: (time_s >= since_s) * (1 - before) + before)


def test_what_went_down_for_good_is_told_with_its_moment_and_not_called_constant() -> None:
    verdict = diagnose(make_run(errors=down_from(40.0)))
    assert verdict.load_effect.answer == "inconclusive"
    assert verdict.load_effect.down_since_s is not None
    assert abs(verdict.load_effect.down_since_s - 40) < 1
    assert verdict.sentence.startswith("From 41 s on nearly every request failed, whatever the load")
    assert "went down then and did not come back" in verdict.load_effect.why
    assert "rests after each level" in verdict.what_would_change
    assert verdict.next_run is None
    assert verdict.by_status["503"].load_effect == "inconclusive"


def test_a_service_that_was_never_up_fails_at_every_load() -> None:
    assert diagnose(make_run(errors=1.0)).load_effect.answer == "constant"
    assert diagnose(make_run(errors=down_from(40.0, before=0.7))).load_effect.down_since_s is None


def test_one_that_comes_back_did_not_go_down_for_good() -> None:
    back = by_time(lambda time_s: ((time_s >= 40) & (time_s < 520)) * 1.0)
    assert diagnose(make_run(errors=back)).load_effect.down_since_s is None
    risen = diagnose(make_run(errors=by_load(lambda users: (users > 2) * 1.0)))
    assert risen.load_effect.answer == "rises"


def test_an_endpoint_that_always_failed_did_not_go_down_when_its_calls_began() -> None:
    run = make_run(errors=down_from(20.0))
    endpoint = np.where(run.samples.is_error, "search", "login").tolist()
    split = replace(run, samples=replace(run.samples, endpoint=Category.of(endpoint)))
    verdict = diagnose(split)
    assert verdict.load_effect.down_since_s is None
    assert verdict.load_effect.answer == "constant"


def test_a_collapse_of_many_endpoints_is_one_though_none_has_much_of_it() -> None:
    run = make_run(errors=down_from(40.0))
    endpoint = [f"route {number % 30}" for number in range(len(run.samples))]
    verdict = diagnose(replace(run, samples=replace(run.samples, endpoint=Category.of(endpoint))))
    assert verdict.load_effect.down_since_s is not None
    assert abs(verdict.load_effect.down_since_s - 40) < 1


def test_a_collapse_is_told_where_load_cannot_be_if_the_load_came_back() -> None:
    """Steps in order, and then back to the first: that says more than "cannot tell"."""
    plan = [2, 6, 11, 16, 20, 20, 2, 2]
    verdict = diagnose(make_run(users=plan, errors=down_from(70.0)))
    assert verdict.load_effect.answer == "inconclusive"
    assert verdict.load_effect.down_since_s is not None
    only_up = diagnose(make_run(users=[2, 6, 11, 16, 20], errors=down_from(30.0)))
    assert only_up.load_effect.down_since_s is None
