"""The live verdict page: a real run with two worker processes, watched in a real browser and over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from commands import locust_process
from scenarios.target import load_target
from tests.commands.conftest import ROOT, Cli, Target, needs_browser, open_when_ready, wait_for

LEVELS = """
load: {shape: steps, users: [2, 6, 10], step_s: 2, blocks: 90}
think_time_s: 0.02
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""
"""Longer than a look takes on any machine, since looks give way to everything else; the tests end it."""

PATIENCE_S = 180

LOGIN = """
from flask import redirect
from flask_login import UserMixin, login_user
from locust import events

from locustfile import ScenarioShape, ScenarioUser


class Somebody(UserMixin):
    id = "somebody"


@events.init.add_listener
def _(environment, **_):
    if environment.web_ui:
        environment.web_ui.app.secret_key = "only for this test"
        environment.web_ui.login_manager.user_loader(lambda _: Somebody())

        @environment.web_ui.app.route("/test-login")
        def enter():
            login_user(Somebody())
            return redirect("/")
"""


class Ui:
    """Locust's web UI as it runs."""

    def __init__(self, port: int, base: str) -> None:
        self.port, self.base, self.cookie = port, base, ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}"

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **more: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and body; the path is sent as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Cookie": self.cookie, **more}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.ask(f"{self.base}/")[0] < 500
        except OSError:
            return False

    def live(self, seen: int = 0) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.ask(f"{self.base}/verdict/live.json?seen={seen}")[2])
        return told

    def start(self) -> None:
        status, _, text = self.ask(
            f"{self.base}/swarm", "POST", urlencode({"user_count": 1, "spawn_rate": 1})
        )
        assert status == 200
        assert json.loads(text)["success"], text

    def stop(self) -> None:
        assert self.ask(f"{self.base}/stop", "POST")[0] == 200


@contextmanager
def serving_ui(
    cli: Cli,
    target: Target,
    scenario: str,
    processes: int,
    *options: str,
    base: str = "",
    locustfile: Path | None = None,
    project: Path = ROOT,
) -> Iterator[Ui]:
    port = locust_process.free_port()
    where = ["--web-port", str(port), *(["--web-base-path", base] if base else [])]
    command = locust_process.command(processes, *where, *options)
    command[command.index("-f") + 1] = str(locustfile or project / "locustfile.py")
    there = load_target(str(target.file))
    env = locust_process.environment(
        scenario, str(target.file), there, LOADVERDICT_RUN_DIR=str(cli.runs), PYTHONPATH=str(project)
    )
    process = subprocess.Popen(command, cwd=cli.folder, env=env, start_new_session=True)
    ui = Ui(port, base)
    try:
        wait_for(ui.is_up)
        if processes > 1:
            wait_for(lambda: json.loads(ui.ask(f"{ui.base}/worker-count")[2])["worker_count"] == processes)
        yield ui
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        locust_process.end_group(process)  # type: ignore[arg-type]


@needs_browser
def test_the_page_shows_the_answer_while_the_run_goes_on_and_the_report_after_it(
    cli: Cli, hostile: Target, scenario: Callable[[str], str], browser: WebDriver
) -> None:
    def text(css: str) -> str:
        return browser.find_element(By.CSS_SELECTOR, css).text

    def count(css: str) -> int:
        return len(browser.find_elements(By.CSS_SELECTOR, css))

    with serving_ui(cli, hostile, scenario(LEVELS), 2) as ui:
        open_when_ready(browser, f"{ui.url}/verdict/")
        wait_for(lambda: "No run yet" in text("#sentence"))
        ui.start()
        wait_for(lambda: count("#by-load svg circle.point") >= 2, PATIENCE_S)
        assert "running" in text("#badges")
        assert ui.live()["state"] == "running"
        assert {log.stem for log in (cli.only_run() / "samples").glob("*.log")} == {"worker-0", "worker-1"}
        assert "requests failed" in text("#badges")
        assert text("#provisional").startswith("Provisional: judged up to 0:")
        assert text("#sentence").endswith((".", "…"))
        assert "503 Service Unavailable" in text("#by-time-legend")
        assert count("#by-time svg g.s0 rect") >= 3
        assert count("#answers .answer") == 3
        assert "Planned end at 9:00" in text("#plan")

        # What the target says stays a text.
        assert "<img src=x onerror" in text("#kinds")
        assert count("main img, main script, main b#owned") == 0
        assert "owned" not in browser.title

        assert not browser.find_element(By.ID, "report").is_displayed()
        ui.stop()
        link = browser.find_element(By.ID, "report-link")
        wait_for(link.is_displayed, PATIENCE_S)
        assert "same at every load" in text("#answers") or "cannot tell" in text("#answers")
        browser.set_window_size(390, 800)
        wait_for(lambda: browser.execute_script("return document.body.scrollWidth <= window.innerWidth"))
        link.click()
        wait_for(lambda: cli.only_run().name in browser.current_url)
        assert "failed" in text("h1")
        verdict = cli.verdict()
        wait_for(lambda: ui.live()["look"] and ui.live()["look"]["final"], PATIENCE_S)
        look, look_run = ui.live()["look"], ui.live()["run"]
        assert (look["requests"], look["errors"]) == (verdict["requests"], verdict["errors"])
        assert look["sentence"] == verdict["sentence"]

        # The next run in the same session: nothing of the one before is left on the page.
        ui.start()
        open_when_ready(browser, f"{ui.url}/verdict/")
        wait_for(lambda: "running" in text("#badges") and count("#by-load svg circle.point") >= 1, PATIENCE_S)
        assert ui.live()["run"] != look_run
        wait_for(lambda: text("#provisional"), PATIENCE_S)
        assert not browser.find_element(By.ID, "report").is_displayed()


