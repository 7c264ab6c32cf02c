"""Nothing that a run leaves behind holds a password, a token, a cookie or a key, whatever the target says.

The target repeats everything it is sent; the secrets are canaries that nothing else contains. Searched are
every file, both outputs, the log, the chat's message and the list of processes.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from commands.locust_process import free_port
from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from recording.scrub import HIDDEN, scrub
from tests.commands.conftest import ROOT, Cli, Target, wait_for
from tests.commands.test_live import Ui, serving_ui
from tests.render.test_html import Page
from tests.security.leaky import (
    COOKIE,
    HOOK,
    KEY,
    LEAKS,
    OWN,
    STEMS,
    TOKEN,
    Leaky,
    ProcessList,
    Said,
    Sent,
    accounts,
    dressed,
    leaking,
    leaks_in,
    target_yaml,
)

SCENARIO = """
behaviours: {{session: 4, "raising:Raising": 1}}
load: {{shape: hold, users: 5, hold_s: {hold_s}}}
think_time_s: 0.02
timeouts: {{connect_s: 1, read_s: 2, total_s: 2}}
client: {client}
"""
RAISING = f"""
from scenarios.request import Request

KEY = "".join({[OWN[:5], OWN[5:]]})  # so that the compiled file does not hold it
MINE = Request(path="/me", headers={{"X-Api-Key": KEY}})

class Raising:
    def turn(self, user):
        user.send("login")
        user.send("mine", MINE)
        theirs = list(user.requests["me"].headers.values())
        raise RuntimeError(f"cannot go on as {{user.variables}}, {{theirs}}, {{KEY}}")
"""
GIVEN = {"accounts.csv", "target.yaml"}
"""Files that a user wrote, secrets included."""

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Aftermath:
    """What a command left."""

    folder: Path
    code: int
    out: str
    err: str
    processes: set[bytes]
    hooked: list[str]

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file() and path.name not in GIVEN]


def prepare(folder: Path, leaky: Leaky, source: str, hold_s: float, client: str = "lean") -> Path:
    """Target, scenario and behaviour files; returns the scenario's."""
    folder.joinpath("target.yaml").write_text(target_yaml(leaky.url, source))
    folder.joinpath("raising.py").write_text(RAISING)
    folder.joinpath("accounts.csv").write_text(accounts())
    folder.joinpath("accounts.csv").chmod(0o600)
    folder.joinpath("tmp").mkdir()
    path = folder / "canary.yaml"
    path.write_text(SCENARIO.format(hold_s=hold_s, client=client))
    return path


