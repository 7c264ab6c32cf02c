"""What a history of runs says: a step is told once, named and dated; noise and missing data are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_builder import START_S, by_load, make_run

from analysis.comparison.seen import seen
from analysis.gate import gate_code
from analysis.intervals import share_interval
from analysis.trend.entry import KIND, TITLES, Entry, Figure, entry_of
from analysis.trend.judge import regression, trend
from analysis.trend.step import night, step
from analysis.trend.watch import shifts

REQUESTS = 2000


def share(name: str, failed: int, requests: int = REQUESTS) -> Figure:
    low, high = share_interval(failed, requests)
    title = TITLES[name][0] if name in TITLES else name.removeprefix(KIND)
    return Figure(
        name=name, title=title, unit="share", value=failed / requests, low=low, high=high, n=requests
    )


def entry(
    place: int,
    failed: int = 20,
    p99_ms: float = 400.0,
    p50_ms: float = 100.0,
    *,
    kinds: dict[str, int] | None = None,
    whole: bool = True,
    commit: str | None = None,
    pinned: bool = False,
    requests: int = REQUESTS,
    likeness: dict[str, str] | None = None,
) -> Entry:
    figures = {"error_rate": share("error_rate", failed, requests)}
    for name, value in (("p99_all", p99_ms), ("p50_ok", p50_ms)):
        figures[name] = Figure(name=name, title=TITLES[name][0], unit="ms", value=value, n=requests)
    for kind, count in (kinds or {}).items():
        figures[KIND + kind] = share(KIND + kind, count, requests)
    return Entry(
        run_id=f"run-{place:02}",
        scenario="steps",
        likeness=likeness or {"scenario": "steps"},
        started_utc=f"2026-01-{place + 1:02}T00:00:00Z",
        target_commit=commit,
        exit_code=0 if whole else 3,
        whole=whole,
        requests=requests,
        errors=failed,
        sentence="",
        pinned=pinned,
        figures=figures if whole else {},
    )


def noisy(count: int, seed: int = 1, sd: float = 0.08, **levels: float) -> list[Entry]:
    random = np.random.default_rng(seed)
    p99_ms, p50_ms = levels.get("p99_ms", 400.0), levels.get("p50_ms", 100.0)
    rate = levels.get("rate", 0.01)
    return [
        entry(
            place,
            int(random.binomial(REQUESTS, rate)),
            float(p99_ms * np.exp(random.normal(0, sd))),
            float(p50_ms * np.exp(random.normal(0, sd))),
        )
        for place in range(count)
    ]


def renumbered(entries: Sequence[Entry]) -> list[Entry]:
    return [
        one.model_copy(
            update={"run_id": f"run-{i:02}", "started_utc": f"2026-01-01T{i // 60:02}:{i % 60:02}:00Z"}
        )
        for i, one in enumerate(entries)
    ]


def test_runs_that_only_differ_by_noise_are_no_regression() -> None:
    for seed in range(20):
        report = regression(noisy(12, seed))
        assert report.answer == "same", report.sentence
        assert report.sentence == "No regression in steps: as in the 11 runs before."


def test_a_higher_error_rate_is_told_with_its_kind_and_commits() -> None:
    before = [entry(i, 20, kinds={"503 lock timeout": 20}, commit="aaa") for i in range(8)]
    now = entry(8, 200, kinds={"503 lock timeout": 20, "500 broken hash": 180}, commit="bbb")
    report = regression([*before, now])
    assert report.answer == "worse"
    told = {change.title: change for change in report.alarms}
    assert set(told) == {"Error rate", "500 broken hash"}
    assert told["Error rate"].text == "rises from 1 % to 10 % (+900 %) since run run-08, commits aaa..bbb"
    assert told["500 broken hash"].base == 0
    assert told["500 broken hash"].change is None


def test_a_slower_p99_is_found_within_three_runs_and_dated_to_the_first() -> None:
    series = renumbered([*noisy(15, 3), *noisy(3, 4, p99_ms=560.0)])
    (change,) = [one for one in trend(series).series[0].changes if one.name == "p99_all"]
    assert change.begins == "run-15"
    assert change.worse
    assert change.change == pytest.approx(0.4, abs=0.12)


def test_a_change_is_told_once_and_stands_until_it_goes() -> None:
    series = renumbered([*noisy(10, 5), *noisy(6, 6, p50_ms=200.0, p99_ms=800.0)])
    first = [regression(series[: n + 1]) for n in range(10, 16)]
    assert [report.answer for report in first].count("worse") == 1
    last = first[-1]
    assert {change.title for change in last.standing} == {"P99 of all", "P50 of successes"}
    back = renumbered([*series, *noisy(4, 7)])
    assert any(regression(back[: n + 1]).better for n in range(16, 20))
    assert regression(back).standing == []


def test_a_pinned_baseline_alarms_until_it_is_met_again() -> None:
    pinned = [one.model_copy(update={"pinned": True}) for one in noisy(5, 8)]
    series = renumbered([*pinned, *noisy(4, 9, p50_ms=200.0, p99_ms=800.0)])
    for n in range(6, 9):
        report = regression(series[: n + 1])
        assert report.answer == "worse"
        assert report.baseline == "5 pinned runs"
        assert report.alarms[0].text.endswith("against 5 pinned runs")


def test_failures_are_news_even_where_durations_were_told() -> None:
    series = renumbered([*noisy(10, 5), *[entry(0, 20, 800.0, 200.0)] * 2, *[entry(0, 90, 800.0, 200.0)] * 3])
    told = [change.name for n in range(11, 16) for change in regression(series[:n]).alarms]
    assert told.count("p99_all") == 1
    assert told.count("error_rate") == 1


def test_half_a_recovery_still_stands() -> None:
    series = renumbered([*noisy(10, 5), *noisy(8, 6, p99_ms=1200.0), *noisy(8, 7, p99_ms=800.0)])
    report = regression(series)
    assert report.answer == "same"
    assert [change.name for change in report.standing] == ["p99_all"]
    assert report.sentence == "No new regression in steps, but one that was told before is still there."


def test_a_pinned_run_that_lacks_a_figure_is_no_baseline_for_it() -> None:
    pinned = entry(0, 2000, pinned=True)
    del pinned.figures["p50_ok"]
    assert regression([pinned, *noisy(6, 3)[1:]]).answer in ("same", "better")


def test_kinds_that_were_too_many_to_keep_are_not_taken_for_none() -> None:
    def night(place: int, first: int) -> Entry:
        return entry(place, 500, kinds={f"503 kind{i % 25}": 20 for i in range(first, first + 20)})

    series = [night(place, 7 * place) for place in range(10)]
    assert [regression(series[:n]).answer for n in range(2, 11)] == ["same"] * 9


def test_one_scenario_on_two_targets_is_two_series() -> None:
    other = {"target": "b", "likeness": {"scenario": "steps", "target": "b"}}
    series = [entry(i) for i in range(5)] + [entry(i + 5).model_copy(update=other) for i in range(3)]
    assert [len(one.runs) for one in trend(series).series] == [5, 3]


def test_no_errors_before_is_a_baseline_like_any_other() -> None:
    before = [entry(i, 0) for i in range(6)]
    assert regression([*before, entry(6, 0)]).answer == "same"
    assert regression([*before, entry(6, 1)]).answer == "same"
    report = regression([*before, entry(6, 60)])
    assert report.answer == "worse"
    assert report.alarms[0].change is None


def test_a_run_of_one_request_proves_nothing() -> None:
    before = [entry(i, 20) for i in range(6)]
    assert regression([*before, entry(6, 1, requests=1)]).answer == "same"
    assert regression([entry(0, 0, requests=1), entry(1, 1, requests=1)]).answer == "same"


def test_the_first_run_and_one_that_is_not_whole_are_not_judged() -> None:
    assert regression([entry(0)]).answer == "first"
    report = regression([entry(0), entry(1, whole=False)])
    assert report.answer == "not_judged"
    assert regression([entry(0, whole=False), entry(1)]).answer == "first"


def test_runs_that_are_not_alike_are_not_compared_and_it_is_said() -> None:
    before = [entry(i) for i in range(5)]
    other = entry(5, 400, likeness={"scenario": "steps", "target": "other"})
    report = regression([*before, other])
    assert report.answer == "first"
    assert "5 runs not in this series: not alike in target" in report.sentence


def test_a_run_that_is_not_whole_lies_between_others_without_counting() -> None:
    series = renumbered([*noisy(5, 1), entry(0, whole=False), *noisy(5, 2)])
    found = trend(series).series[0]
    assert len(found.runs) == 11
    assert found.lines[0].values[5] is None
    assert regression(series).runs_before == 9


def test_steps_of_two_levels_do_not_depend_on_which_comes_first() -> None:
    one, other = [night([share("error_rate", 20)])] * 5, [night([share("error_rate", 60)])] * 3
    up, down = step(one, other), step(other, one)
    assert up.p_value == pytest.approx(down.p_value)
    assert up.worse
    assert not down.worse
    assert up.low == pytest.approx(-down.high)


def test_looking_daily_tells_the_same_as_looking_once() -> None:
    series = renumbered([*noisy(12, 11), *noisy(8, 12, p99_ms=700.0)])
    daily = {
        (shift.name, shift.found)
        for n in range(2, len(series) + 1)
        for shift in shifts(series[:n])
        if shift.found == n - 1
    }
    assert daily == {(shift.name, shift.found) for shift in shifts(series)}


def test_an_entry_holds_what_a_real_verdict_found() -> None:
    run = make_run(errors=by_load(lambda users: 0.02 * users), seed=3)
    looked = seen(run)
    kept = entry_of(looked, gate_code(looked.verdict), "abc123")
    assert kept.requests == looked.verdict.requests
    assert kept.figures["error_rate"].value == pytest.approx(looked.verdict.error_rate.value)
    assert kept.figures["p99_all"].value == looked.verdict.latency_ms.all.p99
    kinds = [one for name, one in kept.figures.items() if name.startswith(KIND)]
    assert sum(one.value for one in kinds) == pytest.approx(kept.figures["error_rate"].value)


def test_an_entry_of_a_run_without_requests_is_not_whole() -> None:
    run = make_run()
    looked = seen(replace(run, samples=run.samples.take(np.zeros(0, np.int64))))
    kept = entry_of(looked, gate_code(looked.verdict))
    assert not kept.whole
    assert kept.figures == {}


def test_an_entry_of_a_run_that_was_cut_off_is_not_whole() -> None:
    event = {
        "kind": "cut_off",
        "time_s": START_S + 42,
        "elapsed_s": 42.0,
        "planned_s": 600.0,
        "quiet_s": 30.0,
    }
    looked = seen(make_run(errors=0.5, events=(event,)))
    assert looked.verdict.quality.complete  # it has missed a target
    assert not entry_of(looked, gate_code(looked.verdict)).whole


def repeated(start: int, values_ms: Sequence[float], **known: Any) -> list[Entry]:
    """The runs of one night, of which only P99 differs."""
    first = f"run-{start:02}"
    runs = [entry(start + i, p99_ms=value, **known) for i, value in enumerate(values_ms)]
    return [one.model_copy(update={"repeats": first if one.run_id != first else None}) for one in runs]


def test_what_one_run_leaves_open_the_repeats_of_its_night_settle() -> None:
    before = noisy(20, 1, sd=0.15)
    slower = repeated(20, [520.0] * 7)
    first = regression([*before, slower[0]])
    assert (first.answer, first.doubtful) == ("same", ["P99 of all"])
    last = regression([*before, *slower])
    assert (last.answer, last.runs_before) == ("worse", 20)
    (alarm,) = last.alarms
    assert (alarm.begins, alarm.found, alarm.runs_new) == ("run-20", "run-26", 7)
    usual = regression([*before, *repeated(20, [520.0, 350.0, 360.0, 370.0, 355.0])])
    assert (usual.answer, usual.doubtful) == ("same", [])


def test_a_night_that_is_worse_by_itself_or_no_worse_asks_for_no_more_runs() -> None:
    before = noisy(12, 1)
    for p99_ms, answer in ((1600.0, "worse"), (395.0, "same")):
        report = regression([*before, entry(12, p99_ms=p99_ms)])
        assert (report.answer, report.doubtful) == (answer, [])


def test_nights_that_wander_as_a_whole_are_no_certainty_however_often_repeated() -> None:
    random = np.random.default_rng(5)
    usual = [float(400 * np.exp(deviation)) for deviation in random.normal(0, 0.15, 20)]
    nights = [run for i, level in enumerate(usual) for run in repeated(4 * i, [level] * 4)]
    assert regression([*nights, *repeated(80, [520.0] * 7)]).answer == "same"
    alone = [run for i, level in enumerate(usual * 4) for run in repeated(i, [level])]
    assert regression([*alone, *repeated(80, [520.0] * 7)]).answer == "worse"


def test_looking_every_night_tells_the_same_as_looking_once_with_repeats() -> None:
    random = np.random.default_rng(3)
    series: list[Entry] = []
    ends: list[int] = []
    for place in range(30):
        level = 400 if place < 20 else 600
        runs = [float(level * np.exp(random.normal(0, 0.15))) for _ in range(1 + place % 3)]
        series += repeated(len(series), runs)
        ends.append(len(series))
    nightly = {
        (shift.name, shift.begins, shift.found)
        for end in ends
        for shift in shifts(series[:end])
        if shift.found == end - 1
    }
    once = {(shift.name, shift.begins, shift.found) for shift in shifts(series)}
    assert nightly == once
    assert [one.begins for one in shifts(series) if one.name == "p99_all"] == [ends[19]]


def test_a_run_that_repeats_is_no_night_of_its_own() -> None:
    before = noisy(12, 1)
    apart = regression([*before, *[entry(12 + i, p99_ms=560.0) for i in range(3)]])
    together = regression([*before, *repeated(12, [560.0] * 3)])
    assert (apart.runs_before, together.runs_before) == (14, 12)


@pytest.mark.parametrize(("before", "after"), [(0.05, 0.2), (0.6, 0.75), (0.8, 0.95), (0.9, 1.0)])
def test_a_step_of_an_error_rate_is_seen_however_high_it_is(before: float, after: float) -> None:
    series = renumbered([*noisy(20, 1, rate=before), *noisy(1, 2, rate=after)])
    assert regression(series).answer == "worse"


def test_a_night_worse_than_its_pinned_runs_is_not_repeated() -> None:
    pinned = [one.model_copy(update={"pinned": True}) for one in noisy(8, 1)]
    series = renumbered([*pinned, *noisy(3, 2, p99_ms=640.0)])
    report = regression(series)
    assert (report.answer, report.doubtful) == ("worse", [])


def test_a_repair_is_no_regression_though_refusals_were_quick() -> None:
    before = noisy(8, rate=0.6, p99_ms=3.0)
    nights = renumbered([*before, *noisy(4, seed=9, rate=0.0, p99_ms=180.0)])
    first = regression(nights[:9])
    assert (first.answer, first.alarms, first.doubtful) == ("better", [], [])
    assert "Error rate falls from 60" in first.sentence
    assert [regression(nights[: i + 1]).alarms for i in range(9, 12)] == [[]] * 3
    (series,) = trend(nights).series
    assert [change.name for change in series.changes] == ["error_rate"]
    pinned = [one.model_copy(update={"pinned": True}) for one in nights[:8]]
    assert regression([*pinned, *nights[8:]]).alarms == []


def test_a_slower_median_beside_fewer_failures_is_told_after_them() -> None:
    before = noisy(8, rate=0.6, p99_ms=50.0, p50_ms=40.0)
    report = regression(renumbered([*before, *noisy(1, seed=9, rate=0.0, p99_ms=180.0, p50_ms=150.0)]))
    assert report.answer == "worse"
    assert [change.name for change in report.alarms] == ["p50_ok"]
    assert report.sentence.startswith("Mixed in steps since run run-08: Error rate falls from 60")


def test_a_slower_p99_is_a_regression_where_as_many_fail() -> None:
    before = noisy(8, rate=0.6, p99_ms=50.0)
    report = regression(renumbered([*before, *noisy(1, seed=9, rate=0.595, p99_ms=180.0)]))
    assert [change.name for change in report.alarms] == ["p99_all"]
