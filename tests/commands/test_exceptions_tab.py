"""Locust's Exceptions tab lists what behaviours raise: each text once, without secrets, whoever raised it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from scenarios.broken_turns import MOST_KINDS
from tests.commands.conftest import Cli, Target, needs_browser, open_when_ready, wait_for
from tests.commands.test_live import Ui, serving_ui

RAISING = """
import time

class Private:
    def turn(self, user):
        user.send("login")
        self.order(user.variables["password"])

    def order(self, key):
        raise KeyError("<img src=x onerror=\\"document.title='owned'\\">", key)

class Endless:
    def turn(self, user):
        user.send("login")
        raise ValueError(f"order {time.monotonic_ns()}")
"""
SAID = "KeyError in raising.py:10: ('<img src=x onerror=\"document.title=\\'owned\\'\">', '[hidden]')"


@pytest.fixture
def raising(tmp_path: Path) -> str:
    """A scenario of behaviours that raise in every turn."""
    (tmp_path / "raising.py").write_text(RAISING)
    path = tmp_path / "scenario.yaml"
    path.write_text(
        "behaviours: {'raising:Private': 1, 'raising:Endless': 1}\nthink_time_s: 0.05\n"
        "load: {shape: hold, users: 6, hold_s: 300}\n"
    )
    return str(path)


def rows(ui: Ui) -> list[dict[str, str | int]]:
    found: list[dict[str, str | int]] = json.loads(ui.ask("/exceptions")[2])["exceptions"]
    return found


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_each_text_has_a_row_from_every_process(
    cli: Cli, mixed: Target, raising: str, processes: int
) -> None:
    most = 1 + processes * (MOST_KINDS - 1)  # all processes say one of them
    with serving_ui(cli, mixed, raising, processes) as ui:
        ui.start()
        wait_for(lambda: len(rows(ui)) >= most)
        sent = int(mixed.count_file.read_text())
        wait_for(lambda: int(mixed.count_file.read_text()) > sent + 60)
        found = rows(ui)
        elsewhere = [ui.ask(path)[2] for path in ("/exceptions/csv", "/stats/report")]
    assert len(found) == most
    (told,) = (row for row in found if row["msg"] == SAID)
    assert told["count"] == len(str(told["nodes"]).split(", ")) == processes
    assert (told["nodes"] == "local") == (processes == 1)
    way = [line.strip() for line in str(told["traceback"]).splitlines()]
    assert way[-3:] == ['File "raising.py", line 7, in turn', 'File "raising.py", line 10, in order', SAID]
    for text in (json.dumps(found), *elsewhere):
        assert "ValueError" in text
        assert not [secret for secret in ("pass-word", "user.send", "raise ") if secret in text]
    events = (cli.only_run() / "events.jsonl").read_text()
    assert "turn_broken" in events
    assert "user_error" not in events  # nobody ended


@needs_browser
@pytest.mark.slow
def test_the_tab_shows_them_as_text(cli: Cli, mixed: Target, raising: str, browser: WebDriver) -> None:
    with serving_ui(cli, mixed, raising, 1) as ui:
        ui.start()
        wait_for(lambda: any(row["msg"] == SAID for row in rows(ui)))
        open_when_ready(browser, f"{ui.url}/?tab=exceptions")
        wait_for(lambda: SAID in browser.find_element(By.TAG_NAME, "body").text)
        assert 'File "raising.py", line 10, in order' in browser.find_element(By.TAG_NAME, "body").text
        assert browser.find_elements(By.CSS_SELECTOR, "td img") == []
        assert browser.title != "owned"
