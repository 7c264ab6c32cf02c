"""A load generator that stands still: what it held up is no latency of the target, and no freeze."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, make_samples

from analysis.comparison.seen import seen
from analysis.diagnose import diagnose, judged
from analysis.experiment.arms import arm_of
from analysis.slo.ahead import Ahead
from analysis.slo.foregone import foregone
from analysis.slo.grammar import parse_slo
from analysis.standstill import Standstill, marked
from commands.look_at_targets import basis_of
from recording.planned import PlannedPart
from recording.run import Readings, Run
from recording.sample import Samples

TAKES_S, THINKS_S, USERS = 0.1, 0.02, 10
BEAT_S = 0.1
Stalls = tuple[tuple[float, float], ...]
SOME: Stalls = tuple((begin_s, begin_s + 0.3) for begin_s in (8.03, 10.08, 12.01, 14.06, 16.04))
"""More than a hundredth of the requests of 20 s meet them, and too little time for the run to be invalid."""


def heartbeats(length_s: float, stalls: Stalls, node: str = "local") -> Readings:
    """What a process writes that cannot run during `stalls` (begin, end), seconds since the start."""
    time_s, lag_ms, due_s = [], [], 0.0
    while due_s < length_s:
        now_s = next((end for begin, end in stalls if begin <= due_s < end), due_s)
        time_s.append(START_S + now_s)
        lag_ms.append((now_s - due_s) * 1000)
        due_s = now_s + BEAT_S
    rows = len(time_s)
    labels = np.full(rows, node)
    return Readings(
        np.array(time_s), np.full(rows, "generator"), np.full(rows, "loop_lag_ms"), labels, np.array(lag_ms)
    )


def closed_loop(length_s: float, stalls: Stalls = (), freezes: Stalls = (), **columns: object) -> Samples:
    """Users who think between requests; a stall or freeze keeps what ends within it until it is over."""
    starts, durations = [], []
    for user in range(USERS):
        t = user * 0.02
        while t < length_s:
            done = t + TAKES_S * (1 + 0.2 * np.sin(37 * t))
            for begin, end in sorted((*stalls, *freezes)):
                done = end + 0.001 * user if begin < done < end else done
            starts.append(t)
            durations.append((done - t) * 1000)
            t = done + THINKS_S
            t = next((end + 0.001 * user for begin, end in stalls if begin < t < end), t)
    order = np.argsort(starts, kind="stable")
    start_s = START_S + np.array(starts)[order]
    return make_samples(start_s=start_s, duration_ms=np.array(durations)[order], users=USERS, **columns)


def run_of(samples: Samples, readings: Readings | None) -> Run:
    return Run(id="run", source="made_up", samples=samples, readings=readings)


def stalled(length_s: float, stalls: Stalls, freezes: Stalls = ()) -> Run:
    return run_of(closed_loop(length_s, stalls, freezes), heartbeats(length_s, stalls))


def joined(*parts: Readings) -> Readings:
    names = ("time_s", "source", "name", "labels", "value")
    return Readings(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def test_it_lasts_from_the_heartbeat_before_the_late_one_to_the_one_after_it() -> None:
    beats_s, lag_ms = np.array([0.1, 0.2, 0.7, 0.8, 0.9]), np.array([1.0, 0.0, 400.0, 0.0, 99.0])
    found = Standstill.of(beats_s, lag_ms)
    assert found is not None
    begin_s, end_s = np.array([0.0, 0.2, 0.5, 0.79, 0.8, 0.0]), np.array([0.2, 0.8, 0.6, 0.81, 0.9, 9.0])
    assert found.within_s(begin_s, end_s) == pytest.approx([0.0, 0.6, 0.1, 0.01, 0.0, 0.6])
    assert Standstill.of(beats_s, np.full(5, 100.0)) is None


def test_a_process_that_stood_still_at_its_very_beginning_is_told_too() -> None:
    found = Standstill.of(np.array([1.5, 1.6]), np.array([500.0, 0.0]))
    assert found is not None
    assert found.within_s(np.array([0.0]), np.array([2.0])) == pytest.approx([0.6])


def test_percentiles_are_those_of_a_run_without_it() -> None:
    control = diagnose(run_of(closed_loop(20), heartbeats(20, ())))
    blamed = diagnose(run_of(closed_loop(20, SOME), None))
    found = diagnose(stalled(20, SOME))
    assert found.quality.valid
    wrong, right, here = (verdict.latency_ms.all.p99 for verdict in (blamed, control, found))
    assert wrong is not None
    assert right is not None
    assert wrong > 2 * right
    assert here == pytest.approx(right, rel=0.1)
    (text,) = (finding.text for finding in found.quality.findings if finding.code == "stalled_requests")
    held_up = int(marked(stalled(20, SOME)).samples.is_held_up.sum())
    assert text.startswith(f"{held_up} requests (")
    (least_ms,) = re.findall(r"of the slowest at least (\d+) ms", text)
    assert 0 < int(least_ms) < 1300 * TAKES_S
    assert (found.requests, found.latency_ms.all.n) == (blamed.requests, blamed.requests - held_up)


@pytest.mark.parametrize(
    "target",
    ["p99 < 200 ms", "p99(ok) < 200 ms", "p99(endpoint login) < 200 ms", "p99(ok) < 200 ms for 10 s"],
)
def test_targets_do_not_see_it(target: str) -> None:
    blamed = run_of(closed_loop(20, SOME), None)
    outcomes = [diagnose(run, [target]).slo[0].outcome for run in (blamed, stalled(20, SOME))]
    assert outcomes == ["missed", "met"]


def test_latency_in_time_does_not_show_it() -> None:
    highest = [
        float(np.nanmax(judged(run).windows.ok_p99_ms))
        for run in (run_of(closed_loop(20, SOME), None), stalled(20, SOME))
    ]
    assert highest[0] > 300
    assert highest[1] < 130


def test_a_run_is_not_ended_for_it_while_it_goes_on() -> None:
    """Two thirds of it are over, and by what was held up the target would be missed for certain."""
    target, until_s = parse_slo("p99 < 200 ms"), START_S + 17.5
    ahead = Ahead((PlannedPart("", "users", np.array([[0.0, 18.0, USERS, USERS]])),), START_S, until_s)
    said = [
        foregone(target, basis_of(run, until_s), ahead)
        for run in (run_of(closed_loop(17.4, SOME), None), stalled(17.4, SOME))
    ]
    assert said[0] is not None
    assert said[1] is None


def test_nothing_is_touched_where_no_heartbeat_was_late() -> None:
    for readings in (None, heartbeats(30, ())):
        run = run_of(closed_loop(30), readings)
        assert marked(run) is run


def test_only_the_requests_of_the_process_that_stood_still_are_held_up() -> None:
    stalls = ((10.0, 10.5),)
    nodes = np.where(np.arange(len(closed_loop(30))) % 2, "worker-0", "worker-1").tolist()
    samples = closed_loop(30, node=nodes)
    readings = joined(heartbeats(30, stalls, "worker-0"), heartbeats(30, (), "worker-1"))
    held_up = marked(run_of(samples, readings)).samples
    assert set(held_up.node.take(held_up.is_held_up).to_list()) == {"worker-0"}


def test_a_long_request_keeps_its_duration() -> None:
    """Else percentiles of a target whose slow requests meet every standstill would be too low."""
    samples = make_samples(start_s=START_S + np.array([1.0, 9.9]), duration_ms=np.array([20_000.0, 600.0]))
    found = marked(run_of(samples, heartbeats(30, ((10.0, 10.5),)))).samples
    assert found.is_held_up.tolist() == [False, True]


def test_what_was_due_meanwhile_and_sent_late_is_held_up() -> None:
    samples = make_samples(start_s=START_S + np.array([10.7, 10.7]), duration_ms=50.0)
    samples = replace(samples, delay_ms=np.array([400.0, -1.0]))
    found = marked(run_of(samples, heartbeats(30, ((10.0, 10.5),)))).samples
    assert found.is_held_up.tolist() == [True, False]


def test_failures_among_them_count_and_have_no_duration() -> None:
    """Whether a time-out is the target's nobody knows: it is told, and not taken from the target."""
    stalls = ((20.03, 20.43),)
    samples = closed_loop(60, stalls)
    held_up = np.flatnonzero(marked(run_of(samples, heartbeats(60, stalls))).samples.is_held_up)
    outcome = np.full(len(samples), "ok", dtype=object)
    outcome[held_up[:3]], outcome[held_up[3:5]], outcome[0] = "http_error", "total_timeout", "total_timeout"
    verdict = diagnose(
        run_of(closed_loop(60, stalls, outcome=outcome.tolist()), heartbeats(60, stalls)),
    )
    assert (verdict.requests, verdict.errors) == (len(samples), 6)
    assert {kind.outcome: kind.duration_ms.n for kind in verdict.fingerprints} == {
        "http_error": 0,
        "total_timeout": 1,
    }
    (told,) = (finding for finding in verdict.quality.findings if finding.code == "stalled_requests")
    assert told.severity == "warning"
    assert "2 of them timed out" in told.text


def test_it_is_no_freeze_of_the_target() -> None:
    stalls = ((200.03, 204.03),)
    assert diagnose(run_of(closed_loop(500, stalls), None)).freezes
    found = diagnose(stalled(500, stalls))
    assert found.quality.valid
    assert found.freezes == []


@pytest.mark.parametrize(("stall_s", "told_s"), [(0.5, 8.0), (1.5, 6.4)])
def test_a_freeze_of_the_target_is_told_without_what_the_generator_took(
    stall_s: float, told_s: float
) -> None:
    run = stalled(120, ((52.0, 52.0 + stall_s),), freezes=((50.0, 58.0),))
    (freeze,) = diagnose(run).freezes
    assert freeze.duration_s == pytest.approx(told_s, abs=0.2)


def test_experiments_and_comparisons_do_not_see_it() -> None:
    runs = run_of(closed_loop(20, SOME), None), stalled(20, SOME)
    for look in (lambda run: arm_of(run, "first", 0, 20), lambda run: seen(run).whole):
        wrong, found = (look(run).ok.p99 for run in runs)
        assert wrong > 300
        assert found < 130
