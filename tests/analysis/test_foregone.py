"""Whether a run that goes on can still meet its targets: certain where it is said, and never too early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from run_builder import START_S, example, make_run, make_samples

from analysis.diagnose import diagnose
from analysis.slo.foregone import Ahead, Foregone, foregone
from analysis.slo.grammar import parse_slo
from commands.look_at_targets import basis_of
from recording.planned import planned_parts
from recording.run import Run

LENGTH_S = 300.0
PER_USER_S = 2.0
STEPS = [[0, 150, 5, 5], [150, 300, 10, 10]]


def planned(unit: str = "users", *stages: list[float]) -> dict[str, Any]:
    return {
        "start_s": START_S,
        "planned_s": LENGTH_S,
        "planned_load": [{"part": "", "unit": unit, "stages": list(stages or STEPS)}],
    }


def run_with(bad: Any, *, slow_ms: float = 52.0, status: int = 503, unit: str = "users") -> Run:
    """5 users for 150 s, then 10; each sends 2 a second; `bad` tells from time and index which fail."""
    time_s = np.concatenate([np.arange(0, 150, 0.1), np.arange(150, 300, 0.05)])
    failed = np.asarray(bad(time_s, np.arange(len(time_s))), bool)
    samples = make_samples(
        start_s=START_S + time_s,
        duration_ms=np.where(failed, slow_ms, 100.0),
        status=np.where(failed, status, 200),
        outcome=["http_error" if one else "ok" for one in failed],
        code="busy",
        users=np.where(time_s < 150, 5, 10),
    )
    return replace(make_run(), samples=samples, manifest=planned(unit), examples=(example(),))


def after(run: Run, elapsed_s: float) -> Run:
    """The run as it was settled after so long."""
    return replace(run, samples=run.samples.take(run.samples.start_s < START_S + elapsed_s))


def said(run: Run, target: str, elapsed_s: float, most: int | None = None) -> Foregone | None:
    until_s = START_S + elapsed_s
    ahead = Ahead(planned_parts(run.manifest), START_S, until_s, most)
    return foregone(parse_slo(target), basis_of(after(run, elapsed_s), until_s), ahead)


def first(run: Run, target: str) -> float | None:
    """Seconds after which it is said, looked at every 5 s."""
    return next((float(t) for t in range(5, 300, 5) if said(run, target, t) is not None), None)


BY_TURNS = run_with(lambda _, i: i % 2 == 0, slow_ms=3000.0)
"""Every second request fails, and takes three seconds."""


@pytest.mark.parametrize(
    ("target", "after_s"),
    [
        # 4,500 requests are planned: a tenth is 450, which is reached after 90 s of 5 failures a second.
        ("error_rate < 10 %", 90),
        ("status(503) <= 10 %", 90),
        ("status(200) > 90 %", 90),
        ("outcome(ok) >= 90 %", 90),
        ("p90 < 1000 ms", 90),
        ("error_rate(endpoint login) < 10 %", 90),
        # 1,500 of them at 5 users.
        ("error_rate < 10 % at users <= 5", 30),
        # 3,000 at 10 users: failures come from 150 s on, ten a second.
        ("error_rate < 10 % at users = 10", 180),
        ("p99 < 1000 ms", 10),
        ("error_rate < 60 %", None),
        ("p40 < 1000 ms", None),
        ("p99(ok) < 1000 ms", None),
        ("unclear_errors < 10 %", None),
    ],
)
def test_a_share_is_foregone_once_all_that_is_planned_could_not_save_it(
    target: str, after_s: float | None
) -> None:
    found = first(BY_TURNS, target)
    assert found == after_s if after_s is None else found == pytest.approx(after_s, abs=5)
    assert diagnose(BY_TURNS, [target]).slo[0].outcome == ("met" if after_s is None else "missed")


def test_what_is_unclear_counts_where_it_is_known() -> None:
    run = replace(BY_TURNS, examples=(example(503, "", body=""),))
    assert first(run, "unclear_errors < 10 %") == pytest.approx(90, abs=5)
    assert first(replace(run, examples=()), "unclear_errors < 10 %") is None


def test_errors_at_the_beginning_that_the_rest_makes_up_for_end_nothing() -> None:
    run = run_with(lambda time_s, _: time_s < 20)
    assert all(diagnose(after(run, t), ["error_rate < 5 %"]).slo[0].outcome == "missed" for t in (30, 150))
    assert first(run, "error_rate < 5 %") is None
    assert diagnose(run, ["error_rate < 5 %"]).slo[0].outcome == "met"
    assert said(run, "error_rate < 5 %", 150, most=1600) is not None


@pytest.mark.parametrize("target", ["error_rate < 30 % for 10 s", "p95 < 1000 ms for 10 s"])
def test_a_window_that_missed_stays_missed(target: str) -> None:
    run = run_with(lambda time_s, _: (time_s >= 45) & (time_s < 55), slow_ms=3000.0)
    begin = first(run, target)
    assert begin == 50
    found = said(run, target, begin)
    assert found is not None
    assert found.text.startswith("missed with 5" if "error" in target else "missed with 3,000 ms")
    assert "from 40 s on, 1 of them misses it" in found.text
    for end in (51.0, 54.9, 60.0, 300.0):
        assert diagnose(after(run, end), [target]).slo[0].outcome == "missed"


def test_a_window_that_is_not_over_says_nothing() -> None:
    run = run_with(lambda time_s, _: time_s >= 20)
    assert said(run, "error_rate < 80 % for 20 s", 39) is None
    assert said(run, "error_rate < 80 % for 20 s", 40) is not None
    assert said(run, "throughput > 9 per s for 20 s", 29) is None
    assert said(run, "throughput > 9 per s for 20 s", 30) is not None


def test_a_freeze_that_was_too_long_stays_so() -> None:
    time_s = np.concatenate([np.arange(0, 50, 0.1), np.arange(54, 100, 0.1)])
    duration = np.where((time_s > 49) & (time_s < 50), (54 - time_s) * 1000, 40.0)
    samples = make_samples(start_s=START_S + time_s, duration_ms=duration, users=5)
    run = replace(make_run(), samples=samples, manifest=planned())
    assert said(run, "freeze < 2 s", 45) is None
    assert said(run, "freeze < 2 s", 60) is not None
    assert said(run, "freeze < 20 s", 60) is None


@pytest.mark.parametrize(
    "target",
    ["throughput > 900 per s", "error_rate < 1 % at in_flight <= 50", "error_rate < 1 % at arrivals > 1"],
)
def test_what_nobody_can_foresee_is_never_given_up(target: str) -> None:
    assert first(BY_TURNS, target) is None


def test_an_open_load_is_foreseen_by_its_arrivals() -> None:
    run = run_with(lambda _, i: i % 2 == 0, unit="arrivals/s")
    assert first(run, "error_rate < 10 %") == pytest.approx(90, abs=5)
    assert first(run, "error_rate < 10 % at arrivals <= 5") == pytest.approx(30, abs=5)


def test_without_a_plan_or_requests_nothing_is_foreseen() -> None:
    bare = replace(BY_TURNS, manifest={"start_s": START_S})
    assert first(bare, "error_rate < 1 %") is None
    both = planned("users", [0, 300, 5, 5])
    both["planned_load"] += planned("arrivals/s", [0, 300, 5, 5])["planned_load"]
    assert first(replace(BY_TURNS, manifest=both), "error_rate < 1 %") is None
    assert said(BY_TURNS, "error_rate < 1 %", 0) is None
    assert said(BY_TURNS, "error_rate < 1 %", 4) is None


def event(**more: Any) -> dict[str, Any]:
    return {"kind": "missed", "time_s": START_S + 91, "target": "p99 < 5 ms", "text": "too slow", **more}


def test_the_report_says_that_the_run_ended_early_and_why() -> None:
    ended = replace(after(BY_TURNS, 90), events=(event(),))
    (finding,) = (f for f in diagnose(ended).quality.findings if f.code == "ended_early")
    assert finding.severity == "note"
    assert "after 90 s of 300 s" in finding.text
    assert "could not meet p99 < 5 ms any more: too slow." in finding.text


@pytest.mark.parametrize(
    "run",
    [
        after(BY_TURNS, 90),
        replace(BY_TURNS, events=(event(),)),
        replace(after(BY_TURNS, 90), events=(event(),), manifest={}),
        replace(after(BY_TURNS, 90), events=({"kind": "note", "time_s": START_S},)),
    ],
)
def test_a_run_that_no_look_ended_is_not_said_to_have_been(run: Run) -> None:
    assert "ended_early" not in {finding.code for finding in diagnose(run).quality.findings}


def test_a_damaged_event_is_told_with_what_it_holds() -> None:
    run = replace(after(BY_TURNS, 90), events=({"kind": "missed", "time_s": START_S, "target": 5},))
    assert any("could not meet 5 any more" in f.text for f in diagnose(run).quality.findings)
