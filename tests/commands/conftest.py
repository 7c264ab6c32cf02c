"""A real server, and the real command line run against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

ROOT = Path(__file__).resolve().parents[2]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1000",
)

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Debian's chromium and chromium-driver (.ci/run installs them)",
)


PARTS = ("analysis", "commands", "config", "history", "lab", "recording", "scenarios")


def checkout(folder: Path) -> Path:
    """A copy of the suite, whose config/ may be changed."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "locustfile.py", folder)
    return folder


@dataclass
class Target:
    """A running test server and the target file that names it."""

    url: str
    file: Path
    process: subprocess.Popen[bytes]
    count_file: Path

    def served(self) -> int:
        """Requests the server has read, after it has written its last count."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return int(self.count_file.read_text())


def wait_for(condition: Callable[[], Any], limit_s: float = 20) -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@contextmanager
def serving(
    folder: Path, mode: str, ledger: Path | None = None, prefix: Sequence[str] = ()
) -> Iterator[Target]:
    port, count = folder / "port", folder / "count"
    arguments = [str(port), str(count), mode, *([str(ledger)] if ledger else [])]
    process = subprocess.Popen([*prefix, sys.executable, str(ROOT / "tests/server.py"), *arguments])
    try:
        wait_for(lambda: port.exists() and port.read_text())
        url = f"http://127.0.0.1:{port.read_text()}"
        accounts = ["username,password", *(f"user{i},pass-word-{i}" for i in range(60))]
        (folder / "accounts.csv").write_text("\n".join(accounts) + "\n")
        (folder / "accounts.csv").chmod(0o600)
        body = '{username: "{username}", password: "{password}"}'
        (folder / "target.yaml").write_text(
            f"base_url: {url}\naccounts: accounts.csv\nrequests:\n"
            f"  login: {{method: POST, path: /login, json: {body}, expect: {{json_fields: [token]}}}}\n"
        )
        yield Target(url, folder / "target.yaml", process, count)
    finally:
        process.kill()
        process.wait()


STEADY = """
load: {shape: hold, users: 6, hold_s: 5}
think_time_s: 0.1
"""


@pytest.fixture
def switchable(tmp_path: Path) -> Iterator[Target]:
    """A server that fails every sixth request until it is told not to; the key for that is a secret."""
    with serving(tmp_path, "switch") as target:
        yield target


def is_busy(target: Target) -> bool:
    with urllib.request.urlopen(f"{target.url}/switch") as answer:
        return bool(json.load(answer)["busy"])


def switch(target: Target, *, busy: bool) -> None:
    """Turn the switch by hand."""
    body = json.dumps({"busy": busy, "key": "hush-hush"}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{target.url}/switch", body, method="PUT")) as answer:
        assert answer.status == 200


def check_no_secret(folder: Path, *printed: str) -> None:
    """Neither files nor output hold the key to `switchable`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert all(b"hush" not in path.read_bytes() for path in files)
    assert all("hush" not in text and "Traceback" not in text for text in printed)


@pytest.fixture
def mixed(tmp_path: Path) -> Iterator[Target]:
    """A server that answers every sixth request with 503."""
    with serving(tmp_path, "mixed") as target:
        yield target


@pytest.fixture
def even(tmp_path: Path) -> Iterator[Target]:
    """A server that takes 0.3 s for every answer, against which the machine's own delays are small."""
    with serving(tmp_path, "even") as target:
        yield target


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Target]:
    """A server that never answers."""
    with serving(tmp_path, "hang") as target:
        yield target


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Target]:
    """A server that fails every sixth login with a text that is markup."""
    with serving(tmp_path, "hostile") as target:
        yield target


@pytest.fixture
def echoing(tmp_path: Path) -> Iterator[Target]:
    """A server that refuses every login and repeats what it was sent."""
    with serving(tmp_path, "echo") as target:
        yield target


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[[str], str]:
    """Write a scenario file."""

    def write(text: str) -> str:
        path = tmp_path / "short.yaml"
        path.write_text(text)
        return str(path)

    return write


class Cli:
    """The command line as a user calls it."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.folder = folder

    def start(
        self, *arguments: str, stdin: int | None = None, prefix: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        command = [*prefix, sys.executable, "-m", "commands.main", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=env, text=True, stdin=stdin, stdout=pipe, stderr=pipe
        )

    def __call__(self, *arguments: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, prefix=prefix)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, scenario: str, target: Target, *more: str) -> subprocess.CompletedProcess[str]:
        return self("run", scenario, "--target", str(target.file), "--run-dir", str(self.runs), *more)

    def only_run(self) -> Path:
        (run,) = self.runs.iterdir()
        return run

    def verdict(self) -> dict[str, Any]:
        verdict: dict[str, Any] = json.loads((self.only_run() / "analysis/verdict.json").read_text())
        return verdict


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs commands in an empty folder."""
    return Cli(tmp_path)


@pytest.fixture
def chat() -> Iterator[tuple[str, list[str]]]:
    """A chat that takes messages; its address and what it was told."""
    told: list[str] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hush-hush", told
    server.shutdown()
    server.server_close()


@contextmanager
def chromium(profile: Path, **capabilities: object) -> Iterator[WebDriver]:
    """A browser of its own, without a screen."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for name, value in capabilities.items():
        options.set_capability(name, value)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with chromium(tmp_path / "profile") as driver:
        yield driver


def open_when_ready(browser: WebDriver, url: str) -> None:
    def opened() -> bool:
        try:
            browser.get(url)
        except Exception:
            return False
        return True

    wait_for(opened)
