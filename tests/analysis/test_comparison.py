"""What a comparison of runs says: right on made-up runs, and careful where there is little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import STEPS, by_load, make_run, make_samples

from analysis.comparison.judge import compare
from analysis.comparison.report import Comparison, Line
from analysis.comparison.seen import seen, unlike
from recording.run import Run

RISING = by_load(lambda users: 0.02 * users)


def compared(base: Run | list[Run], new: Run | list[Run]) -> Comparison:
    sides = [[seen(run) for run in (side if isinstance(side, list) else [side])] for side in (base, new)]
    return compare(*sides)


def line(report: Comparison, key: str) -> Line:
    (found,) = (one for one in report.lines if one.key == key)
    return found


def test_the_case_before_and_after_its_fix() -> None:
    report = compared(
        make_run(errors=0.42, ok_ms=9000.0, seed=1), make_run(errors=0.166, ok_ms=400.0, seed=2)
    )
    assert report.answer == "better"
    assert report.sentence.startswith("New is better: error rate falls from 4")
    rate = line(report, "error_rate")
    assert rate.change == pytest.approx(-0.6, abs=0.04)
    assert rate.difference_high is not None
    assert rate.difference_high < 0
    assert line(report, "p99_ok").change == pytest.approx(400 / 9000 - 1, abs=0.02)


def test_a_load_that_changes_by_plan_is_no_burst() -> None:
    """Errors go from 4 % to 40 % with the users; taken for bursts they would hide any change."""
    rate = line(compared(make_run(errors=RISING), make_run(errors=0.0, seed=2)), "error_rate")
    assert rate.answer == "better"
    assert rate.base_low is not None
    assert rate.base is not None
    assert rate.base - rate.base_low < 0.1


def test_levels_are_compared_with_themselves() -> None:
    worse_above = by_load(lambda users: np.where(users > 10, 0.3, 0.02))
    report = compared(make_run(errors=0.02), make_run(errors=worse_above, seed=2))
    answers = {level.load_low: level.lines[0].answer for level in report.levels}
    assert list(answers) == list(STEPS)
    assert [load for load in answers if answers[load] == "worse"] == [11, 16, 20]


def test_kinds_come_and_go() -> None:
    report = compared(make_run(errors=0.2, status=503), make_run(errors=0.2, status=500, seed=2))
    assert {one.title.split()[0]: one.kind for one in report.kinds} == {"503": "gone", "500": "new"}
    assert report.kinds[0].text.startswith(report.kinds[0].kind)


@pytest.mark.parametrize("seed", range(4))
def test_unchanged_runs_are_not_called_worse_or_better(seed: int) -> None:
    report = compared(make_run(errors=RISING, seed=seed), make_run(errors=RISING, seed=seed + 50))
    assert {one.answer for one in (*report.lines, *report.kinds)} <= {"same", "cannot_tell"}
    assert report.answer in ("same", "cannot_tell")


def test_no_errors_on_either_side_is_no_difference_and_no_division_by_zero() -> None:
    report = compared(make_run(), make_run(seed=2))
    rate = line(report, "error_rate")
    assert (rate.answer, rate.base, rate.new, rate.change) == ("same", 0.0, 0.0, None)
    assert "no difference larger than" in rate.text


def test_errors_where_there_were_none_are_worse() -> None:
    report = compared(make_run(), make_run(errors=0.05, seed=2))
    assert report.answer == "worse"
    assert line(report, "error_rate").change is None
    assert [one.kind for one in report.kinds] == ["new"]


def test_several_runs_a_side_see_a_smaller_change() -> None:
    def runs(first_seed: int, ok_ms: float) -> list[Run]:
        return [make_run(seed=first_seed + i, ok_ms=ok_ms) for i in range(6)]

    single = line(compared(make_run(ok_ms=100.0), make_run(seed=2, ok_ms=130.0)), "p99_ok")
    several = line(compared(runs(10, 100.0), runs(20, 130.0)), "p99_ok")
    assert single.answer == "cannot_tell"
    assert several.answer == "worse"


def test_a_single_request_is_no_answer() -> None:
    one = make_run(users=[1], step_s=1.0)
    report = compared(one, make_run())
    assert report.answer in ("cannot_tell", "same")
    assert line(report, "p99_ok").base is None


def test_a_side_without_requests_is_no_answer() -> None:
    empty = replace(make_run(), samples=make_samples(start_s=np.zeros(0)))
    report = compared(empty, make_run())
    assert (report.answer, report.lines, report.base.requests) == ("cannot_tell", [], 0)


def test_a_freeze_that_is_new_is_worse() -> None:
    run = make_run(users=[20] * 4)
    time_s = run.samples.start_s - run.samples.start_s[0]
    waits = (time_s > 40) & (time_s < 46)
    frozen = np.where(waits, (47 - time_s) * 1000, run.samples.duration_ms)
    report = compared(run, replace(run, samples=replace(run.samples, duration_ms=frozen)))
    assert line(report, "freeze").answer == "worse"
    assert "it freezes now" in report.sentence


def test_levels_without_a_counterpart_are_said() -> None:
    report = compared(make_run(users=[2, 6] * 4), make_run(users=[3, 9] * 4))
    assert report.levels == []
    assert report.levels_why == "the runs have no level of load in common"


MANIFEST = {
    "scenario": {"name": "steps", "hash": "a"},
    "target": {"name": "lab"},
    "client": "lean",
    "host": {"cores": 2, "cpu_model": "one"},
}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"scenario": {"name": "steps", "hash": "b"}}, "what the scenario does (its hash)"),
        ({"target": {"name": "other"}}, "target"),
        ({"host": {"cores": 8, "cpu_model": "one"}}, "generator's cores"),
        ({"client": "fast"}, "HTTP client"),
    ],
)
def test_unlike_runs_are_told_apart(change: dict[str, object], what: str) -> None:
    base, new = make_run(manifest=MANIFEST), make_run(manifest={**MANIFEST, **change})
    assert [one.what for one in unlike(base, new)] == [what]
    assert unlike(base, base) == []
    assert unlike(base, make_run()) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_repair_is_better_though_refusals_were_quick(seed: int) -> None:
    """Everything refused in 3 ms, then nothing, in 150 ms: a quick failure is no good answer."""
    refused = make_run(errors=1.0, error_ms=3.0, seed=seed)
    report = compared(refused, make_run(ok_ms=150.0, seed=seed + 5))
    assert report.answer == "better"
    assert report.sentence == "New is better: error rate falls from 100 % to 0 % (−100 %)."
    assert line(report, "p99_all").text.startswith("cannot tell: 3.2 ms before, ")


def test_fewer_failures_and_slower_answers_are_mixed_with_the_failures_first() -> None:
    report = compared(make_run(errors=0.6, ok_ms=50.0), make_run(ok_ms=250.0, seed=2))
    assert report.answer == "mixed"
    assert report.sentence.startswith("Mixed: error rate falls from ")
    assert "; but P99 of successes rises from " in report.sentence


def test_fewer_failures_that_take_longer_are_mixed_too() -> None:
    report = compared(make_run(errors=0.3, error_ms=5.0), make_run(errors=0.05, error_ms=9000.0, seed=2))
    assert report.answer == "mixed"
    assert "; but P99 of all rises from " in report.sentence


@pytest.mark.parametrize("errors", [0.0, 0.05])
def test_slower_answers_are_worse_where_as_many_fail(errors: float) -> None:
    report = compared(make_run(errors=errors), make_run(errors=errors, ok_ms=400.0, seed=2))
    assert report.answer == "worse"
    assert "P99 of all rises from " in report.sentence


def slow_tail(ok_ms: float, seed: int) -> Run:
    """Answers of about `ok_ms`, and 3 % of one second: these alone make the P99."""
    run = make_run(ok_ms=ok_ms, seed=seed)
    slow = np.random.default_rng(seed + 100).random(len(run.samples)) < 0.03
    return replace(
        run, samples=replace(run.samples, duration_ms=np.where(slow, 1000.0, run.samples.duration_ms))
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_median_five_times_as_long_is_worse_under_the_same_p99(seed: int) -> None:
    report = compared(slow_tail(50.0, seed), slow_tail(250.0, seed + 20))
    assert line(report, "p99_ok").answer == "cannot_tell"
    assert report.answer == "worse"
    assert "P50 of successes rises from " in report.sentence


def test_no_difference_says_what_it_does_not_cover() -> None:
    report = compared(make_run(), make_run(seed=2))
    assert report.answer == "same"
    covered, left = report.sentence.split(" Left open: ")
    assert covered.startswith("No difference seen: error rate, ")
    assert all(f"{name} of successes" in left for name in ("P50", "P95", "P99"))


def test_figures_that_neither_side_has_are_not_left_open() -> None:
    report = compared(make_run(errors=1.0), make_run(errors=1.0, seed=2))
    assert report.answer == "same"
    assert "unknown" not in report.sentence


@pytest.mark.parametrize(
    ("base", "new", "apart"),
    [
        ([2] * 4, [14] * 4, ("2 users", "14 users")),
        ([2, 3] * 4, [12, 14] * 4, ("2, 3 users", "12, 14 users")),
        ([2, 6] * 4, [3, 9] * 4, ("2, 6 users", "3, 9 users")),
        ([2, 6] * 4, [6, 9] * 4, None),
    ],
)
def test_runs_that_share_no_level_of_load_are_not_alike(
    base: list[int], new: list[int], apart: tuple[str, str] | None
) -> None:
    report = compared(make_run(users=base), make_run(users=new, errors=0.3, seed=2))
    found = [(one.base, one.new) for one in report.unlike if one.what == "levels of load"]
    assert found == ([apart] if apart else [])
    assert report.sentence.startswith("The runs share no level of load (") == (apart is not None)
    assert "New is worse: error rate rises" in report.sentence


def test_requests_in_flight_are_no_reason_to_refuse() -> None:
    """They are many because the target became slow: that is what is to be told."""
    quick, slow = (
        replace(run, samples=replace(run.samples, users=np.full(len(run.samples), -1, np.int32)))
        for run in (make_run(users=[20] * 6), make_run(users=[20] * 6, ok_ms=4000.0, seed=2))
    )
    report = compared(quick, slow)
    assert (report.unlike, report.answer) == ([], "worse")
