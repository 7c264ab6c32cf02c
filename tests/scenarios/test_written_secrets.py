"""Secrets in a configuration file itself: which keys are told. What is said of them: tests/security."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.config import CONFIG_DIR
from scenarios.written_secrets import written_secrets

HEAD = "base_url: http://127.0.0.1:1\n"


def found(folder: Path, text: str) -> list[str]:
    path = folder / "mine.yaml"
    path.write_text(text)
    return written_secrets(path)


@pytest.mark.parametrize(
    ("request_", "keys"),
    [
        ("{path: /, json: {username: bob, password: hunter2hunter2}}", ["json.password"]),
        ("{path: /, json: {user: {password: hunter2}}}", ["json.user.password"]),
        ("{path: /, json: {tokens: [hunter2]}}", ["json.tokens.0"]),
        ("{path: /, json: {pin: 4711, max_tokens: 4096}}", ["json.pin"]),
        ("{path: /, form: {client_secret: hunter2, grant_type: password}}", ["form.client_secret"]),
        ("{path: /, headers: {X-API-Key: hunter2}}", ["headers.X-API-Key"]),
        ("{path: /, headers: {Ocp-Apim-Subscription-Key: hunter2}}", ["headers.Ocp-Apim-Subscription-Key"]),
        ("{path: /, headers: {Authorization: Bearer hunter2}}", ["headers.Authorization"]),
        ("{path: '/x?api_key=hunter2&page=2'}", ["path"]),
        ("{path: /, json: {password: hunter2}, expect: {status: [200, 401]}}", ["json.password"]),
        # What stands for something else, what is no secret, and what is sent to be refused.
        ("{path: /, json: {username: '{username}', password: '{password}'}}", []),
        ("{path: '/x?token={token}', headers: {Authorization: 'Bearer {token}'}}", []),
        ("{path: /, json: {password: '', remember_token: true, sort_key: name, author: Anna}}", []),
        ("{path: /, json: {auth: {method: password}, token_type: bearer}}", []),
        ("{path: /, headers: {Accept: text/html, X-Auth-Method: password}}", []),
        ("{path: /, json: {password: hunter2}, expect: {status: 401}}", []),
        (
            "{path: /, json: {items: {2: a, null: b, true: {password: hunter2}}}}",
            ["json.items.True.password"],
        ),
        ("{path: /, json: {password: hunter2}, expect: {status: [401, 403]}}", []),
    ],
)
def test_a_request(tmp_path: Path, request_: str, keys: list[str]) -> None:
    """The same of a target's requests and of a behaviour's steps."""
    target = f"{HEAD}requests: {{login: {request_}}}\n"
    assert found(tmp_path, target) == [f"requests.login.{key}" for key in keys]
    assert found(tmp_path, f"steps: [login, {request_}]\n") == [f"steps.1.{key}" for key in keys]
    way = f"choose: [{{steps: [login]}}, {{steps: [{request_}]}}]\n"
    assert found(tmp_path, way) == [f"choose.1.steps.0.{key}" for key in keys]


@pytest.mark.parametrize(
    ("probe", "keys"),
    [
        ("{map: redis, url: 'redis://:hunter2@127.0.0.1:6379'}", ["url"]),
        ("{map: lab, headers: {Authorization: Bearer hunter2}}", ["headers.Authorization"]),
        ("{command: 'psql postgresql://u:hunter2@127.0.0.1/db -c 1'}", ["command"]),
        ("{map: redis, url: 'redis://:${CACHE_PASSWORD}@127.0.0.1:6379'}", []),
        ("{map: lab, headers: {Authorization: 'Bearer ${TOKEN}'}, url: 'http://[${HOST}]/x'}", []),
    ],
)
def test_a_probe(tmp_path: Path, probe: str, keys: list[str]) -> None:
    assert found(tmp_path, f"{HEAD}probes: {{mine: {probe}}}\n") == [f"probes.mine.{key}" for key in keys]


SHIPPED = [path for kind in ("targets", "behaviours") for path in (CONFIG_DIR / kind).glob("*.yaml")]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.name))
def test_nothing_that_is_shipped_holds_one(path: Path) -> None:
    assert written_secrets(path) == []
