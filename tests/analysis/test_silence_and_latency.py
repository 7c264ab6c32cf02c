"""Freezes, percentiles, levels and capacity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import by_load, make_run, make_samples

from analysis.freezes import silences
from analysis.latency import Distribution
from analysis.levels import capacity, cut_levels, level_table
from analysis.ranked import Ranked
from analysis.usable import usable
from analysis.windows import cut_windows, row_load


def prepared(samples):
    rows = usable(samples)
    return rows, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows)))


def frozen(users: int = 10, freeze: tuple[float, float] = (30.0, 38.0), end: float = 60.0, **columns):
    """A closed loop: each user sends, waits 0.2 s, thinks 0.3 s; nothing is answered during the freeze."""
    starts, durations = [], []
    for user in range(users):
        t = user * 0.05
        while t < end:
            done = t + 0.2
            if freeze[0] < done < freeze[1]:
                done = freeze[1] + 0.01 * user
            starts.append(t)
            durations.append((min(done, end) - t) * 1000)
            t = done + 0.3
    return make_samples(start_s=1e9 + np.array(starts), duration_ms=durations, users=users, **columns)


def test_a_freeze_is_found_to_a_tenth_of_a_second_with_everybody_waiting():
    rows, levels = prepared(frozen())
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.start_s == pytest.approx(30.0, abs=0.5)
    assert freeze.duration_s == pytest.approx(8.0, abs=0.5)
    assert freeze.in_flight == 10
    waiting = (rows.samples.start_s < 1e9 + 30) & (rows.samples.end_s > 1e9 + 37.9)
    oldest_s = 1e9 + 38 - rows.samples.start_s[waiting].min()
    assert freeze.oldest_s == pytest.approx(oldest_s, abs=0.01)
    assert oldest_s > freeze.duration_s + 0.05


def test_whoever_waited_no_time_at_all_did_not_wait():
    starts, outcomes = 1e9 + np.array([0.0, 50.0, 100.0]), ["ok", "total_timeout", "total_timeout"]
    rows, levels = prepared(make_samples(start_s=starts, duration_ms=[1.0, 0.0, 0.0], outcome=outcomes))
    assert silences(rows.samples, levels).freezes == ()


def test_nobody_waits_for_what_could_not_be_sent():
    """One user who thinks for 4 s; every third request needs a value that cannot be sent."""
    kinds = [("ok", 200), ("ok", 200), ("wrong_content", 0)] * 20
    outcomes, statuses = zip(*kinds, strict=True)
    rows, levels = prepared(
        make_samples(
            start_s=1e9 + 4.0 * np.arange(60), duration_ms=1.3, outcome=outcomes, status=statuses, users=1
        )
    )
    assert silences(rows.samples, levels).found == ()


def test_nobody_waits_for_the_target_while_its_name_is_looked_up():
    """Ten users, whose lookups end after 3 s each: nothing reaches the target for 9 s."""
    before = [(0.5 * i + 0.05 * user, 200.0, "ok") for user in range(10) for i in range(60)]
    lookups = [(30.0 + 0.05 * user + 3.0 * i, 3000.0, "dns") for user in range(10) for i in range(3)]
    after = [(40.0 + 0.5 * i + 0.05 * user, 200.0, "ok") for user in range(10) for i in range(10)]
    start_s, duration_ms, outcome = zip(*sorted(before + lookups + after), strict=True)
    rows, levels = prepared(
        make_samples(
            start_s=1e9 + np.array(start_s), duration_ms=list(duration_ms), outcome=list(outcome), users=10
        )
    )
    assert silences(rows.samples, levels).found == ()


def test_who_waits_again_after_a_time_out_counts_once_and_is_as_old_as_its_limit():
    """Ten users who give up after 3 s and ask again, three times each, while nothing is answered."""
    before = [(0.5 * i + 0.05 * user, 200.0, "ok") for user in range(10) for i in range(60)]
    after = [(30.0 + 0.05 * user + 3.3 * i, 3000.0, "total_timeout") for user in range(10) for i in range(3)]
    start_s, duration_ms, outcome = zip(*sorted(before + after), strict=True)
    rows, levels = prepared(
        make_samples(
            start_s=1e9 + np.array(start_s), duration_ms=list(duration_ms), outcome=list(outcome), users=10
        )
    )
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.in_flight == 10
    assert freeze.oldest_s == pytest.approx(3.0, abs=0.01)
    assert freeze.duration_s > 9


def silent_for(
    silent_s: tuple[float, float],
    limit_s: float,
    think_s: float,
    after_s: float | None = None,
    answer_s: float = 0.2,
    users: int = 1,
):
    """Users in step, whose answers take `answer_s` but for a time in which none comes: what was sent then is
    given up.

    They think for `think_s` after an answer, and for `after_s` after having given up, if that differs.
    """
    rows, t = [], 0.0
    while t < 300.0:
        silent = silent_s[0] <= t < silent_s[1]
        took_s, outcome = (limit_s, "total_timeout") if silent else (answer_s, "ok")
        rows += [(1e9 + t, took_s * 1000, outcome)] * users
        t += took_s + (after_s if silent and after_s is not None else think_s)
    start_s, duration_ms, outcomes = zip(*rows, strict=True)
    return make_samples(start_s=start_s, duration_ms=list(duration_ms), outcome=list(outcomes), users=users)


def test_after_the_last_one_gave_up_nobody_waits_until_the_next_request():
    """One request gives up after 4 s, its user thinks for 30 s, the next one is answered at once."""
    rows, levels = prepared(silent_for((100.0, 101.0), limit_s=4.0, think_s=0.4, after_s=30.0))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(3.8, abs=0.01)
    assert freeze.oldest_s == pytest.approx(4.0, abs=0.01)
    assert freeze.end_s - freeze.start_s == pytest.approx(34.0, abs=0.01)


def test_a_usual_answer_after_a_pause_is_no_part_of_the_freeze_before():
    rows, levels = prepared(silent_for((100.0, 103.0), limit_s=9.0, think_s=0.4, after_s=30.0, answer_s=3.0))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(6.0, abs=0.01)


@pytest.mark.parametrize("users", [1, 10])
@pytest.mark.parametrize(
    ("answer_s", "limit_s", "think_s", "silent_for_s"),
    [
        (0.2, 3.0, 2.0, 60.0),
        (0.1, 2.0, 3.0, 30.0),
        (0.1, 5.0, 10.0, 60.0),
        (0.4, 0.5, 3.0, 30.0),
        (0.8, 1.0, 0.001, 30.0),
        (1.5, 2.0, 0.001, 12.0),
    ],
)
def test_who_gives_up_again_and_again_sees_one_freeze_without_the_pauses(
    users: int, answer_s: float, limit_s: float, think_s: float, silent_for_s: float
):
    silent_s = 100.0, 100.0 + silent_for_s
    rows, levels = prepared(silent_for(silent_s, limit_s, think_s, answer_s=answer_s, users=users))
    given_up = np.unique(rows.samples.start_s[rows.samples.outcome.equals("total_timeout")])
    assert len(given_up) >= 3
    (freeze,) = silences(rows.samples, levels).freezes
    # The first answer was not due at once. Without a pause the wait for the last one belongs to it.
    without_pauses_s = len(given_up) * limit_s - (answer_s if think_s > 0.1 else 0)
    assert freeze.duration_s == pytest.approx(without_pauses_s, abs=0.05)
    assert freeze.start_s == pytest.approx(given_up[0] - rows.samples.start_s[0] + answer_s, abs=0.01)
    assert freeze.end_s - freeze.start_s == pytest.approx(len(given_up) * (limit_s + think_s), abs=0.05)
    assert freeze.in_flight == users


def test_a_freeze_begins_when_an_answer_was_due_and_not_in_the_pause_before():
    """One user gives up so soon that no answer is due by then, pauses, and then waits for 8 s."""
    given_up = (50.0, 100.0, "total_timeout")
    before = [(1.0 * i, 500.0, "ok") for i in range(50)]
    after = [(88.0 + 1.0 * i, 500.0, "ok") for i in range(50)]
    start_s, duration_ms, outcome = zip(*before, given_up, (80.0, 8000.0, "ok"), *after, strict=True)
    rows, levels = prepared(
        make_samples(
            start_s=1e9 + np.array(start_s), duration_ms=list(duration_ms), outcome=list(outcome), users=1
        )
    )
    (freeze,) = silences(rows.samples, levels).freezes
    assert (freeze.start_s, freeze.end_s) == pytest.approx((80.5, 88.0), abs=0.01)
    assert freeze.duration_s == pytest.approx(7.5, abs=0.01)


def test_a_long_pause_makes_no_freeze_of_a_short_limit():
    rows, levels = prepared(silent_for((100.0, 101.0), limit_s=1.0, think_s=0.4, after_s=60.0))
    assert silences(rows.samples, levels).freezes == ()


def test_a_freeze_that_lasts_to_the_end_shows_in_unfinished_requests():
    samples = frozen(freeze=(50.0, 1e9))
    outcome = np.where(samples.end_s > 1e9 + 59.9, "unfinished", "ok")
    rows, levels = prepared(frozen(freeze=(50.0, 1e9), outcome=outcome.tolist()))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.start_s + freeze.duration_s == pytest.approx(60.0, abs=0.5)
    assert freeze.duration_s == pytest.approx(10.0, abs=0.5)


def test_time_outs_do_not_end_a_freeze():
    samples = frozen()
    outcome = np.where(samples.duration_ms > 5000, "total_timeout", "ok")
    limited = frozen(outcome=outcome.tolist())
    limited.duration_ms[limited.duration_ms > 5000] = 5000
    rows, levels = prepared(limited)
    (freeze,) = silences(rows.samples, levels).freezes
    # Nobody waits any more once the last one has given up.
    assert freeze.duration_s == pytest.approx(5.0, abs=0.3)


def test_one_client_with_slow_answers_is_no_freeze():
    slow = make_samples(start_s=1e9 + np.arange(30) * 5.0, duration_ms=4000.0, users=1)
    rows, levels = prepared(slow)
    assert silences(rows.samples, levels).freezes == ()


def test_nobody_waiting_is_no_freeze():
    starts = np.concatenate([np.arange(100) * 0.1, 40 + np.arange(100) * 0.1])
    rows, levels = prepared(make_samples(start_s=1e9 + starts, duration_ms=50.0, users=1))
    assert silences(rows.samples, levels).freezes == ()


def test_one_user_sees_a_freeze_too():
    durations = np.full(100, 100.0)
    durations[50] = 9000.0
    starts = np.concatenate([[0.0], np.cumsum(durations[:-1] / 1000 + 0.2)])
    rows, levels = prepared(make_samples(start_s=1e9 + starts, duration_ms=durations, users=1))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(9.0, abs=0.3)


@pytest.mark.parametrize("users", [10, -1])
@pytest.mark.parametrize("hung", [1, 2])
def test_a_slow_answer_after_the_end_of_the_load_is_no_freeze(users: int, hung: int):
    """Ten users whose load ends at 60 s; the last requests of some are answered 9 s later, or never."""
    samples = frozen(freeze=(70.0, 70.0))
    last = np.argsort(samples.start_s)[-hung:]
    durations = samples.duration_ms.copy()
    durations[last] = 9000.0
    outcome = np.where(durations == 9000.0, "unfinished", "ok").tolist()
    late = make_samples(start_s=samples.start_s, duration_ms=durations, users=users, outcome=outcome)
    rows, levels = prepared(late)
    assert silences(rows.samples, levels).freezes == ()
    all_hang = np.where(samples.start_s > 1e9 + 59.4, 9000.0, samples.duration_ms)
    frozen_late = make_samples(start_s=samples.start_s, duration_ms=all_hang, users=users)
    rows, levels = prepared(frozen_late)
    assert silences(rows.samples, levels).freezes


def in_step(users: int = 10, answer_s: float = 3.0, every_s: float = 4.0, rounds: int = 40):
    """Users who log in at the same instant, again and again; every answer takes its time."""
    rng = np.random.default_rng(5)
    starts = np.repeat(np.arange(rounds) * every_s, users) + rng.uniform(0, 0.01, users * rounds)
    durations = 1000 * rng.normal(answer_s, 0.02, len(starts))
    order = np.argsort(starts)
    return make_samples(start_s=1e9 + starts[order], duration_ms=durations[order], users=users)


def test_answers_that_all_take_long_are_no_freeze_though_their_users_walk_in_step():
    rows, levels = prepared(in_step())
    found = silences(rows.samples, levels)
    assert (found.freezes, found.stalls) == ((), ())
    assert found.longest_s < 0.5


def test_a_slow_level_is_judged_by_its_own_answers_while_the_load_goes_down():
    """14 users whose answers take 2.6 s, then two whose answers take 50 ms: in step, again and again."""
    starts, durations, users = [], [], []
    for block in range(8):
        begin = block * 20.0
        for turn in range(3):
            starts += [begin + 3 * turn + 0.001 * i for i in range(14)]
            durations += [2600.0 + 5 * i for i in range(14)]
            users += [14] * 14
        starts += [begin + 6.1 + 0.4 * i for i in range(30)]
        durations += [50.0] * 30
        users += [2] * 30
    order = np.argsort(starts)
    samples = make_samples(
        start_s=1e9 + np.array(starts)[order],
        duration_ms=np.array(durations)[order],
        users=np.array(users)[order],
    )
    rows, levels = prepared(samples)
    assert silences(rows.samples, levels).freezes == ()


@pytest.mark.parametrize("freeze_s", [2.5, 3.0, 8.0])
def test_a_freeze_keeps_its_length_whatever_answers_usually_need(freeze_s: float):
    rows, levels = prepared(frozen(freeze=(30.0, 30.0 + freeze_s)))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(freeze_s, abs=0.5)


def arrivals(seed: int, frozen_from: float = 1e9):
    """20 requests a second for two minutes, one in fifty takes 8 s; users are those in flight, as tools write
    them that have no users. From a moment on nothing is answered until 12 s after the end."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.exponential(0.05, 2400))
    durations = np.where(rng.random(2400) < 0.02, 8 * rng.uniform(0.9, 1.1, 2400), 0.05)
    hang = starts + durations > frozen_from
    durations[hang] = starts[-1] + 12 - starts[hang]
    ends = starts + durations
    users = [int(np.count_nonzero(ends[:i] > starts[i])) for i in range(2400)]
    return make_samples(start_s=1e9 + starts, duration_ms=1000 * durations, users=users)


