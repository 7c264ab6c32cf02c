"""Whom the target's own figures speak for and against, and what is advised with them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from readings_builder import failing, pool, readings_of, seconds_and_users, steady
from run_builder import START_S, by_load, example, make_run

from analysis.diagnose import diagnose
from recording.run import Readings, Run
from recording.sample import Category


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


def test_what_the_target_counts_speaks_for_the_cache() -> None:
    run = failing(None)
    time_s, _ = seconds_and_users()
    per_s = len(run.samples) * 0.2 / len(time_s)
    counted = readings_of((time_s, "cache_errors_per_s", "metrics", np.full(len(time_s), per_s)))
    suspects = {s.name: s for s in diagnose(failing(counted)).suspects}
    assert any("cache errors" in text for text in suspects["cache"].for_)
    none = readings_of((time_s, "cache_errors_per_s", "metrics", np.zeros(len(time_s))))
    assert "cache" not in {s.name for s in diagnose(failing(none)).suspects}


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
    told = next(
        text
        for text in suspects["bcrypt"].for_
        if " requests are in bcrypt at any moment (270 ms each, " in text
    )
    assert "0.9" in told
    assert told.endswith("uses 0.99 cores, all that it can use")
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
    assert [kind.leads for kind in limit.kinds.values()].count(True) == 1
    weights = {s.name: s for s in verdict.suspects}
    assert list(weights)[:2] in (["pool", "code"], ["code", "pool"])
    rate = verdict.error_rate.value
    assert rate is not None
    assert weights["pool"].explains == pytest.approx(0.15 * 0.65, abs=0.03)
    assert weights["code"].explains == pytest.approx(rate - 0.15 * 0.65, abs=0.03)
    assert any("need" in text and "on average: try" in text for text in weights["pool"].advice)


def stalling(every_s: float, length_s: float) -> Run:
    """Nothing fails; now and then nothing is answered for a moment, and then everything at once."""
    run = make_run(users=[20], step_s=120)
    samples = run.samples
    since_s = samples.start_s - START_S
    stopped_s = since_s - since_s // every_s * every_s
    waits = np.where(stopped_s < length_s, length_s - stopped_s, 0.0) * (since_s >= every_s)
    ends_in = (since_s + samples.duration_ms / 1000) // every_s > since_s // every_s
    late = np.where(ends_in, length_s, 0.0)
    return replace(
        run, samples=replace(samples, duration_ms=samples.duration_ms + 1000 * np.maximum(waits, late))
    )


def test_answers_that_stop_again_and_again_are_told_with_their_distance() -> None:
    (suspect,) = diagnose(stalling(every_s=20, length_s=1.5)).suspects
    assert suspect.name == "freeze"
    assert "times for 1.4 s to 1.6 s while requests waited" in suspect.for_[0]
    assert suspect.for_[0].endswith("20 s apart")
    assert suspect.advice[0].startswith("Look what the service, its database and its machine did at ")
    assert diagnose(stalling(every_s=20, length_s=0.5)).suspects == []


def test_failures_that_take_longer_under_load_are_no_time_out() -> None:
    run = make_run(errors=by_load(lambda users: 0.2 + users / 40))
    limit = {s.name: s for s in diagnose(run).suspects}
    slower = run.samples.duration_ms * np.where(run.samples.is_error, run.samples.users / 2, 1)
    queue = {
        s.name: s for s in diagnose(replace(run, samples=replace(run.samples, duration_ms=slower))).suspects
    }
    assert any(text.startswith("failures take 52 ms (median) at 20 users") for text in limit["lock"].for_)
    assert any(
        re.match(r"failures take 5[12]\d ms \(median\) at 20 users", text) for text in queue["bcrypt"].for_
    )
    assert queue["lock"].weight < limit["lock"].weight - 2


@pytest.mark.parametrize(("target", "named"), [("lab", "lock-100ms"), ("my-api", None), (None, None)])
def test_an_experiment_on_the_lab_is_not_proposed_for_another_service(
    target: str | None, named: str | None
) -> None:
    manifest = {} if target is None else {"target": {"name": target}}
    run = make_run(errors=by_load(lambda users: users / 40), manifest=manifest)
    assert diagnose(run).suspects[0].experiment == named


def test_time_of_an_endpoint_that_is_not_logged_or_of_a_queue_is_not_the_networks() -> None:
    time_s, _ = seconds_and_users()
    log = readings_of(
        (time_s, "phase_count", "total", np.ones(len(time_s))),
        *((time_s, name, "total", np.full(len(time_s), 5.0)) for name in ("phase_ms", "phase_own_ms")),
    )
    assert diagnose(make_run(ok_ms=250.0, readings=log)).suspects == []
    figures = ("phase_count", "phase_ms", "phase_own_ms")
    every = readings_of(*((time_s, name, "total", np.full(len(time_s), 5.0)) for name in figures))
    queue = diagnose(make_run(users=[50], step_s=60, ok_ms=4000.0, readings=every)).suspects
    assert "network" not in {s.name for s in queue}


def test_accounts_of_one_kind_of_failure_do_not_explain_another() -> None:
    """Accounts 0 to 2 have broken hashes; one request in eight fails at the proxy, whoever sends it."""
    rng = np.random.default_rng(9)
    run = with_bug(make_run(errors=0.12, status=502, message="weird thing"))
    hashes = np.array(run.samples.code.names)[run.samples.code.codes] == "hash"
    account = np.where(hashes, rng.integers(0, 3, len(hashes)), rng.integers(3, 40, len(hashes)))
    run = replace(run, samples=replace(run.samples, account=account.astype(np.int32)))
    explains = {s.name: s.explains for s in diagnose(run).suspects}
    assert explains["code"] == pytest.approx(0.147, abs=0.02)
    assert explains["upstream"] == pytest.approx(0.12, abs=0.02)


def test_two_slow_users_in_a_row_are_no_stall() -> None:
    rng = np.random.default_rng(1)
    run = make_run(users=[2], step_s=600)
    tail = 150 * rng.lognormal(0, 1, len(run.samples))
    found = diagnose(replace(run, samples=replace(run.samples, duration_ms=np.minimum(tail, 1900)))).suspects
    assert "freeze" not in {s.name for s in found}


def test_no_ceiling_is_seen_where_successes_grow_with_the_load() -> None:
    run = make_run(users=[10, 14, 16, 18, 20, 16, 12], status=429, message="Too many requests", errors=0.05)
    limit = next(s for s in diagnose(run).suspects if s.name == "rate_limit")
    assert not any("At most" in text for text in limit.advice)


@pytest.mark.parametrize(
    ("failing", "advised"),
    [
        (0.4, ("holds one for about 29", "need 4.", "try 6")),
        (0.97, ("cannot be told", "try 4, and run again")),
    ],
)
def test_the_advised_pool_does_not_count_connections_held_for_nobody(
    failing: float, advised: tuple[str, ...]
) -> None:
    """0.3 s per request; above 2 users all 2 connections are busy, and many requests fail."""
    used = pool(lambda users: np.where(users > 2, 2.0, 0.48), most=2.0)
    run = make_run(
        errors=by_load(lambda users: np.where(users > 2, failing, 0.0)),
        status=500,
        message="connection pool exhausted",
        readings=used,
    )
    advice = next(s for s in diagnose(run).suspects if s.name == "pool").advice
    assert any(all(part in text for part in advised) for text in advice), advice


def blamed(message: str, status: int = 500, error_ms: float = 52.0) -> dict[str, str]:
    """What each suspect is said to be named by, for failures that rise with load and say this."""
    rising = by_load(lambda users: 0.02 * users)
    verdict = diagnose(make_run(errors=rising, status=status, message=message, error_ms=error_ms))
    return {suspect.name: " ".join(suspect.for_) for suspect in verdict.suspects}


@pytest.mark.parametrize(
    ("status", "message", "suspect"),
    [
        (500, "Thread pool exhausted", "pool"),
        (503, "IP address pool exhausted", "pool"),
        (500, "connection pool to LDAP server is full", "pool"),
        (500, "HTTPSConnectionPool(host='x', port=443): max retries exceeded", "pool"),
        (500, "carpool empty", "pool"),
        (500, "redistribution of items failed", "cache"),
        (500, "Cache-Control header is required", "cache"),
        (503, "account locked; wait for a while", "lock"),
        (503, "Client clock time is off", "lock"),
        (503, "Service Unavailable", "lock"),
        (503, "boom", "lock"),
        (429, "cannot compute slow downlink", "rate_limit"),
    ],
)
def test_a_word_within_another_blames_nobody(status: int, message: str, suspect: str) -> None:
    assert "say '" not in blamed(message, status).get(suspect, "")
    if suspect == "lock":
        assert suspect not in blamed(message, status)


@pytest.mark.parametrize(
    ("message", "suspect"),
    [
        ("Service temporarily busy, please retry", "lock"),
        ("lock acquisition timeout", "lock"),
        ("LockWaitTimeoutException", "lock"),
        ("StorageLockTimeout", "lock"),
        ("storage_lock timeout", "lock"),
        ("connection pool exhausted", "pool"),
        ("HTTP 500: connection pool exhausted", "pool"),
        ("Database pool is empty", "pool"),
        ("db_pool timed out", "pool"),
        ("pool timed out while waiting for an open connection", "pool"),
        ("error: pool exhausted", "pool"),
        ("QueuePool limit of size 5 reached", "pool"),
        ("HikariPool-1 - Connection is not available", "pool"),
        ("FATAL: sorry, too many clients already", "pool"),
        ("RedisTimeoutError: no answer", "cache"),
        ("cache lookup failed", "cache"),
        ("CacheException", "cache"),
    ],
)
def test_what_the_service_says_names_the_suspect_first(message: str, suspect: str) -> None:
    found = blamed(message, 503 if suspect == "lock" else 500)
    assert next(iter(found)) == suspect
    assert "say '" in found[suspect]


def two_endpoints(failing: str) -> Run:
    """Two endpoints, of which one fails more and more under load, ever more slowly."""
    rng = np.random.default_rng(4)
    run = make_run(errors=by_load(lambda users: 0.03 * users), status=500, message="cannot list")
    samples = run.samples
    others = rng.random(len(samples)) < 0.5
    failed = samples.is_error
    names = np.where(failed | ~others, failing, "GET /books")
    longer = samples.users / 10 * np.where(failed, rng.lognormal(0.5, 0.5, len(samples)), 1.0)
    endpoint, duration_ms = Category.of(names.tolist()), samples.duration_ms * longer
    return replace(run, samples=replace(samples, endpoint=endpoint, duration_ms=duration_ms))


def test_bcrypt_needs_a_login() -> None:
    weights = {
        name: diagnose(two_endpoints(name)).suspects for name in ("GET /authors", "POST /auth", "login")
    }
    found = {name: [suspect.name for suspect in suspects] for name, suspects in weights.items()}
    assert "bcrypt" not in found["GET /authors"]
    assert found["POST /auth"][0] == found["login"][0] == "bcrypt"


def test_refusals_of_a_few_milliseconds_are_over_no_wide_range() -> None:
    run = make_run(errors=by_load(lambda users: 0.02 * users), status=503, error_ms=1.0)
    spread = run.samples.duration_ms * np.where(
        run.samples.is_error, np.random.default_rng(1).uniform(1, 9, len(run.samples)), 1.0
    )
    told = diagnose(replace(run, samples=replace(run.samples, duration_ms=spread))).suspects
    assert told
    assert not any("over a wide range of times" in text for one in told for text in (*one.for_, *one.against))


def test_503s_that_fall_with_load_are_no_lock() -> None:
    falling = make_run(errors=by_load(lambda users: 0.5 - 0.023 * users), message="out of service")
    silent = replace(
        falling,
        examples=(),
        samples=replace(falling.samples, code=Category.constant("", len(falling.samples))),
    )
    verdict = diagnose(silent)
    assert verdict.load_effect.answer == "falls"
    assert "lock" not in [suspect.name for suspect in verdict.suspects]
