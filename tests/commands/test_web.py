"""The web page in a real browser: choose a scenario, start it, and find a run folder with a verdict."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import Select, WebDriverWait

from commands.locust_process import free_port
from tests.commands.conftest import Cli, Target, needs_browser, open_when_ready, wait_for

pytestmark = needs_browser

UNFOLD = (By.XPATH, "//*[contains(text(), 'Custom parameters')]")
"""What opens the rest of the form for a new run."""


@pytest.fixture
def page(cli: Cli, mixed: Target) -> Iterator[str]:
    port = free_port()
    process: subprocess.Popen[str] = cli.start(
        "web", "--target", str(mixed.file), "--port", str(port), "--run-dir", str(cli.runs)
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def ask_for_a_new_run(browser: WebDriver) -> None:
    """Press "New" until the form is there.

    A page loaded while the run still stops has no such button and never asks again. One that is drawn anew
    meanwhile takes the button away, or forgets that it was pressed.
    """
    button = (By.XPATH, "//button[contains(., 'New')]")

    def asked() -> bool:
        browser.refresh()
        wait = WebDriverWait(browser, 5)
        try:
            wait.until(expected.element_to_be_clickable(button)).click()
            wait.until(expected.element_to_be_clickable(UNFOLD))
        except (StaleElementReferenceException, TimeoutException):
            return False
        return True

    wait_for(asked, 60)


def test_a_scenario_chosen_in_the_browser_leaves_a_folder_with_a_verdict(
    cli: Cli, page: str, browser: WebDriver
) -> None:
    open_when_ready(browser, page)
    wait = WebDriverWait(browser, 20)
    for run in (1, 2):
        wait.until(expected.element_to_be_clickable(UNFOLD)).click()
        scenario = wait.until(expected.element_to_be_clickable((By.NAME, "scenario")))
        assert {o.text for o in Select(scenario).options} >= {"steps", "probe", "concurrent-login"}
        Select(scenario).select_by_visible_text("probe")
        browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        wait_for(lambda n=run: len(list(cli.runs.glob("*-probe/analysis/verdict.json"))) == n, 90)  # type: ignore[misc]
        assert len(list(cli.runs.iterdir())) == run
        if run == 1:
            ask_for_a_new_run(browser)
