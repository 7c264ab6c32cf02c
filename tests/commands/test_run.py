"""`loadverdict run` on a real server: every request is counted. What goes wrong meanwhile: `tests/faults`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recording.reader import read_run
from tests.commands.conftest import ROOT, Cli, Target

SHORT = """
load: {shape: steps, users: [2, 6], step_s: 2, blocks: 1}
think_time_s: 0.1
timeouts: {connect_s: 1, read_s: 2, total_s: 2}
"""
HANGING = "load: {{shape: hold, users: 6, hold_s: 2}}\ntimeouts: {{connect_s: 1, {}}}\n"


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_server_counts_what_the_run_recorded(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], processes: str
) -> None:
    done = cli.run(scenario(SHORT), mixed, "--processes", processes)
    assert done.returncode == 1, done.stdout + done.stderr
    run = read_run(cli.only_run())
    assert len(run.samples) == mixed.served() > 50
    assert run.samples.users.max() == 6
    assert run.health is not None
    assert len(run.health.nodes) == int(processes)
    assert not run.health.nodes_without_end
    assert run.manifest["clean_end"] is True
    verdict = cli.verdict()
    assert verdict["quality"]["complete"] is True
    assert verdict["by_status"]["503"]["share"] == pytest.approx(1 / 6, abs=0.02)
    assert done.stdout.count("GATE CLOSED: a target was missed") == 1
    assert done.stdout.splitlines()[-1] == "all runs: index.html"
    assert verdict["sentence"].split(".")[0] in (cli.folder / "index.html").read_text()
    for path in (path for path in cli.only_run().rglob("*") if path.is_file()):
        assert b"pass-word-" not in path.read_bytes(), path


def test_timeouts_have_their_phase(cli: Cli, hanging: Target, scenario: Callable[[str], str]) -> None:
    assert cli.run(scenario(HANGING.format("read_s: 0.5, total_s: 5")), hanging).returncode == 1
    run = read_run(cli.only_run())
    assert len(run.samples) == hanging.served()
    assert set(run.samples.outcome.to_list()) == {"first_byte_timeout"}


def test_the_total_deadline_ends_a_request(cli: Cli, hanging: Target, scenario: Callable[[str], str]) -> None:
    assert cli.run(scenario(HANGING.format("read_s: 5, total_s: 0.7")), hanging).returncode == 1
    run = read_run(cli.only_run())
    assert len(run.samples) == hanging.served()
    assert set(run.samples.outcome.to_list()) == {"total_timeout"}
    assert run.samples.duration_ms.max() < 1200


@pytest.mark.slow  # tests/security/test_canary.py has a target that repeats more
def test_what_the_target_echoes_is_scrubbed_before_it_becomes_a_code(
    cli: Cli, echoing: Target, scenario: Callable[[str], str]
) -> None:
    cli.run(scenario(SHORT), echoing)
    left = [p for p in cli.only_run().rglob("*") if p.is_file()]
    assert any(b"login failed" in path.read_bytes() for path in left)
    for path in left:
        content = path.read_bytes()
        assert b"pass-word-" not in content, path
        assert b"pass_word" not in content, path


class TestMistakes:
    """One clear sentence each, the documented exit code, and no traceback."""

    @staticmethod
    def check(done: object, code: int, *words: str) -> None:
        assert done.returncode == code, done  # type: ignore[attr-defined]
        text = done.stderr  # type: ignore[attr-defined]
        assert "Traceback" not in text
        assert all(word in text for word in words), text

    def test_a_wrong_key(self, cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
        self.check(
            cli.run(scenario(SHORT + "thnk_time_s: 1\n"), mixed), 2, "thnk_time_s", "think_time_s", ":5:1"
        )
        assert not cli.runs.exists()
        assert mixed.served() == 0

    def test_a_missing_accounts_file(self, cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
        (cli.folder / "accounts.csv").unlink()
        self.check(cli.run(scenario(SHORT), mixed), 2, "accounts.csv", "username,password")

    def test_too_few_accounts(self, cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
        text = SHORT.replace("[2, 6]", "[2, 600]")
        self.check(cli.run(scenario(text), mixed), 2, "600", "60", "shared")

    def test_an_unreachable_target(self, cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
        mixed.process.kill()
        mixed.process.wait()
        self.check(cli.run(scenario(SHORT), mixed), 6, mixed.url, "does not answer", "is it running?")

    def test_an_empty_run(self, cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
        text = "load: {shape: hold, users: 0, hold_s: 1}\n"
        done = cli.run(scenario(text), mixed)
        assert done.returncode == 6
        assert "no request" in done.stdout.lower()

    def test_a_port_in_use(self, cli: Cli, mixed: Target) -> None:
        port = mixed.url.rsplit(":", 1)[1]
        self.check(cli("web", "--target", str(mixed.file), "--port", port), 2, port, "in use", "--port")

    def test_a_host_that_is_not_this_machine(
        self, cli: Cli, mixed: Target, scenario: Callable[[str], str]
    ) -> None:
        text = mixed.file.read_text().replace(mixed.url, "http://load.invalid")
        mixed.file.write_text(text)
        self.check(cli.run(scenario(SHORT), mixed), 5, "load.invalid", "allow_load: true")

    def test_no_such_run(self, cli: Cli) -> None:
        self.check(cli("diagnose", "nothing-here", "--run-dir", str(cli.runs)), 6, "nothing-here")

    def test_an_empty_folder(self, cli: Cli, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        self.check(cli("diagnose", str(empty)), 6, "not a run folder")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_a_full_disk_does_not_take_costs_the_run_nothing(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    text = scenario("load: {shape: hold, users: 4, hold_s: 2}\nthink_time_s: 0.1\n")
    full = ("bash", "-c", 'exec "$@" > /dev/full', "-")
    done = cli("run", text, "--target", str(mixed.file), "--run-dir", str(cli.runs), prefix=full)
    assert done.returncode in (1, 4)  # 4 where this machine has no time for it
    assert done.stderr == "loadverdict: the rest cannot be shown: No space left on device\n"
    assert len(read_run(cli.only_run()).samples) == mixed.served() > 20
    assert cli.verdict()["quality"]["complete"] is True
    left = {path.name for path in (cli.only_run() / "analysis").iterdir()}
    assert {"report.html", "report.md", "verdict.json", "windows.csv", "junit.xml"} <= left


@pytest.mark.slow
@pytest.mark.parametrize("client", ["lean", "fast", "requests"])
def test_what_others_left_in_the_environment_changes_no_load(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    nowhere = "http://127.0.0.1:1"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "LOCUST_HOST"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("LOCUST_USERS", "50")
    monkeypatch.setenv("LOCUST_RUN_TIME", "1s")
    (cli.folder / "locust.conf").write_text(f"host = {nowhere}\nusers = 50\nrun-time = 1s\n")
    text = f"load: {{shape: hold, users: 3, hold_s: 3}}\nthink_time_s: 0.1\nclient: {client}\n"
    done = cli.run(scenario(text), mixed)
    assert done.returncode in (1, 4), done.stderr
    run = read_run(cli.only_run())
    assert set(run.samples.outcome.to_list()) == {"ok", "http_error"}
    assert run.samples.users.max() == 3
    assert np.ptp(run.samples.start_s) > 2
    assert len(run.samples) == mixed.served()


def test_plain_locust_without_the_lab_is_told_what_to_do(cli: Cli) -> None:
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), "--headless"]
    done = subprocess.run(command, cwd=cli.folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "the lab is not running" in done.stderr
    assert "Traceback" not in done.stderr