@needs_browser
def test_locusts_own_page_has_a_tab_with_the_answers(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], browser: WebDriver
) -> None:
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:
        ui.start()
        open_when_ready(browser, f"{ui.url}/?tab=verdict")
        wait_for(
            lambda: "at every level" in browser.page_source or "annot tell" in browser.page_source, PATIENCE_S
        )
        assert "How sure" in browser.find_element(By.TAG_NAME, "table").text
        downloads = browser.find_element(By.XPATH, "//button[contains(., 'Download')]")
        downloads.click()
        link = wait_for(lambda: browser.find_elements(By.LINK_TEXT, "Live verdict page"))[0]
        assert link.get_attribute("href") == f"{ui.url}/verdict/"


def test_everything_lies_below_the_base_path_and_behind_the_login(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], tmp_path: Path
) -> None:
    locustfile = tmp_path / "with_login.py"
    locustfile.write_text(LOGIN)
    load = scenario(LEVELS)
    with serving_ui(cli, mixed, load, 1, "--web-login", base="/load", locustfile=locustfile) as ui:
        paths = ["/verdict/", "/verdict/live.json", "/verdict/page/page.js", "/verdict/runs/some/report.html"]
        for path in paths:
            status, headers, text = ui.ask("/load" + path)
            assert (status, headers["Location"].split("?")[0]) == (302, "/load/login"), path
            assert "Live verdict" not in text
            assert ui.ask(path)[0] == 404
        _, headers, _ = ui.ask("/test-login")
        ui.cookie = headers["Set-Cookie"].split(";")[0]
        assert [ui.ask("/load" + path)[0] for path in paths] == [200, 200, 200, 404]
        assert "Live verdict" in ui.ask("/load/verdict/")[2]
        assert ui.live()["state"] == "none"
        ui.start()
        wait_for(lambda: ui.live()["look"], PATIENCE_S)
        ui.stop()
        wait_for(lambda: ui.live()["report"], PATIENCE_S)
        report = f"/load/verdict/{ui.live()['report']}"
        assert "<h1" in ui.ask(report)[2]
        ui.cookie = ""
        assert ui.ask(report)[0] == 302


def test_only_reports_are_served_to_this_origin_and_without_foreign_content(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:
        ui.start()
        wait_for(lambda: ui.live()["look"], PATIENCE_S)
        ui.stop()
        wait_for(lambda: ui.live()["report"], PATIENCE_S)
        run = cli.only_run().name
        for path in ("/verdict/", "/verdict/live.json", f"/verdict/runs/{run}/report.html"):
            status, headers, _ = ui.ask(path, Origin="http://elsewhere.example")
            assert status == 200
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
            assert headers["Access-Control-Allow-Origin"] == ui.url
            assert headers["X-Content-Type-Options"] == "nosniff"
        assert (cli.only_run() / "manifest.json").exists()
        for name in (
            "manifest.json",
            "../manifest.json",
            "..%2fmanifest.json",
            "%2e%2e/manifest.json",
            "../../../target.yaml",
            "%2fetc%2fpasswd",
        ):
            assert ui.ask(f"/verdict/runs/{run}/{name}")[0] == 404, name
        for path in (
            "runs/../runs",
            f"runs/..%2f{run}/report.html",
            "page/..%2froutes.py",
            "page/../routes.py",
        ):
            assert ui.ask(f"/verdict/{path}")[0] == 404, path
        assert ui.ask("/verdict/live.json", "POST", "")[0] == 405


def test_the_answers_in_locusts_numbers_are_for_its_own_tab_only(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:

        def tables(**headers: str) -> list[dict[str, Any]]:
            stats = json.loads(ui.ask("/stats/requests", **headers)[2])
            found: list[dict[str, Any]] = stats.get("extended_stats", [])
            return found

        tab = f"{ui.url}/?tab=verdict"
        assert [table["key"] for table in tables(Referer=tab)] == ["verdict"]
        # Within the two seconds for which Locust keeps its answer.
        assert tables(Referer=f"{ui.url}/?tab=stats") == []
        assert (
            tables(Referer="http://elsewhere.example/?tab=verdict", Origin="http://elsewhere.example") == []
        )


def test_nothing_is_judged_while_nobody_looks(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    with serving_ui(cli, mixed, scenario(LEVELS), 1) as ui:
        ui.start()
        time.sleep(4)
        first = ui.live()
        assert first["state"] == "running"
        assert first["number"] == 0
        look = wait_for(lambda: ui.live()["look"], PATIENCE_S)
        assert look["requests"] > 0
        number = ui.live()["number"]
        assert ui.live(seen=number)["look"] is None or ui.live()["number"] > number


def test_page_and_master_are_bound_to_loopback_unless_told_otherwise() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = (
        "from locust import events; from locust.argument_parser import get_parser; import locustfile; "
        "parse = get_parser().parse_args; asked = parse(['--web-host', '*', '--master-bind-host', '*']); "
        "print(parse([]).web_host, parse([]).master_bind_host, asked.web_host, asked.master_bind_host)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-4:] == ["127.0.0.1", "127.0.0.1", "*", "*"]
