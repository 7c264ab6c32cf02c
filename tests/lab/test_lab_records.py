"""What the service counts and writes down must be exact, complete, and free of secrets."""

import json
import time

import pytest
from lab_client import Client, log_in_at_once, metric, read_accounts

import lab

pytestmark = pytest.mark.lab
FIELDS = ["ts", "request_id", "phase", "status", "lock_ms", "lookup_ms", "bcrypt_ms", "token_ms", "total_ms"]
STARTED = 'lab_requests_started_total{endpoint="login"}'


def lines_of(running: lab.RunningLab, request_ids: set[str]) -> dict[str, dict[str, object]]:
    time.sleep(1.0)  # written at least once a second
    found = map(json.loads, running.phase_log_path.read_text().splitlines())
    return {line["request_id"]: line for line in found if line["request_id"] in request_ids}


def test_every_request_is_counted_when_it_arrives(running: lab.RunningLab, client: Client) -> None:
    before = metric(running, STARTED)
    ok_before = metric(running, 'lab_requests_total{endpoint="login",status="200"}')
    log_in_at_once(running, clients=10, each=20)
    client.ask("POST", "/api/auth/login", "broken")
    token = client.login(read_accounts(running)[0]).body["token"]
    me_before = metric(running, 'lab_requests_started_total{endpoint="me"}')
    client.ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
    assert metric(running, STARTED) - before == 202
    assert metric(running, 'lab_requests_total{endpoint="login",status="200"}') - ok_before == 201
    assert metric(running, 'lab_requests_started_total{endpoint="me"}') - me_before == 1


def test_totals_do_not_fall_when_the_pool_is_replaced(running: lab.RunningLab) -> None:
    lab.set_faults("small-pool", port=running.port)
    log_in_at_once(running, clients=24, each=2)
    names = ("lab_pool_waits_total", "lab_pool_errors_total", "lab_pool_wait_ms_total")
    before = [metric(running, name) for name in names]
    assert min(before) > 0
    lab.set_settings({"pool_size": 7}, port=running.port)
    assert [metric(running, name) for name in names] >= before
    assert metric(running, "lab_pool_max_connections") == 7


def test_every_login_has_a_line_with_its_phases(running: lab.RunningLab, client: Client) -> None:
    account = read_accounts(running)[7]
    asked = {
        "good": account,
        "wrong": {**account, "password": "no"},
        "unknown": {**account, "username": "who"},
        "malformed": {},
    }
    for name, body in asked.items():
        client.login(body, {"X-Request-Id": f"phases-{name}"})
    lines = lines_of(running, {f"phases-{name}" for name in asked})
    assert {name: (line["phase"], line["status"]) for name, line in lines.items()} == {
        "phases-good": ("login_complete", 200),
        "phases-wrong": ("bcrypt", 401),
        "phases-unknown": ("lookup", 401),
        "phases-malformed": ("request", 400),
    }
    good = lines["phases-good"]
    assert list(good) == FIELDS
    assert 0 < good["lookup_ms"] <= good["lock_ms"] < good["total_ms"]
    assert good["bcrypt_ms"] > 0
    assert good["token_ms"] > 0
    assert lines["phases-wrong"]["token_ms"] is None


def test_failures_are_logged_with_the_phase_they_happened_in(running: lab.RunningLab) -> None:
    for fault, phase in (("small-pool", "lookup"), ("lock-timeout", "lock"), ("broken-hash", "bcrypt")):
        lab.set_faults(fault, port=running.port)
        answers = log_in_at_once(running, clients=24, each=2)
        failed = {answer.headers["x-request-id"] for answer in answers if answer.status >= 500}
        lines = lines_of(running, failed)
        assert failed
        assert set(lines) == failed
        assert {line["phase"] for line in lines.values()} == {phase}


def test_no_secret_and_no_fault_is_written_where_others_read(running: lab.RunningLab, client: Client) -> None:
    lab.set_faults("broken-hash", port=running.port)
    accounts = read_accounts(running)
    answers = [client.login(account) for account in accounts[:30]]
    lines_of(running, set())
    public = "".join(
        [
            running.phase_log_path.read_text(),
            (running.state_dir / "service.log").read_text(),
            client.ask("GET", "/metrics").body,
            json.dumps(client.ask("GET", "/health").body),
            " ".join(running.description),
        ]
    )
    for answer, account in zip(answers, accounts, strict=False):
        assert account["password"] not in public
        assert account["username"] not in public
        assert answer.body.get("token", "no token") not in public
    for word in ("broken", "fault", "truth"):
        assert word not in public
