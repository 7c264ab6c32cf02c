"""What the target's own figures say: phases against load, resources used up, suspects for and against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, by_load, example, make_run, shuffled_steps

from analysis.diagnose import diagnose
from analysis.levels import cut_levels
from analysis.quality import quality
from analysis.server import server as server_of_rows
from analysis.usable import usable
from analysis.verdict import Server
from analysis.windows import cut_run
from recording.run import Readings, Run
from recording.sample import Category

STEP_S = 30.0
Mean = Callable[[np.ndarray], np.ndarray]


def readings_of(*columns: tuple[np.ndarray, str, str, np.ndarray]) -> Readings:
    """Readings of the target from (seconds since the start, name, label, values)."""
    rows = [len(time_s) for time_s, *_ in columns]
    return Readings(
        time_s=np.concatenate([START_S + time_s for time_s, *_ in columns]),
        source=np.full(sum(rows), "target"),
        name=np.repeat([name for _, name, _, _ in columns], rows),
        labels=np.repeat([label for _, _, label, _ in columns], rows),
        value=np.concatenate([np.asarray(value, float) for *_, value in columns]),
    )


def seconds_and_users(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    plan = np.array(shuffled_steps(seed))
    time_s = np.arange(0.5, len(plan) * STEP_S, 1.0)
    return time_s, plan[(time_s // STEP_S).astype(int)]


def phase_log(seed: int = 1, noise: float = 0.3, **means: Mean) -> Readings:
    """A log with these phases, and the whole as their sum; seconds that follow each other hang together."""
    rng = np.random.default_rng(seed)
    time_s, users = seconds_and_users(seed)
    count = rng.poisson(np.maximum(users * 0.8, 1)) + 1.0
    columns, total = [], np.zeros(len(time_s))
    for name, mean in means.items():
        wander = np.convolve(rng.normal(0, 1, len(time_s) + 4), np.ones(5) / np.sqrt(5), "valid")
        spent = mean(users.astype(float)) * np.exp(noise * wander - noise**2 / 2)
        total += spent
        for figure, values in (("phase_count", count), ("phase_ms", spent), ("phase_own_ms", spent)):
            columns.append((time_s, figure, name, values))
    columns += [(time_s, figure, "total", total) for figure in ("phase_ms", "phase_own_ms")]
    return readings_of(*columns, (time_s, "phase_count", "total", count))


def server_of(run: Run) -> Server:
    """The server's part of the verdict alone: a whole diagnosis takes a hundred times as long."""
    rows = usable(run.samples)
    levels = cut_levels(rows.samples, rows.samples.users.astype(float))
    found = server_of_rows(run.readings, rows, levels, START_S, "users")
    assert found is not None
    return found


def steady(value: float) -> Mean:
    return lambda users: np.full(len(users), value)


def test_the_phase_that_grows_is_named_with_its_interval_and_share() -> None:
    log = phase_log(lock=lambda users: 2.0 * users, bcrypt=steady(80), token=steady(0.2))
    server = server_of(make_run(errors=0.05, readings=log))
    answers = {phase.name: phase.with_load for phase in server.phases}
    assert answers["lock"] == "grows"
    assert answers["bcrypt"] == "constant"
    assert answers["token"] != "grows"
    lock = server.phases[0]
    assert lock.name == "lock"
    assert lock.low is not None
    assert lock.low < 36 < lock.high
    assert [level.users_low for level in lock.levels] == [2, 6, 11, 16, 20]
    top = lock.levels[-1]
    assert top.own_ms.low < 40 < top.own_ms.high
    assert top.share == pytest.approx(40 / 120, abs=0.05)
    assert server.phases_text.startswith("lock grows with load: ")
    assert "at 2 users" in lock.why
    assert sum(p.share for p in server.phases if p.name != "total") == pytest.approx(1, abs=0.02)


