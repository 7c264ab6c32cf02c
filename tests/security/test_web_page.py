"""Locust's page takes orders from whoever sits before it, and from nobody else."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from commands.locust_process import free_port
from commands.web import Page, serve
from recording.errors import LoadverdictError, RefusedError, UsageError
from recording.folder import RunFolder
from tests.commands.conftest import Cli, Target, checkout, serving, wait_for
from tests.commands.test_live import LEVELS, Ui, serving_ui

ELSEWHERE = "http://elsewhere.example"
PASSWORD = "a long enough password"

STRANGERS = {
    "another page": {"Origin": ELSEWHERE},
    "another page, by a form": {
        "Origin": ELSEWHERE,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
    },
    "a page without an origin": {"Origin": "null"},
    "another page, as an image": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "a name that was made to lead here": {"Host": "elsewhere.example"},
    "a name that was made to lead here, by its own page": {
        "Host": "elsewhere.example:8089",
        "Origin": "http://elsewhere.example:8089",
        "Sec-Fetch-Site": "same-origin",
    },
}
AT_THE_PAGE = {
    "a program": {},
    "the page itself": {"Sec-Fetch-Site": "same-origin"},
    "the address line": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "localhost": {"Host": "localhost:8089"},
}


def test_strangers_neither_start_nor_stop_nor_read(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    start = urlencode({"user_count": 1, "spawn_rate": 1})
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:
        for who, headers in STRANGERS.items():
            for method, path, body in (
                ("POST", "/swarm", start),
                ("POST", "/stop", None),
                ("GET", "/stats/requests", None),
                ("GET", "/logs", None),
            ):
                status, answered, text = ui.ask(path, method, body, **headers)
                assert status == 403, (who, path)
                assert answered["Access-Control-Allow-Origin"] != "*"
                assert set(json.loads(text)) == {"error"}
        assert not cli.runs.exists()
        for who, headers in AT_THE_PAGE.items():
            assert ui.ask("/stats/requests", **headers)[0] == 200, who
        from_a_link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        status, answered, _ = ui.ask("/", **from_a_link)
        assert (status, answered["X-Frame-Options"]) == (200, "DENY")
        assert answered["Access-Control-Allow-Origin"] == ui.url
        assert ui.ask("/stop", **from_a_link)[0] in (403, 405)
        ui.start()
        wait_for(lambda: mixed.count_file.read_text() != "0")


def test_another_target_chosen_on_the_page_gets_its_own_load(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], tmp_path: Path
) -> None:
    """Its requests carry its own keys and passwords, and its own limits hold."""
    project = checkout(tmp_path / "project")
    (tmp_path / "other").mkdir()
    with (
        serving(tmp_path / "other", "steady") as other,
        serving_ui(cli, mixed, scenario(LEVELS), 1, project=project) as ui,
    ):
        chosen = {"user_count": 1, "spawn_rate": 1, "target": "other"}
        named = project / "config/targets/other.yaml"
        shutil.copy(other.file.with_name("accounts.csv"), named.parent)
        allowed = other.file.read_text()
        named.write_text(allowed + "max_users: 1\n")
        ui.ask("/swarm", "POST", urlencode(chosen))
        wait_for(lambda: "raise 'max_users' in its file" in ui.ask("/logs")[2])
        assert not cli.runs.exists()
        named.write_text(allowed)
        assert json.loads(ui.ask("/swarm", "POST", urlencode(chosen))[2])["success"]
        wait_for(lambda: int(other.count_file.read_text()) > 3)
        assert other.url in ui.ask("/")[2]
        ui.stop()
        assert mixed.count_file.read_text() == "0"
        (folder,) = cli.runs.iterdir()
        assert RunFolder(folder).manifest()["target"]["base_url"] == other.url


def test_a_scenario_that_the_target_does_not_allow_does_not_begin(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    mixed.file.write_text(mixed.file.read_text() + "max_users: 9\n")
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:
        ui.start()
        wait_for(lambda: "raise 'max_users' in its file" in ui.ask("/logs")[2])
        assert "Traceback" not in ui.ask("/logs")[2]
    assert not cli.runs.exists()
    assert mixed.served() == 0


@contextmanager
def serving_by_command(cli: Cli, target: Target, variable: str, value: str, *options: str) -> Iterator[Ui]:
    """What `loadverdict web` serves with a variable in its environment."""
    port = free_port()
    os.environ[variable] = value
    try:
        process: subprocess.Popen[str] = cli.start(
            "web", "--target", str(target.file), "--port", str(port), "--run-dir", str(cli.runs), *options
        )
    finally:
        del os.environ[variable]
    ui = Ui(port, "")
    try:
        wait_for(ui.is_up)
        yield ui
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert PASSWORD not in out + err


@pytest.mark.slow
def test_the_page_asks_for_the_password(cli: Cli, mixed: Target) -> None:
    with serving_by_command(cli, mixed, "LOADVERDICT_WEB_PASSWORD", PASSWORD, "--login") as ui:
        for path in ("/", "/stats/requests", "/verdict/", "/verdict/live.json"):
            assert ui.ask(path)[0] == 302, path
        for order in ({"user_count": 1, "spawn_rate": 1}, {"target": "/tmp/theirs.yaml"}):
            assert ui.ask("/swarm", "POST", urlencode(order))[0] == 302
        form = ui.ask("/login")[2]
        place = re.search(r'"username_password_callback": ?"([^"]+)"', form)
        assert place is not None
        for given, leads in (("wrong", "/login"), ("", "/login"), (PASSWORD, "/")):
            status, headers, _ = ui.ask(place[1], "POST", urlencode({"username": "x", "password": given}))
            assert (status, headers["Location"]) == (302, leads)
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        ui.cookie = cookie.split(";")[0]
        assert ui.ask("/stats/requests")[0] == 200
        assert ui.ask("/verdict/")[0] == 200
        assert ui.ask("/swarm", "POST", urlencode({"target": "/tmp/theirs.yaml"}))[0] == 400
        # Behind the login other pages are still other pages.
        assert ui.ask("/stop", "POST", Origin=ELSEWHERE)[0] == 403


def test_the_page_is_known_by_the_names_it_was_given(cli: Cli, mixed: Target) -> None:
    with serving_by_command(cli, mixed, "LOADVERDICT_WEB_NAMES", "load.example, Other.Example") as ui:
        hosts = ("load.example", "other.example:8089", "elsewhere.example")
        assert [ui.ask("/stats/requests", Host=host)[0] for host in hosts] == [200, 200, 403]


@pytest.mark.parametrize(
    ("host", "login", "password", "error", "said"),
    [
        ("0.0.0.0", False, None, RefusedError, "--login"),
        ("192.0.2.1", False, PASSWORD, RefusedError, "--login"),
        ("127.0.0.1", True, None, UsageError, "LOADVERDICT_WEB_PASSWORD"),
        ("127.0.0.1", True, "too short", UsageError, "12 characters"),
        ("192.0.2.1", True, PASSWORD, UsageError, "192.0.2.1"),
    ],
)
def test_others_reach_the_page_by_a_password_only(
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    login: bool,
    password: str | None,
    error: type[LoadverdictError],
    said: str,
) -> None:
    if password is not None:
        monkeypatch.setenv("LOADVERDICT_WEB_PASSWORD", password)
    with pytest.raises(error, match=said) as raised:
        serve("lab", None, Page(host, free_port(), login), 1, Path("runs"))
    assert password is None or password not in str(raised.value)