@pytest.mark.parametrize("seed", range(12))
def test_slow_answers_that_outlast_an_open_load_are_no_freeze(seed: int):
    rows, levels = prepared(arrivals(seed))
    assert silences(rows.samples, levels, users_known=False).freezes == ()


@pytest.mark.parametrize("seed", range(4))
def test_an_open_load_whose_target_hangs_at_the_end_shows_a_freeze(seed: int):
    rows, levels = prepared(arrivals(seed, frozen_from=105.0))
    last_s = rows.samples.start_s[-1] - 1e9
    (freeze,) = silences(rows.samples, levels, users_known=False).freezes
    assert freeze.start_s + freeze.duration_s == pytest.approx(last_s + 12, abs=0.5)


def test_slow_answers_that_are_most_of_those_in_flight_are_no_freeze_after_the_load():
    """Four arrivals a second; two of the last take 8 s, and never did more than two wait at once."""
    starts = np.arange(0, 60, 0.25)
    durations = np.full(len(starts), 50.0)
    durations[[40, 41, -8, -6]] = 8000.0
    rows, levels = prepared(make_samples(start_s=1e9 + starts, duration_ms=durations, users=-1))
    assert silences(rows.samples, levels, users_known=False).freezes == ()


def stairs_down(slow_s: tuple[float, ...], end: float = 120.0):
    """Ten users, two in the last twenty seconds; the last requests take `slow_s`."""
    starts, users = [], []
    for t in np.arange(0, 100, 0.05):
        starts.append(t)
        users.append(10)
    for t in np.arange(100, end - 1, 0.25):
        starts.append(t)
        users.append(2)
    durations = np.full(len(starts) + len(slow_s), 50.0)
    for i, seconds in enumerate(slow_s):
        starts.append(end - 0.5 + 0.1 * i)
        users.append(2)
        durations[len(starts) - 1] = 1000 * seconds
    return make_samples(start_s=1e9 + np.array(starts), duration_ms=durations, users=users)