def test_time_that_no_phase_accounts_for_is_a_phase_of_its_own() -> None:
    log = phase_log(bcrypt=steady(50), queue=lambda users: 5.0 * users)
    kept = log.labels != "queue"
    left = Readings(*(getattr(log, f)[kept] for f in ("time_s", "source", "name", "labels", "value")))
    server = server_of(make_run(errors=0.05, readings=left))
    assert server.phases[0].name == "other"
    assert server.phases[0].with_load == "grows"


def test_a_phase_that_does_not_grow_is_rarely_said_to() -> None:
    false_alarms = 0
    for seed in range(60):
        log = phase_log(seed, noise=0.5, lock=steady(20), bcrypt=steady(80))
        server = server_of(make_run(seed=seed, per_user_s=0.1, readings=log))
        false_alarms += any(phase.with_load in ("grows", "falls") for phase in server.phases)
    assert false_alarms <= 3


def test_too_few_lines_are_no_answer() -> None:
    log = phase_log(lock=lambda users: 2.0 * users)
    few = log.time_s < START_S + 4
    cut = Readings(*(getattr(log, f)[few] for f in ("time_s", "source", "name", "labels", "value")))
    server = server_of(make_run(errors=0.05, readings=cut))
    assert {phase.with_load for phase in server.phases} == {"inconclusive"}
    assert "too few lines" in server.phases[0].why


def pool(active: Mean, most: float = 10.0, **more: tuple[float, Mean]) -> Readings:
    time_s, users = seconds_and_users()
    columns = [
        (time_s, "pool_active", "metrics", active(users.astype(float))),
        (time_s, "pool_max", "metrics", np.full(len(time_s), most)),
    ]
    columns += [(time_s, name, "metrics", values(users.astype(float))) for name, (_, values) in more.items()]
    return readings_of(*columns)


def failing(readings: Readings | None) -> Run:
    """503s from 12 users on that say nothing, not even a code."""
    rate = by_load(lambda users: np.where(users > 12, 0.4, 0.0))
    run = make_run(errors=rate, status=503, error_ms=800.0, readings=readings)
    silent = replace(run.samples, code=Category.constant("", len(run.samples)))
    return replace(run, samples=silent, examples=())


def test_a_pool_that_was_used_up_when_errors_came_speaks_for_it() -> None:
    verdict = diagnose(failing(pool(lambda users: np.where(users > 12, 10.0, users / 3))))
    assert verdict.server is not None
    (limit,) = verdict.server.limits
    assert limit.leads
    # A reading is up to a second old when the load changes: a few count on the wrong side.
    assert limit.errors_off < 0.02 * limit.errors_at
    assert "10 of 10 connections" in limit.text
    suspect = next(s for s in verdict.suspects if s.name == "pool")
    assert limit.text in suspect.for_
    assert not any("pool" in text for text in suspect.missing)
    without = next((s for s in diagnose(failing(None)).suspects if s.name == "pool"), None)
    assert without is None or without.weight + 1 < suspect.weight


def test_a_pool_that_was_never_used_up_speaks_against_it() -> None:
    verdict = diagnose(failing(pool(lambda users: users / 4)))
    assert verdict.server is not None
    assert verdict.server.limits[0].leads is None
    assert "never used up: at most 5 of 10" in verdict.server.limits[0].text
    assert "pool" not in {s.name for s in verdict.suspects}


def test_a_pool_that_is_always_used_up_counts_half() -> None:
    weights = {}
    for name, active in (("always", steady(10.0)), ("then", lambda users: np.where(users > 12, 10.0, 3.0))):
        verdict = diagnose(failing(pool(active)))
        weights[name] = next(s.weight for s in verdict.suspects if s.name == "pool")
        if name == "always":
            assert verdict.server is not None
            # Requests before the first reading are on neither side.
            assert verdict.server.limits[0].requests_off == 0
            assert verdict.server.limits[0].leads is None
    assert weights["then"] == pytest.approx(weights["always"] + 1.0, abs=0.01)


def test_a_pool_that_is_used_up_elsewhere_does_not_lead_to_errors() -> None:
    late = server_of(failing(pool(lambda users: np.where(users < 8, 10.0, 5.0))))
    assert late.limits[0].leads is False