def content_of(path: Path) -> bytes:
    """A file as it is, and what its compression hides."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        content += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
    return content


def check_files(files: list[Path]) -> None:
    assert files
    for path in files:
        assert leaks_in(content_of(path)) == [], path


def check_all(left: Aftermath) -> None:
    """No canary anywhere, and the run did meet them."""
    check_files(left.files())
    for text in (left.out, left.err, *left.hooked, *map(os.fsdecode, left.processes)):
        assert leaks_in(text) == []
    assert "Traceback" not in left.err
    (folder,) = (path.parent for path in left.folder.rglob("errors.jsonl"))
    assert (folder / "errors.jsonl").read_text().count(HIDDEN) > 10
    run = read_run(folder)
    assert leaks_in(repr([run.samples.code.names, run.samples.endpoint.names, run.manifest])) == []
    # The redirect to another host among them: it is an answer, and nobody went there.
    assert set(run.samples.status.tolist()) >= {200, 302, 400, 401, 409, 422, 500, 503}


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """A scheduled run with accounts from the environment: run, gate, history, trend, index, chat, summary."""
    folder = tmp_path_factory.mktemp("canary")
    cli = Cli(folder)
    with pytest.MonkeyPatch.context() as patch, leaking() as leaky, ProcessList() as watched:
        scenario = prepare(folder, leaky, "accounts_env: CANARY_ACCOUNTS", hold_s=3)
        patch.setenv("CANARY_ACCOUNTS", accounts())
        patch.setenv("LOADVERDICT_WEBHOOK", f"{leaky.url}/{HOOK}")
        patch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
        patch.setenv("TMPDIR", str(folder / "tmp"))
        done = cli(
            "regression",
            str(scenario),
            *("--target", str(folder / "target.yaml"), "--run-dir", str(cli.runs)),
            *("--history", str(folder / "history.sqlite"), "--confirm", "0"),
        )
    assert leaky.logins > 40
    assert leaky.asked > 5
    return Aftermath(folder, done.returncode, done.stdout, done.stderr, watched.seen, leaky.hooked)


class TestANightlyRun:
    def test_leaves_no_secret(self, nightly: Aftermath) -> None:
        assert nightly.code == 1, nightly.out + nightly.err
        left = {path.name for path in nightly.files()}
        assert left >= {
            "report.html",
            "report.md",
            "junit.xml",
            "verdict.json",
            "locust.log",
            "manifest.json",
        }
        assert left >= {"trend.html", "index.html", "summary.md", "history.sqlite", "samples.parquet"}
        assert any(b"locust" in line for line in nightly.processes)
        assert len(nightly.hooked) == 1
        check_all(nightly)

    def test_tells_of_its_own_script_error_without_its_secrets(self, nightly: Aftermath) -> None:
        (log,) = nightly.folder.rglob("locust.log")
        text = log.read_text()
        assert "RuntimeError in raising.py:12: cannot go on as {'username': '[hidden]" in text
        assert "', '[hidden]'], [hidden]" in text  # the keys of the target file and of the behaviour
        assert "During handling of the above exception" not in text

    def test_prints_nothing_that_steers_a_terminal(self, nightly: Aftermath) -> None:
        for text in (nightly.out, nightly.err, *nightly.hooked):
            assert not UNSAFE.search(text)
        for path in nightly.files():
            if path.suffix in (".log", ".md", ".html", ".csv", ".xml") and path.parent.name != "samples":
                assert not UNSAFE.search(path.read_text()), path

    def test_has_no_cell_that_a_spreadsheet_would_run(self, nightly: Aftermath) -> None:
        tables = [path for path in nightly.files() if path.suffix == ".csv"]
        assert tables
        for path in tables:
            for row in csv.reader(path.read_text().splitlines()):
                assert not [cell for cell in row if cell[:1] in tuple("=+@\t\r") or re.match(r"-\D", cell)]

    def test_has_pages_without_foreign_markup(self, nightly: Aftermath) -> None:
        pages = [path for path in nightly.files() if path.suffix == ".html"]
        assert {path.name for path in pages} >= {"report.html", "trend.html", "index.html"}
        for path in pages:
            page = Page(path.read_text())
            assert not {"script", "iframe", "object", "link", "base", "form"} & page.tags(), path
            names = [name for _, attributes in page.elements for name in attributes]
            assert not [name for name in names if name.startswith("on")], path
            policies = [a for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
            assert len(policies) == 1, path
            assert (policies[0]["content"] or "").startswith("default-src 'none'; "), path


def test_what_is_searched_for_would_be_found() -> None:
    """The search itself can fail a test: every dress of every canary is seen."""
    for stem in STEMS:
        for form in dressed(f"x{stem}yz").split(" | "):
            assert leaks_in(f"before {form} after"), form
    assert leaks_in("nothing of the kind") == []


@pytest.mark.parametrize("leak", LEAKS)
def test_no_answer_of_the_service_survives_scrubbing(leak: Callable[[Sent], Said]) -> None:
    for user, password in list(csv.reader(accounts().splitlines()))[1:]:
        headers = {"X-Api-Key": KEY, "Cookie": f"sid={COOKIE}1", "Authorization": f"Bearer {TOKEN}1"}
        said = leak(Sent(user, password, headers))
        secrets = [user, password, KEY, f"{COOKIE}1", f"{TOKEN}1"]
        for text in (said.body, *said.headers.values(), *messages_in(said.body)):
            assert leaks_in(scrub(text, secrets)) == []


def messages_in(body: str) -> list[str]:
    """What of an answer in JSON may become the failure's message."""
    try:
        return [str(text) for name, text in json.loads(body).items() if name in ("error", "detail")]
    except ValueError:
        return []


def run_arguments(folder: Path, *more: str) -> tuple[str, ...]:
    return ("--target", str(folder / "target.yaml"), "--run-dir", str(folder / "runs"), *more)


@pytest.fixture
def leaky(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaky]:
    monkeypatch.setenv("TMPDIR", str(cli.folder / "tmp"))
    with leaking() as service:
        yield service


def kill_locust(process: subprocess.Popen[str]) -> None:
    for child in psutil.Process(process.pid).children(recursive=True):
        if "locust" in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def interrupt_twice(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("end", [kill_locust, interrupt, interrupt_twice])
def test_a_run_that_is_cut_off_leaves_no_secret(
    cli: Cli, leaky: Leaky, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    scenario = prepare(cli.folder, leaky, "accounts: accounts.csv", hold_s=300)
    with ProcessList() as watched:
        process = cli.start("run", str(scenario), *run_arguments(cli.folder, "--processes", "2"))
        folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None))
        wait_for(lambda: Follower(RunFolder(folder)).look().finished > 150)
        end(process)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 3
    check_all(Aftermath(cli.folder, process.returncode, out, err, watched.seen, []))