@pytest.mark.parametrize("users_known", [True, False])
def test_a_slow_last_answer_of_a_load_that_ends_low_is_no_freeze(users_known: bool):
    rows, levels = prepared(stairs_down((5.0,)))
    assert silences(rows.samples, levels, users_known=users_known).freezes == ()


def test_a_load_that_ends_low_with_all_of_its_users_waiting_froze():
    rows, levels = prepared(stairs_down((12.0, 12.0)))
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(12, abs=0.5)
    assert freeze.in_flight == 2


def test_percentiles_are_nearest_rank():
    values = Distribution.of(np.arange(1.0, 201.0)[::-1], np.ones(200, np.int64))
    assert (values.percentile(0.50), values.percentile(0.95), values.percentile(0.99)) == (100, 190, 198)


def test_weights_count_as_requests():
    found = Distribution.of(np.array([5.0, 1.0]), np.array([10, 990])).percentiles()
    assert (found.n, found.p50, found.p99, found.max) == (1000, 1.0, 1.0, 5.0)


def test_percentiles_that_too_few_samples_cannot_give_are_none():
    found = Distribution.of(np.arange(1.0, 51.0), np.ones(50, np.int64)).percentiles()
    assert found.p95 is not None
    assert found.p99 is None


def test_failures_as_infinite_leave_no_p99_when_more_than_one_per_cent_fail():
    report = Ranked.of(usable(make_run(errors=0.05).samples)).latencies().report()
    assert report.failures_infinite.p50 is not None
    assert report.failures_infinite.p99 is None
    assert report.failures_infinite.max is None
    assert report.all.p99 is not None