def test_errors_that_came_first_were_not_caused_by_the_limit() -> None:
    time_s, users = seconds_and_users()
    active = np.where((users > 12) & (time_s > 500), 10.0, 1.0)
    found = readings_of(
        (time_s, "pool_active", "m", active), (time_s, "pool_max", "m", np.full(len(time_s), 10.0))
    )
    server = server_of(failing(found))
    assert server.limits[0].leads is False


def test_what_the_target_counts_speaks_for_the_cache() -> None:
    run = failing(None)
    time_s, _ = seconds_and_users()
    per_s = len(run.samples) * 0.2 / len(time_s)
    counted = readings_of((time_s, "cache_errors_per_s", "metrics", np.full(len(time_s), per_s)))
    suspects = {s.name: s for s in diagnose(failing(counted)).suspects}
    assert any("cache errors" in text for text in suspects["cache"].for_)
    none = readings_of((time_s, "cache_errors_per_s", "metrics", np.zeros(len(time_s))))
    assert "cache" not in {s.name for s in diagnose(failing(none)).suspects}


def test_figures_are_told_per_level() -> None:
    server = server_of(failing(pool(lambda users: users / 2)))
    figure = next(f for f in server.figures if f.signal == "pool_active")
    assert [(level.users_low, level.mean, level.max) for level in figure.levels][-1] == (
        20,
        pytest.approx(10, abs=0.3),
        10,
    )


def test_a_run_without_probes_has_no_such_part() -> None:
    assert diagnose(failing(None)).server is None


@pytest.mark.parametrize(
    ("event", "severity", "text"),
    [
        (
            {"probe": "metrics", "problems": [{"text": "5 of 60 readings failed (no answer in time)"}]},
            "note",
            "Probe 'metrics': 5 of 60 readings failed (no answer in time).",
        ),
        (
            {
                "probe": "metrics",
                "problems": [
                    {"text": "pool_active was there and vanished", "grave": True, "at_s": START_S + 12.2}
                ],
            },
            "warning",
            "Probe 'metrics': pool_active was there and vanished (at 12",
        ),
        (None, "warning", "ended before the run did: those of metrics may be missing"),
    ],
)
def test_what_went_wrong_with_a_probe_is_one_finding(
    event: dict[str, object] | None, severity: str, text: str
) -> None:
    events = [{"time_s": START_S, "kind": "probes_begun", "probes": ["metrics"]}]
    if event is not None:
        events.append({"time_s": START_S + 600, "kind": "probe_ended", **event})
    run = make_run(errors=0.05, users=[5], events=tuple(events))
    rows = usable(run.samples)
    judged = quality(run, rows, cut_run(run, rows))
    found = [f for f in judged.findings if f.code.startswith("probe")]
    assert len(found) == 1
    assert found[0].severity == severity
    assert text in found[0].text
    assert judged.valid


def busy_bcrypt(users_max: int = 20, bcrypt_ms: float = 270.0, cpu_percent: float = 99.0) -> Readings:
    """An event loop that checks passwords all the time: as many lines a second as fit into it."""
    time_s, users = seconds_and_users()
    count = np.minimum(1000 / bcrypt_ms * 0.98, users * 0.8)
    columns = []
    for name, spent in (("bcrypt", bcrypt_ms), ("lock", 5.0), ("total", bcrypt_ms + 5.0)):
        columns.append((time_s, "phase_count", name, count))
        columns += [
            (time_s, figure, name, np.full(len(time_s), spent)) for figure in ("phase_ms", "phase_own_ms")
        ]
    for name, value in (
        ("cpu_percent", cpu_percent),
        ("cpu_thread_percent", cpu_percent),
        ("cpu_cores", 2.0),
    ):
        columns.append((time_s, name, "process", np.full(len(time_s), value)))
    return readings_of(*columns)


def busy_lock(readings: Readings | None) -> Run:
    """503s of the storage lock at every load, that take any time."""
    rng = np.random.default_rng(3)
    run = make_run(errors=by_load(lambda users: 0.3 + users / 40), readings=readings)
    spread = np.where(
        run.samples.is_error, 52 * rng.lognormal(1.5, 0.8, len(run.samples)), run.samples.duration_ms
    )
    return replace(run, samples=replace(run.samples, duration_ms=spread))