@pytest.mark.slow
@pytest.mark.parametrize("client", ["fast", "requests"])
def test_every_client_is_as_discreet_and_so_is_what_is_made_of_its_runs(
    cli: Cli, leaky: Leaky, client: str
) -> None:
    scenario = prepare(cli.folder, leaky, "accounts: accounts.csv", hold_s=4, client=client)
    with ProcessList() as watched:
        for _ in range(2):
            done = cli("run", str(scenario), *run_arguments(cli.folder))
            assert done.returncode == 1, done.stdout + done.stderr
        base, new = sorted(path.name for path in cli.runs.iterdir())
        runs = ("--run-dir", str(cli.runs))
        after = [
            cli("compare", base, new, *runs),
            cli("gate", "latest", *runs),
            cli("diagnose", "latest", "--json", *runs),
            cli("trend", "--add", base, "--add", new, *runs, "--history", str(cli.folder / "h.sqlite")),
        ]
    for command in (done, *after):
        assert leaks_in(command.stdout + command.stderr) == []
        assert not UNSAFE.search(command.stdout + command.stderr)
        assert "Traceback" not in command.stderr
    assert any(path.name == "comparison.html" for path in cli.folder.rglob("*.html"))
    check_files(Aftermath(cli.folder, 0, "", "", set(), []).files())
    assert not any(leaks_in(line) for line in watched.seen)


@pytest.mark.slow
def test_the_web_page_tells_no_secret_either(cli: Cli, leaky: Leaky) -> None:
    scenario = prepare(cli.folder, leaky, "accounts: accounts.csv", hold_s=300)
    target = Target(leaky.url, cli.folder / "target.yaml", None, cli.folder)  # type: ignore[arg-type]
    paths = ["/", "/stats/requests", "/stats/failures/csv", "/exceptions", "/exceptions/csv", "/logs"]
    paths += ["/stats/report", "/verdict/", "/verdict/live.json", "/tasks"]

    def texts(ui: Ui) -> dict[str, str]:
        return {path: ui.ask(path)[2] for path in paths}

    with ProcessList() as watched, serving_ui(cli, target, str(scenario), 2) as ui:
        ui.start()
        wait_for(lambda: leaky.logins > 150, 60)
        wait_for(lambda: ui.live()["look"], 180)
        (folder,) = cli.runs.iterdir()
        wait_for(lambda: "RuntimeError" in (folder / "events.jsonl").read_text())
        wait_for(lambda: "RuntimeError" in ui.ask("/exceptions")[2])
        during = texts(ui)
        ui.stop()
        wait_for(lambda: ui.live()["report"], 180)
        after = texts(ui) | {"report": ui.ask(f"/verdict/{ui.live()['report']}")[2]}
    for told in (during, after):
        for path, text in told.items():
            assert leaks_in(text) == [], path
        for path in ("/exceptions", "/exceptions/csv", "/stats/report"):
            assert "RuntimeError in raising.py:12: cannot go on as" in told[path], path
    assert HIDDEN in (folder / "events.jsonl").read_text()
    check_files(Aftermath(cli.folder, 0, "", "", set(), []).files())
    assert not any(leaks_in(line) for line in watched.seen)


@pytest.mark.slow
def test_a_worker_elsewhere_tells_none(cli: Cli, leaky: Leaky) -> None:
    scenario = prepare(cli.folder, leaky, "accounts: accounts.csv", hold_s=5)
    port = str(free_port())
    away = cli.folder / "away"
    away.mkdir()
    (away / "raising.py").write_text(RAISING)
    worker = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), "--worker"]
    worker += ["--master-host", "127.0.0.1", "--master-port", port]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LOADVERDICT_SHIP_LOGS": "1"}
    env["LOADVERDICT_ACCOUNTS"] = str(cli.folder / "accounts.csv")
    with ProcessList() as watched, (away / "worker.log").open("wb") as log:
        master = cli.start(
            "run",
            str(scenario),
            *run_arguments(cli.folder, "--workers", "1"),
            *("--workers-port", port, "--workers-host", "127.0.0.1"),
        )
        other = subprocess.Popen(worker, cwd=away, env=env, stdout=log, stderr=log)
        try:
            out, err = master.communicate(timeout=120)
        finally:
            other.terminate()
            other.wait(30)
    assert master.returncode == 1, out + err
    check_files(Aftermath(cli.folder, 0, "", "", set(), []).files())
    assert leaks_in(out + err) == []
    assert not any(leaks_in(line) for line in watched.seen)
