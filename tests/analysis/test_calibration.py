"""Made-up runs with known truth: the generator keeps its word, and the engine beats the recipe on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.decide import RELIABILITY, Decision, confidence
from analysis.drift import time_drift
from analysis.intervals import Coefficient
from analysis.knee import knee
from analysis.lines import design
from analysis.load import class_effect, load_effect
from analysis.memory import averaged
from analysis.slopes import slopes
from benchmarks.kinds import HARDER, KINDS
from benchmarks.mixtures import PLACES, judge
from benchmarks.recipe import knee_users, load_answer
from benchmarks.simulate import COME_DOWN, SHAPES, draw
from benchmarks.tables import wilson


def answers(kind, shape, duration_s, runs, first=5000):
    made = [draw(kind, shape, duration_s, seed) for seed in range(first, first + runs)]
    engine = [load_effect(m.windows).answer for m in made]
    return engine, [load_answer(m.windows).answer for m in made]


@pytest.mark.parametrize("kind", [*KINDS, *HARDER])
def test_the_same_seed_makes_the_same_run(kind):
    first, again, other = (draw(kind, "shuffled_steps", 150.0, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.windows.errors, again.windows.errors)
    assert not np.array_equal(first.windows.requests, other.windows.requests)
    assert len(first.positions) == first.windows.errors.sum()
    assert (first.windows.errors <= first.windows.requests).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_load_stays_between_its_ends_whatever_the_shape(shape):
    load = draw("zero", shape, 300.0, 1).windows.load
    assert 1 <= np.nanmin(load) < np.nanmax(load) <= 60


def test_fast_rejections_raise_the_request_rate():
    made = draw("rate_limit", "stairs_up", 600.0, 2)
    per_user = made.windows.requests / made.windows.load
    calm = made.windows.errors < 0.02 * made.windows.requests
    assert per_user[~calm].mean() > per_user[calm].mean()


def test_a_steady_rate_gets_an_interval_as_narrow_as_counting_allows():
    made = draw("case_plain", "shuffled_steps", 600.0, 5001)
    plan = design(made.windows)
    errors = plan.of(made.windows.errors)
    found = averaged(plan, errors).load
    x = plan.x - np.average(plan.x, weights=plan.n)
    counting = np.sqrt(0.166 * 0.834 / np.sum(plan.n * x**2))
    assert 0.9 * counting < found.se < 1.6 * counting
    low, high = found.interval()
    assert low < 0 < high
    assert found.chance_above(low) == pytest.approx(0.025, abs=0.001)


def test_a_wandering_rate_under_one_up_and_down_gets_a_wider_interval_than_by_leaving_out_stretches():
    wider = 0
    for seed in range(5000, 5020):
        plan = design((made := draw("wander_180s", "stairs_up_down", 600.0, seed)).windows)
        found = slopes(plan, plan.of(made.windows.errors), average=True)
        wider += found.average.load.se > found.beside_time.se
    assert wider >= 15


def test_a_rate_that_wanders_under_one_up_and_down_is_called_a_rise_less_often_than_by_the_recipe():
    engine, recipe = answers("wander_180s", "stairs_up_down", 600.0, 80)
    assert engine.count("rises") < recipe.count("rises")


def test_more_constant_runs_of_the_usual_scenario_are_decided_than_by_the_recipe():
    engine, recipe = answers("case_wander", "shuffled_steps", 150.0, 80)
    assert engine.count("constant") > 1.3 * recipe.count("constant")


def test_bursts_that_follow_load_are_found_more_often_than_by_the_recipe():
    engine, recipe = answers("bursts_with_load", "shuffled_steps", 600.0, 60)
    assert engine.count("rises") > 1.2 * recipe.count("rises")


@pytest.mark.parametrize("kind", ["constant", "bursts", "drift", "outage", "wander_60s", "periodic_job"])
def test_false_rises_stay_rare_on_the_default_shape(kind):
    engine, _ = answers(kind, "shuffled_steps", 300.0, 100)
    assert wilson(engine.count("rises"), 100)[0] <= 0.05


@pytest.mark.parametrize("shape", COME_DOWN)
def test_knees_are_found_on_shapes_that_come_down(shape):
    engine, _ = answers("rises_knee", shape, 600.0, 40)
    assert engine.count("rises") >= 38


def test_the_knee_of_an_exceeded_capacity_lies_in_its_interval():
    covered = offered = 0
    near = {"engine": 0, "recipe": 0}
    for seed in range(5000, 5060):
        made = draw("rises_knee", "shuffled_steps", 600.0, seed)
        found, old = knee(made.windows), knee_users(made.windows)
        if found is None or old is None:
            continue
        offered += 1
        covered += found.low <= made.knee <= found.high
        peak = float(made.windows.load.max())
        near["engine"] += abs(found.users - made.knee) <= 0.1 * peak
        near["recipe"] += abs(old[0] - made.knee) <= 0.1 * peak
    assert offered >= 50
    assert covered >= 0.9 * offered
    assert near["engine"] > near["recipe"]


def test_confidence_falls_with_the_p_value_and_is_none_where_nothing_was_decided():
    shown = Coefficient(0.1, 0.01, 19)
    assert confidence(Decision("inconclusive", shown)) is None
    for answer in RELIABILITY:
        stated = [confidence(Decision(answer, shown, p)) for p in (0.0, 1e-9, 1e-4, 1e-3, 0.01, 0.05)]
        assert stated == sorted(stated, reverse=True)
        assert stated[-1] < stated[0] < 1


def test_a_load_that_never_comes_down_again_is_not_called_constant_by_the_average():
    engine, _ = answers("case_plain", "ramp_hold", 600.0, 40)
    assert set(engine) == {"inconclusive"}


def test_drift_is_found_and_rarely_made_up():
    said = {
        kind: [
            time_drift(draw(kind, "shuffled_steps", 600.0, seed).windows).answer for seed in range(5000, 5050)
        ]
        for kind in ("constant", "drift")
    }
    assert said["constant"].count("yes") <= 3
    assert said["drift"].count("yes") >= 46


def test_a_drift_is_found_in_a_long_hold_after_a_quick_ramp():
    made = [draw("drift", "ramp_hold", 600.0, seed).windows for seed in range(5000, 5020)]
    found = [time_drift(cut) for cut in made]
    assert sum(f.answer == "yes" for f in found) >= 17
    assert all("while load was held" in f.why for f in found if f.answer == "yes")


@pytest.mark.parametrize("place", PLACES)
def test_a_steady_class_under_one_that_rises_is_never_called_rising_or_falling(place):
    judged = [
        judge(("rises_knee", shape, 600.0, place, seed)) for shape in COME_DOWN for seed in range(5000, 5012)
    ]
    assert [j.steady for j in judged if j.steady not in {"constant", "inconclusive"}] == []
    assert sum(j.steady == "constant" for j in judged) >= 0.6 * len(judged)
    assert sum(j.other == "rises" for j in judged) >= 0.9 * len(judged)


def test_against_all_requests_alone_the_steady_class_would_be_said_to_fall():
    made = draw("rate_limit", "shuffled_steps", 600.0, 5003)
    cut = made.windows
    behind = np.round(0.12 * (cut.requests - cut.errors)).astype(np.int64)
    whole = replace(cut, errors=cut.errors + behind)
    assert load_effect(whole, behind, several=True).answer == "falls"
    found = class_effect(whole, behind)
    assert found.answer == "constant"
    assert found.why.startswith("of the requests that no other failure took")