def test_password_checks_that_fill_a_thread_are_the_cause_of_locks_that_time_out() -> None:
    suspects = {s.name: s for s in diagnose(busy_lock(busy_bcrypt())).suspects}
    assert next(iter(suspects)) == "bcrypt"
    told = next(text for text in suspects["bcrypt"].for_ if text.startswith("bcrypt takes 0.9"))
    assert "all that it can" in told
    assert any("one core does 3.7 a second" in text for text in suspects["bcrypt"].advice)
    assert any("all 2 cores would do about 7.4 a second" in text for text in suspects["bcrypt"].advice)


def test_password_checks_of_an_idle_service_are_not() -> None:
    found = diagnose(busy_lock(busy_bcrypt(bcrypt_ms=2.0, cpu_percent=20.0))).suspects
    assert found[0].name == "lock"
    assert "bcrypt" not in {s.name for s in found}


def test_a_thread_that_never_idles_is_not_used_up_elsewhere_too() -> None:
    """Nearly no request was sent off the limit: nothing to compare with, so it speaks neither way."""
    verdict = diagnose(busy_lock(busy_bcrypt()))
    assert verdict.server is not None
    thread = next(limit for limit in verdict.server.limits if limit.resource == "thread")
    assert thread.leads is None


def test_time_on_the_way_is_the_networks_even_if_nothing_fails() -> None:
    time_s, _ = seconds_and_users()
    figures = ("phase_count", "phase_ms", "phase_own_ms")
    log = readings_of(*((time_s, name, "total", np.full(len(time_s), 5.0)) for name in figures))
    (suspect,) = diagnose(make_run(ok_ms=250.0, readings=log)).suspects
    assert suspect.name == "network"
    assert "of which the target's own log accounts for 5 ms" in suspect.for_[-1]
    inside = readings_of(*((time_s, name, "total", np.full(len(time_s), 250.0)) for name in figures))
    assert diagnose(make_run(ok_ms=250.0, readings=inside)).suspects == []
    assert diagnose(make_run(ok_ms=250.0)).suspects == []


def with_bug(run: Run) -> Run:
    """One request in six fails for another reason, whatever the load."""
    struck = (np.random.default_rng(5).random(len(run.samples)) < 1 / 6) & ~run.samples.is_error
    samples = run.samples

    def where(column: Category, text: str) -> Category:
        names = np.array(column.names)[column.codes]
        return Category.of(np.where(struck, text, names).tolist())

    return replace(
        run,
        samples=replace(
            samples,
            status=np.where(struck, 500, samples.status).astype(np.int16),
            outcome=where(samples.outcome, "http_error"),
            code=where(samples.code, "hash"),
        ),
        examples=(*run.examples, example(500, "password verification failed", "hash")),
    )


def test_a_pool_is_blamed_for_its_own_failures_among_others() -> None:
    """One account in six is broken at any load; above 12 users the pool runs dry as well."""
    used_up = pool(lambda users: np.where(users > 12, 10.0, users / 3))
    own = make_run(
        errors=by_load(lambda users: np.where(users > 12, 0.15, 0.0)),
        status=500,
        message="connection pool exhausted",
        readings=used_up,
    )
    verdict = diagnose(with_bug(own))
    assert verdict.server is not None
    (limit,) = verdict.server.limits
    assert limit.leads is False
    assert True in limit.leads_kinds.values()
    weights = {s.name: s for s in verdict.suspects}
    assert list(weights)[:2] in (["pool", "code"], ["code", "pool"])
    rate = verdict.error_rate.value
    assert rate is not None
    assert weights["pool"].explains == pytest.approx(0.15 * 0.65, abs=0.03)
    assert weights["code"].explains == pytest.approx(rate - 0.15 * 0.65, abs=0.03)
    assert any("need" in text and "on average: try" in text for text in weights["pool"].advice)
