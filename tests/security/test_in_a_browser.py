"""Every kind of page in a real browser, full of hostile texts: no script runs and nothing is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from commands.all_runs import write_index
from tests.commands.conftest import chromium, needs_browser
from tests.render.builders import make_verdict
from tests.render.test_index import HOSTILE_NAMES, put
from tests.security.poisoned import SURFACES, payload, poisoned

pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that any of the texts could reach, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the test's own screen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WebDriver]:
    """A browser that tells every request it makes."""
    logs = {"performance": "ALL", "browser": "ALL"}
    with chromium(tmp_path / "profile", **{"goog:loggingPrefs": logs}) as driver:
        yield driver


def requests_of(browser: WebDriver) -> list[str]:
    """Addresses that the browser began to load since the last call."""
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]


def test_the_browser_would_tell_of_a_request(
    watched: WebDriver, asked: tuple[str, list[str]], tmp_path: Path
) -> None:
    """Without the policy, and with the text as markup, the same text does what it is made for."""
    url, paths = asked
    page = tmp_path / "unsafe.html"
    page.write_text(f"<!doctype html><title>unsafe</title><body>{payload(url).replace('http-equiv', 'x')}")
    watched.get(page.as_uri())
    assert watched.title == "owned"
    assert {"/script", "/image"} <= set(paths)
    assert any(address.startswith(url) for address in requests_of(watched))


def index(folder: Path, text: str) -> str:
    """The list of all runs, one of which has a hostile name and says nothing that is not hostile."""
    runs = folder / "runs"
    put(runs, f"20260101T120000Z-{HOSTILE_NAMES[0][17:]}", poisoned(make_verdict(), text))
    return write_index(runs).read_text()


@pytest.mark.parametrize("name", [*SURFACES, "index"])
def test_no_script_runs_and_nothing_is_asked_for(
    watched: WebDriver, asked: tuple[str, list[str]], tmp_path: Path, name: str
) -> None:
    url, paths = asked
    page = tmp_path / f"{name}.html"
    text = payload(url)
    page.write_text(index(tmp_path, text) if name == "index" else SURFACES[name].page(text))
    watched.get(page.as_uri())
    watched.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert watched.title != "owned"
    assert watched.find_elements("tag name", "script") == []
    assert url in watched.find_element("tag name", "body").text, "the text itself is to be seen"
    loaded = requests_of(watched)
    assert page.as_uri() in loaded
    # The last two are the browser's own start page.
    harmless = ("file:///", "data:", "chrome:", "chrome-untrusted:")
    assert [one for one in loaded if not one.startswith(harmless)] == []
    refused = [entry["message"] for entry in watched.get_log("browser")]
    assert not [one for one in refused if "Content Security Policy" in one], "it was not even tried"
    assert paths == []
