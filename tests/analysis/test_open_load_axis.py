"""An open load is judged by its planned rate: what is in flight follows from the answers and misleads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, Rate, by_load, by_time, make_run, make_samples, shuffled_steps

from analysis.diagnose import diagnose
from analysis.load import load_effect
from analysis.load_axis import ARRIVALS, IN_FLIGHT, LoadAxis, axis_of
from analysis.usable import usable
from analysis.windows import cut_run, row_load
from recording.planned import USERS, as_manifest, planned_parts
from recording.run import Readings, Run

STEP_S = 30.0
OPTIONS = {"options": {"scenario": {"value": "steps"}, "target": {"value": "lab"}}}


def stages(levels: list[float], step_s: float = STEP_S) -> list[tuple[float, float, float, float]]:
    return [(i * step_s, (i + 1) * step_s, level, level) for i, level in enumerate(levels)]


def open_run(
    errors: Rate, seed: int = 1, error_ms: float = 52.0, ok_ms: float = 120.0, **changes: object
) -> Run:
    """Requests at the rates of shuffled steps; a level of k stands for k × 0.8 arrivals per second."""
    levels = shuffled_steps(seed)
    made = make_run(users=levels, errors=errors, seed=seed, step_s=STEP_S, error_ms=error_ms, ok_ms=ok_ms)
    samples = replace(
        made.samples,
        users=np.full(len(made.samples), -1, np.int32),
        delay_ms=np.zeros(len(made.samples)),
    )
    plan = as_manifest("", ARRIVALS, stages([0.8 * level for level in levels]))
    manifest = {"planned_load": [plan], "start_s": START_S, **OPTIONS}
    return replace(made, samples=samples, manifest=manifest, **changes)  # type: ignore[arg-type]


def in_flight_only(run: Run) -> Run:
    return replace(run, manifest={})


def slow_bursts(time_s: np.ndarray) -> np.ndarray:
    return np.where(time_s % 67 < 8, 0.8, 0.02)


def test_the_axis_is_the_planned_rate_and_names_it_everywhere() -> None:
    verdict = diagnose(open_run(by_load(lambda level: 0.4 * (level > 12))))
    assert (verdict.load_effect.answer, verdict.load_effect.axis) == ("rises", "arrivals/s")
    assert verdict.load_effect.load_high == pytest.approx(16)
    assert [level.users_low for level in verdict.levels] == pytest.approx([1.6, 4.8, 8.8, 12.8, 16])
    assert [level.rate_per_s for level in verdict.levels] == pytest.approx([1.6, 4.8, 8.8, 12.8, 16], rel=0.1)
    assert verdict.knee is not None
    assert 8.8 <= verdict.knee.low <= verdict.knee.high <= 12.8
    assert "arrivals/s" in verdict.sentence
    assert "users" not in verdict.sentence + verdict.load_effect.why + verdict.what_would_change


@pytest.mark.parametrize("seed", range(1, 9))
def test_bursts_of_slow_failures_that_know_nothing_of_load_are_no_effect_of_it(seed: int) -> None:
    """Failures that take seconds pile up in flight: there the load seems to follow the failures."""
    run = open_run(by_time(slow_bursts), seed, error_ms=4000)
    assert diagnose(run).load_effect.answer in ("constant", "inconclusive")


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_limit_that_refuses_quickly_is_found_though_it_empties_the_queue(seed: int) -> None:
    """The more is refused at once, the less is in flight: there the same failures go with low load."""
    made = open_run(by_load(lambda level: np.where(level > 12, 0.95, 0.0)), seed, 5.0, ok_ms=900.0)
    assert diagnose(made).load_effect.answer == "rises"
    without = in_flight_only(made)
    assert load_effect(cut_run(without, usable(without.samples))).answer != "rises"


def test_bursts_are_held_against_the_changes_of_the_planned_rate() -> None:
    # Each burst begins where a level begins.
    run = open_run(by_time(lambda t: np.where(t % STEP_S < 4, 0.9, 0.0)), seed=2)
    found = diagnose(run).temporal
    assert found.alignment is not None
    assert found.alignment.changes > 10
    assert found.alignment.answer == "yes", found.alignment.why


def arrivals(due: float, skipped: float) -> Readings:
    """What the only process told at its end."""
    figures = {"due": due, "sent": due - skipped, "skipped": skipped, "late": 0.0}
    return Readings(
        np.full(4, START_S + 100.0),
        np.full(4, "generator"),
        np.array([f"arrivals_{name}" for name in figures]),
        np.full(4, "node-1"),
        np.array(list(figures.values())),
    )


@pytest.mark.parametrize(
    ("skipped", "answer", "complete"), [(40, "constant", True), (60, "inconclusive", False)]
)
def test_loads_that_were_not_made_are_not_called_the_same(skipped: int, answer: str, complete: bool) -> None:
    verdict = diagnose(open_run(0.1, readings=arrivals(1000, skipped)))
    assert verdict.load_effect.answer == answer
    assert verdict.quality.complete is complete
    few = diagnose(open_run(0.03, readings=arrivals(1000, skipped)))
    assert (few.capacity is not None) is complete
    assert verdict.sentence.startswith("The planned load was not made: ") is not complete
    assert {kind.load_effect for kind in verdict.fingerprints} == {answer}
    rises = diagnose(open_run(by_load(lambda level: 0.4 * (level > 12)), readings=arrivals(1000, skipped)))
    assert rises.load_effect.answer == "rises"


def test_the_next_run_is_told_in_arrivals() -> None:
    levels = [10.0] * 10
    made = open_run(0.1)
    plan = as_manifest("", ARRIVALS, stages(levels, 60.0))
    run = diagnose(replace(made, manifest={**made.manifest, "planned_load": [plan]})).next_run
    assert run is not None
    assert (run.unit, run.levels) == ("arrivals/s", [1, 3, 5.5, 8, 10])
    assert run.scenario == "open-login"
    assert "--arrivals 1,3,5.5,8,10 --step" in str(run.command)
    assert "levels of 1, 3, 5.5, 8 and 10 arrivals/s" in run.why
    assert "users" not in run.why + str(run.command)


def test_an_open_scenario_with_shuffled_levels_is_advised_itself() -> None:
    made = open_run(0.1, scenario={"load": {"shape": "steps", "arrivals": [1, 2]}})
    plan = as_manifest("", ARRIVALS, stages([10.0] * 10, 60.0))
    options = {"scenario": {"value": "mine.yaml"}, "target": {"value": "lab"}}
    run = diagnose(
        replace(made, manifest={**made.manifest, "planned_load": [plan], "options": options})
    ).next_run
    assert run is not None
    assert str(run.command).startswith("loadverdict run mine.yaml --arrivals 1,3,")


def test_parts_are_advised_without_options_that_would_be_refused() -> None:
    options = {"scenario": {"value": "mine.yaml"}, "target": {"value": "lab"}}
    plans = [as_manifest(name, ARRIVALS, stages([10.0] * 10, 60.0)) for name in ("one", "two")]
    made = open_run(0.1, scenario={"parts": {"one": {}, "two": {}}})
    run = diagnose(
        replace(made, manifest={**made.manifest, "planned_load": plans, "options": options})
    ).next_run
    assert run is not None
    assert run.command == "loadverdict run mine.yaml"
    assert "in one part of the scenario" in run.why


@pytest.mark.parametrize(
    ("closed", "is_open", "axis"),
    [
        ([5, 5], None, None),
        (None, [2, 4], ARRIVALS),
        ([5, 5], [2, 4], ARRIVALS),
        ([5, 9], [2, 2], None),
        ([5, 5], [2, 2], ARRIVALS),
        ([5, 9], [2, 4], IN_FLIGHT),
    ],
)
def test_what_changes_is_the_axis(
    closed: list[float] | None, is_open: list[float] | None, axis: str | None
) -> None:
    parts = [(name, levels) for name, levels in ((USERS, closed), (ARRIVALS, is_open)) if levels]
    told = [as_manifest(name, name, stages(levels)) for name, levels in parts]
    run = make_run(manifest={"planned_load": told, "start_s": START_S})
    assert axis_of(run).name == axis
    codes = [finding.code for finding in diagnose(run).quality.findings]
    assert ("mixed_load" in codes) == (axis == IN_FLIGHT)


def test_rates_of_parts_are_added_and_follow_their_lines() -> None:
    told = [
        as_manifest("hold", ARRIVALS, [(0.0, 10.0, 3.0, 3.0)]),
        as_manifest("ramp", ARRIVALS, [(0.0, 10.0, 0.0, 5.0), (10.0, 20.0, 5.0, 5.0)]),
    ]
    axis = LoadAxis(ARRIVALS, planned_parts({"planned_load": told}), START_S)
    assert axis.rate_at(START_S + np.array([-1.0, 0, 5, 9.999, 10, 19, 25])) == pytest.approx(
        [3, 3, 5.5, 8, 5, 5, 5], abs=0.01
    )
    samples = make_samples(start_s=START_S + np.arange(0.0, 20.0, 0.1), users=-1)
    run = Run("x", "run_folder", samples, manifest={"planned_load": told, "start_s": START_S})
    assert row_load(samples, cut_run(run, usable(samples)))[50] == pytest.approx(5.5)


@pytest.mark.parametrize(
    "told",
    [
        None,
        "x",
        [{}],
        [as_manifest("a", "widgets", [(0, 1, 2, 3)])],
        [as_manifest("a", ARRIVALS, [])],
        [as_manifest("a", ARRIVALS, [(1, 1, 2, 3)])],
        [as_manifest("a", ARRIVALS, [(0, 1, 2, float("nan"))])],
        [{"part": "a", "unit": ARRIVALS, "stages": [[0, 1, "x", 2]]}],
    ],
)
def test_a_damaged_plan_is_none(told: object) -> None:
    assert planned_parts({"planned_load": told}) == ()
