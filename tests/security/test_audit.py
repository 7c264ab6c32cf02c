"""The audit of `make lint`: right about this checkout, and never in the way where there is no network."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from commands.locust_process import free_port
from tests.commands.conftest import ROOT

SCRIPT = ROOT / ".ci/audit.py"


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def service(answer: Callable[[list[Any]], tuple[int, bytes]]) -> Iterator[str]:
    """Something that answers in the place of OSV.dev."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            status, body = answer(asked)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing on the test's own screen."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


def told(asked: list[Any], **holes: str) -> bytes:
    names = [query["package"]["name"] for query in asked]
    found = [{"vulns": [{"id": holes[name]}]} if name in holes else {} for name in names]
    return json.dumps({"results": found}).encode()


NOT_ALL = "were not all looked up"
STRANGE: tuple[Any, ...] = (
    None,
    "x",
    {"vulns": None},
    {"vulns": "x"},
    {"vulns": [None]},
    {"vulns": [{}]},
    {"vulns": [{"id": 5}]},
    {"vulns": [{"id": "\x1b[31mGHSA"}]},
    {"next_page_token": "x"},
)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (lambda asked: (200, told(asked)), 0, "no known hole"),
        (lambda asked: (200, told(asked, jinja2="GHSA-1")), 1, "jinja2 3.1.6 has known holes: GHSA-1"),
        (lambda _: (503, b"busy"), 0, "were not looked up"),
        (lambda _: (200, b"<html>log in to the Wi-Fi</html>"), 0, "were not all looked up"),
        (lambda _: (200, b"[]"), 0, "were not all looked up"),
        (lambda _: (200, b'{"results": [{}]}'), 0, "were not all looked up"),
        *(
            (lambda asked, one=one: (200, json.dumps({"results": [one for _ in asked]}).encode()), 0, NOT_ALL)
            for one in STRANGE
        ),
    ],
)
def test_holes_are_told_and_trouble_with_the_service_is_one_sentence(
    audit: ModuleType,
    capsys: pytest.CaptureFixture[str],
    answer: Callable[[list[Any]], tuple[int, bytes]],
    code: int,
    said: str,
) -> None:
    with service(answer) as url:
        assert audit.main(url) == code
    out = capsys.readouterr().out
    assert said in out
    assert len(out.splitlines()) == 1


def test_a_hole_that_was_looked_at_is_accepted(audit: ModuleType) -> None:
    audit.ACCEPTED["GHSA-1"] = "its server part is not used"
    with service(lambda asked: (200, told(asked, jinja2="GHSA-1"))) as url:
        assert audit.main(url) == 0


def test_without_a_network_nothing_fails() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run([sys.executable, str(SCRIPT), nobody], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "were not looked up" in done.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("constraints.txt", "pytest==", "pytest==0.", "is installed, constraints.txt has 0."),
        ("constraints.txt", "Jinja2==3.1.6\n", "", "jinja2 is in pyproject.toml and not in constraints.txt"),
        ("docs/dependencies.md", "| jinja2 |", "| |", "jinja2 is in pyproject.toml and not in docs"),
        ("docs/dependencies.md", "types-*", "", "types-PyYAML is in pyproject.toml and not in docs"),
    ],
)
def test_what_does_not_fit_is_found(
    audit: ModuleType, tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    for name in ("constraints.txt", "pyproject.toml", "docs/dependencies.md"):
        text = (ROOT / name).read_text()
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text.replace(before, after) if name == file else text)
    assert list(audit.mistakes()) == []
    audit.ROOT = tmp_path
    assert any(said in mistake for mistake in audit.mistakes())
