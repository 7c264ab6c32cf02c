"""The answers of the login service, one by one, as the case words them."""

import base64
import json

import pytest
from lab_client import Client

from lab.service.answers import Refused
from lab.service.tokens import Tokens
from lab.service.users import User

pytestmark = pytest.mark.lab


def claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def test_a_good_login_gets_a_token_for_a_day(client: Client, accounts: list[dict[str, str]]) -> None:
    answer = client.login(accounts[14])
    assert answer.status == 200
    assert set(answer.body) == {"token", "user_id", "username"}
    assert answer.body["username"] == accounts[14]["username"]
    found = claims(answer.body["token"])
    assert found["sub"] == str(answer.body["user_id"]) == "15"
    assert found["workspace_id"] == 2
    assert found["exp"] - found["iat"] == 24 * 3600


def test_a_cached_account_logs_in_the_same_way(client: Client, accounts: list[dict[str, str]]) -> None:
    first, second = client.login(accounts[3]), client.login(accounts[3])
    assert first.status == second.status == 200
    assert first.body["user_id"] == second.body["user_id"]


@pytest.mark.parametrize(
    "change", [{"password": "wrong"}, {"username": "nobody-here"}, {"password": "p" * 200}]
)
def test_wrong_credentials(client: Client, accounts: list[dict[str, str]], change: dict[str, str]) -> None:
    answer = client.login({**accounts[0], **change})
    assert (answer.status, answer.body) == (401, {"error": "Invalid credentials"})


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"username": "a"}', '{"username": 1, "password": "x"}', b"\xff"]
)
def test_a_malformed_login(client: Client, body: str | bytes) -> None:
    answer = client.ask("POST", "/api/auth/login", body)
    assert answer.status == 400
    assert "expected JSON with username and password" in answer.body["error"]


def test_me_needs_a_good_token(client: Client, accounts: list[dict[str, str]]) -> None:
    token = client.login(accounts[5]).body["token"]
    answer = client.ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    assert answer.body["username"] == accounts[5]["username"]
    for header in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": f"Basic {token}"}):
        refused = client.ask("GET", "/api/me", headers=header)
        assert (refused.status, refused.body) == (401, {"error": "Invalid token"})


def test_a_token_of_another_secret_is_refused(client: Client) -> None:
    token = Tokens("another secret of enough characters").sign(User(1, "user00001", "", 1))
    assert client.ask("GET", "/api/me", headers={"Authorization": f"Bearer {token}"}).status == 401


def test_signing_that_fails_is_an_error_of_the_service() -> None:
    with pytest.raises(Refused) as refused:
        Tokens("").sign(User(1, "a", "", 1))
    assert (refused.value.status, refused.value.message) == (500, "token generation failed")


def test_every_answer_names_its_request(client: Client, accounts: list[dict[str, str]]) -> None:
    own = client.login(accounts[0], {"X-Request-Id": "abc-123"})
    assert own.headers["x-request-id"] == "abc-123"
    made = [client.ask("GET", "/health").headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    strange = client.login(accounts[0], {"X-Request-Id": "x" * 65})
    assert strange.headers["x-request-id"] != "x" * 65


def test_health_tells_database_ping_and_region(client: Client) -> None:
    answer = client.ask("GET", "/health")
    assert answer.status == 200
    assert answer.body["status"] == "ok"
    assert answer.body["region"] == "local"
    assert 0 < answer.body["database_ping_ms"] < 1000


def test_settings_are_hidden_from_those_without_the_token(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}):
        assert client.ask("GET", "/admin/settings", headers=headers).status == 404
        assert client.ask("PUT", "/admin/settings", {"pool_size": 1}, headers).status == 404
