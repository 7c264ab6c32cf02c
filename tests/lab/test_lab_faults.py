"""Each fault is a cause with a real effect. Whether an analysis finds it is tested elsewhere."""

import time

import pytest
from lab_client import Client, errors, log_in_at_once, metric, read_accounts, statuses

import lab
from lab.faults import FAULTS, HEALTHY, apply_faults

pytestmark = pytest.mark.lab
BUSY = "Service temporarily busy, please retry"


def give(running: lab.RunningLab, fault: str, **changes: object) -> None:
    lab.set_faults(fault, port=running.port)
    if changes:
        lab.set_settings(changes, port=running.port)


def test_a_healthy_lab_has_no_errors(running: lab.RunningLab) -> None:
    answers = log_in_at_once(running, clients=20, each=20)
    assert statuses(answers) == {200: 400}


def test_a_small_pool_runs_dry(running: lab.RunningLab) -> None:
    give(running, "small-pool")
    assert statuses(log_in_at_once(running, clients=2, each=5)) == {200: 10}
    answers = log_in_at_once(running, clients=24, each=4)
    assert set(errors(answers)) == {"connection pool exhausted"}
    assert metric(running, "lab_pool_errors_total") >= errors(answers).total()
    assert metric(running, "lab_pool_waits_total") > 0
    assert metric(running, "lab_pool_max_connections") == 2


def test_a_busy_valkey_does_not_answer_in_time(running: lab.RunningLab) -> None:
    give(running, "busy-valkey", cache_busy_every_ms=1000.0)
    time.sleep(0.5)  # the speed of the script is measured first
    deadline = time.monotonic() + 2.5
    answers = []
    while time.monotonic() < deadline:
        answers += log_in_at_once(running, clients=4, each=5)
        time.sleep(0.02)
    assert set(errors(answers)) == {"redis connection failed"}
    assert 200 in statuses(answers)
    assert metric(running, "lab_cache_errors_total") >= errors(answers).total()


def test_without_cache_every_login_asks_the_database(running: lab.RunningLab) -> None:
    give(running, "cache-off")
    before = metric(running, "lab_cache_hits_total") + metric(running, "lab_cache_misses_total")
    assert statuses(log_in_at_once(running, clients=2, each=10)) == {200: 20}
    assert metric(running, "lab_cache_hits_total") + metric(running, "lab_cache_misses_total") == before
    assert metric(running, "lab_cache_pool_max_connections") == 0


def test_blocking_bcrypt_makes_the_lock_give_up(running: lab.RunningLab) -> None:
    give(running, "bcrypt-blocking")
    assert statuses(log_in_at_once(running, clients=1, each=3)) == {200: 3}
    answers = log_in_at_once(running, clients=8, each=2)
    assert errors(answers)[BUSY] > 0
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status == 503)
    assert metric(running, "lab_lock_timeouts_total") >= errors(answers)[BUSY]


def test_slow_queries_within_the_lock_make_it_give_up(running: lab.RunningLab) -> None:
    give(running, "lock-timeout")
    assert statuses(log_in_at_once(running, clients=1, each=5)) == {200: 5}
    answers = log_in_at_once(running, clients=10, each=5)
    assert set(errors(answers)) == {BUSY}


def test_database_latency_slows_logins_and_ping(running: lab.RunningLab) -> None:
    give(running, "database-latency")
    answers = log_in_at_once(running, clients=5, each=2)
    assert statuses(answers) == {200: 10}
    assert min(answer.duration_ms for answer in answers) > 250
    with Client(running) as client:
        assert client.ask("GET", "/health").body["database_ping_ms"] > 250


def test_network_latency_slows_every_endpoint(running: lab.RunningLab) -> None:
    give(running, "network-latency")
    with Client(running) as client:
        for path in ("/health", "/metrics", "/api/me"):
            assert client.ask("GET", path).duration_ms > 150


def test_one_account_in_six_is_broken_whatever_the_load(running: lab.RunningLab) -> None:
    give(running, "broken-hash")
    with Client(running) as client:
        answers = [client.login(account) for account in read_accounts(running)]
    assert statuses(answers) == {200: 200, 500: 40}
    assert set(errors(answers)) == {"password verification failed"}
    give(running, "none")
    assert statuses(log_in_at_once(running, clients=10, each=24)) == {200: 240}


def test_the_rate_limit_turns_away_what_is_too_much(running: lab.RunningLab) -> None:
    give(running, "rate-limit")
    answers = log_in_at_once(running, clients=10, each=10)
    assert set(errors(answers)) == {"Rate limit exceeded, please slow down"}
    assert statuses(answers)[200] >= 40
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status == 429)


def test_leaked_connections_drain_the_pool(running: lab.RunningLab) -> None:
    give(running, "connection-leak", connection_leak_ratio=0.25, pool_size=5, pool_timeout_s=0.2)
    answers = log_in_at_once(running, clients=1, each=60)
    assert answers[0].status == 200
    assert answers[-1].body == {"error": "connection pool exhausted"}
    assert metric(running, "lab_pool_active_connections") == 5
    give(running, "none")
    assert statuses(log_in_at_once(running, clients=5, each=10)) == {200: 50}


def longest_ms(running: lab.RunningLab, seconds: float) -> float:
    deadline, longest = time.monotonic() + seconds, 0.0
    account = read_accounts(running)[0]
    with Client(running) as client:
        while time.monotonic() < deadline:
            longest = max(longest, client.login(account).duration_ms)
            time.sleep(0.02)
    return longest


def test_a_stall_stops_everything_again_and_again(running: lab.RunningLab) -> None:
    give(running, "periodic-stall", stall_ms=400.0, stall_every_s=0.5)
    assert longest_ms(running, 1.2) > 300
    assert longest_ms(running, 1.2) > 300


def test_a_freeze_happens_once_some_time_after_the_first_login(running: lab.RunningLab) -> None:
    give(running, "freeze", freeze_after_s=0.3, freeze_for_s=1.0)
    time.sleep(0.5)
    started = time.monotonic()
    assert longest_ms(running, 1.2) > 800
    assert time.monotonic() - started < 3
    assert longest_ms(running, 0.7) < 300


def test_faults_combine(running: lab.RunningLab) -> None:
    give(running, "broken-hash+small-pool")
    answers = log_in_at_once(running, clients=24, each=5)
    assert set(errors(answers)) == {"connection pool exhausted", "password verification failed"}


def test_the_faults_table_is_complete() -> None:
    assert list(FAULTS) == [fault.name for fault in lab.list_faults()]
    for fault in lab.list_faults():
        assert fault.description
        assert bool(fault.truth.statuses) == bool(fault.truth.message)
        assert apply_faults(lab.LabSettings(), fault.name)


def test_the_case_is_what_the_settings_say_by_default() -> None:
    assert apply_faults(lab.LabSettings(), "case") == lab.LabSettings()


def test_what_somebody_asked_for_wins_over_the_fault() -> None:
    asked = lab.LabSettings(pool_size=33)
    assert apply_faults(asked, "small-pool").pool_size == 33
    assert apply_faults(asked, "none").bcrypt_cost == HEALTHY["bcrypt_cost"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("smal-pool", "there is no fault 'smal-pool'"),
        ("", "there is no fault"),
        ("case+none+x", "no fault 'x'"),
    ],
)
def test_unknown_faults_are_named(names: str, expected: str) -> None:
    with pytest.raises(lab.LabError, match=expected):
        apply_faults(lab.LabSettings(), names)


def test_faults_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(lab.LabError, match="small-pool and lock-timeout cannot be combined"):
        apply_faults(lab.LabSettings(), "small-pool+lock-timeout")