def ways_to_fail():
    """800 quick successes, 100 rejections at 5 ms, 80 time-outs at 10 s, 20 unfinished; twice."""
    outcome = ["ok"] * 8 + ["http_error"]
    rows = (outcome * 100 + ["total_timeout"] * 80 + ["unfinished"] * 20) * 2
    rows = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    limits = {"ok": 100.0, "http_error": 5.0, "total_timeout": 10_000.0, "unfinished": 700.0}
    return make_samples(
        start_s=1e9 + np.arange(len(rows)) * 0.1,
        duration_ms=[limits[name] for name in rows],
        outcome=rows,
        users=np.repeat([5, 10], len(rows) // 2),
    )


def test_latency_is_given_three_ways_beside_the_successes():
    found = Ranked.of(usable(ways_to_fail())).latencies()
    views = (found.ok, found.answered, found.all, found.failures_infinite, found.errors)
    assert [view.n for view in views] == [1600, 1800, 2000, 2000, 400]
    assert [view.percentile(0.5) for view in views] == [100, 100, 100, 100, 5]
    assert [view.percentile(0.95) for view in views] == [100, 100, 10_000, None, 10_000]
    report = found.report()
    assert report.answered.p99 == 100
    assert report.all.p99 == 10_000
    assert report.failures_infinite.infinite == [
        "p95",
        "p95_low",
        "p95_high",
        "p99",
        "p99_low",
        "p99_high",
        "max",
    ]
    assert report.all.infinite == []


def test_every_level_has_all_views_and_they_are_those_of_its_rows_alone():
    rows, levels = prepared(ways_to_fail())
    whole = level_table(rows, levels)
    assert [level.users_low for level in whole] == [5, 10]
    for level in whole:
        alone = usable(rows.samples.take(rows.samples.users == level.users_low))
        expected = Ranked.of(alone).latencies().report()
        for view in ("ok", "answered", "all", "errors", "failures_infinite"):
            mine, theirs = getattr(level.latency_ms, view), getattr(expected, view)
            assert [mine.n, mine.p50, mine.p95, mine.p99] == [theirs.n, theirs.p50, theirs.p95, theirs.p99]
        assert level.ok_p95_ms == level.latency_ms.ok.p95


def test_a_foreign_failure_with_a_status_was_answered():
    samples = make_samples(start_s=1e9 + np.arange(4.0), outcome="unknown", status=[0, 500, 500, 0])
    assert Ranked.of(usable(samples)).latencies().answered.n == 2


def test_what_was_not_sent_because_of_an_earlier_answer_was_not_answered():
    samples = make_samples(start_s=1e9 + np.arange(4.0), outcome="wrong_content", status=[0, 200, 200, 0])
    assert Ranked.of(usable(samples)).latencies().answered.n == 2


def test_what_was_not_sent_is_no_sign_of_life():
    held = frozen()
    unsent_s = 1e9 + 30.5 + 0.5 * np.arange(14)
    samples = make_samples(
        start_s=np.append(held.start_s, unsent_s),
        duration_ms=np.append(held.duration_ms, np.full(14, 0.1)),
        outcome=["ok"] * len(held) + ["wrong_content"] * 14,
        status=[200] * len(held) + [0] * 14,
    )
    rows, levels = prepared(samples)
    (freeze,) = silences(rows.samples, levels).freezes
    assert freeze.duration_s == pytest.approx(8.0, abs=0.6)
    assert freeze.in_flight == 10


def test_thinned_successes_give_the_same_percentiles_as_all_of_them():
    rng = np.random.default_rng(3)
    once = make_samples(start_s=1e9 + np.arange(600.0), duration_ms=rng.lognormal(5, 1, 600), users=5)
    order = np.repeat(np.arange(600), 4)
    thick = make_samples(start_s=once.start_s[order], duration_ms=once.duration_ms[order], users=5)
    thinned = make_samples(start_s=once.start_s, duration_ms=once.duration_ms, users=5, weight=4)
    figures = [Ranked.of(usable(s)).latencies().report().all for s in (thick, thinned)]
    assert figures[0] == figures[1]


def test_intervals_hold_the_percentile_of_the_process_also_where_latency_wanders():
    """600 s at 20 a second; the level of the latency wanders by 30 % over ten seconds."""
    held = {"independent": 0, "measured": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        start = np.sort(rng.uniform(0, 600, 12_000))
        pull, noise = np.exp(-0.1 / 10), rng.normal(0, 0.3, 6001)
        wander = np.empty(6001)
        wander[0] = noise[0]
        for i in range(1, 6001):
            wander[i] = pull * wander[i - 1] + np.sqrt(1 - pull**2) * noise[i]
        duration = np.exp(5 + wander[(start * 10).astype(int)] + rng.normal(0, 0.4, 12_000))
        found = Ranked.of(usable(make_samples(start_s=1e9 + start, duration_ms=duration))).latencies().ok
        for name, view in (("measured", found), ("independent", replace(found, effects=()))):
            low, high = view.interval(0.5)
            held[name] += low <= np.exp(5) <= high
    assert held["measured"] >= 34
    assert held["independent"] <= 15


def test_intervals_of_independent_requests_hardly_grow():
    effects = []
    for seed in range(9):
        duration = np.random.default_rng(seed).lognormal(5, 0.5, 5000)
        samples = make_samples(start_s=1e9 + np.arange(5000) * 0.1, duration_ms=duration)
        effects += [effect for _, effect in Ranked.of(usable(samples)).latencies().ok.effects]
    assert min(effects) >= 1
    assert np.median(effects) < 1.5


@pytest.mark.parametrize(("n", "share", "bounded"), [(5, 0.5, False), (6, 0.5, True), (1, 0.95, False)])
def test_a_few_values_bound_a_percentile_only_where_chance_could_not_do_it(n, share, bounded):
    low, _ = Distribution.of(np.arange(1.0, n + 1), np.ones(n, np.int64)).interval(share)
    assert (low is not None) is bounded


def test_levels_of_a_stepped_plan_are_its_steps():
    rows, levels = prepared(make_run(errors=by_load(lambda u: 0.02 * u)).samples)
    table = level_table(rows, levels)
    assert [level.users_high for level in table] == [2, 6, 11, 16, 20]
    assert sum(level.requests for level in table) == rows.requests
    assert table[-1].rate_per_s == pytest.approx(20 * 0.8, rel=0.1)


def test_a_ramp_has_at_most_eight_levels():
    rows, levels = prepared(make_run(users=list(range(1, 41)), step_s=5).samples)
    table = level_table(rows, levels)
    assert len(table) == 8
    assert sum(level.requests for level in table) == rows.requests


def test_capacity_is_the_rate_at_the_highest_level_that_held():
    rows, levels = prepared(make_run(errors=by_load(lambda u: np.where(u > 11, 0.3, 0.005))).samples)
    found = capacity(level_table(rows, levels), levels, 0.05)
    assert found is not None
    assert found.users == 11
    assert found.low < 11 * 0.8 < found.high


def test_no_level_that_held_means_no_capacity():
    rows, levels = prepared(make_run(errors=0.3).samples)
    assert capacity(level_table(rows, levels), levels, 0.05) is None
