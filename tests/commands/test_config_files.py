"""Locust's config files, in the home and in the working folder, change neither load nor page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.locust_process import free_port
from recording.reader import read_run
from tests.commands.conftest import ROOT, Cli, Target, wait_for
from tests.commands.test_live import Ui

IN_HOME = """
autostart = true
users = 50
run-time = 1s
processes = 2
web-host = 127.0.0.9
web-port = 1
scenario = probe
"""
IN_FOLDER = "host = http://127.0.0.1:1\nmaster-bind-host = *\nheadful = true\n"
PROJECT = '[tool.locust]\nstop-timeout = 9\nlogfile = "elsewhere.log"\n'


@pytest.fixture
def surprised(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Commands in a folder with config files of Locust, and a home that has one."""
    # Fonts are cached below the home: made anew they would take longer than the test.
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    home = cli.folder / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (home / ".locust.conf").write_text(IN_HOME)
    (cli.folder / "locust.conf").write_text(IN_FOLDER)
    (cli.folder / "pyproject.toml").write_text(PROJECT)
    return cli


def options_of_plain_locust(cli: Cli, *arguments: str) -> dict[str, object]:
    """What Locust understands once it has read the suite's locustfile."""
    code = (
        "import json, sys; from locust.argument_parser import get_parser; import locustfile; "
        "found = vars(get_parser().parse_args(sys.argv[1:])); print(json.dumps(found, default=str))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cli.folder, env=env, capture_output=True, check=True
    )
    options: dict[str, object] = json.loads(done.stdout)
    return options


def test_plain_locust_ignores_them_unless_they_are_named(surprised: Cli) -> None:
    read = options_of_plain_locust(surprised)
    (surprised.folder / "mine.conf").write_text("users = 7\n")
    named = options_of_plain_locust(surprised, "--config", "mine.conf")
    for path in surprised.folder.rglob("*"):
        if path.name in (".locust.conf", "locust.conf", "pyproject.toml"):
            path.unlink()
    assert read == options_of_plain_locust(surprised)
    assert {name for name in read if named[name] != read[name]} == {"config", "num_users"}
    assert named["num_users"] == 7


@pytest.mark.slow
@pytest.mark.parametrize("project", [PROJECT, "[tool.locust\n", "[tool.locust]\nhelp = true\n"])
def test_a_run_is_the_same_with_them(
    surprised: Cli, mixed: Target, scenario: Callable[[str], str], project: str
) -> None:
    (surprised.folder / "pyproject.toml").write_text(project)
    done = surprised.run(scenario("load: {shape: hold, users: 3, hold_s: 3}\nthink_time_s: 0.1\n"), mixed)
    assert done.returncode == 1, done.stdout + done.stderr  # a sixth of the requests fail
    run = read_run(surprised.only_run())
    assert run.health is not None
    assert set(run.health.nodes) == {"local"}
    assert run.samples.users.max() == 3
    assert len(run.samples) == mixed.served() > 30
    assert not (surprised.folder / "elsewhere.log").exists()


@pytest.mark.slow
def test_the_web_page_begins_nothing_by_itself_and_ends_at_the_first_signal(
    surprised: Cli, mixed: Target
) -> None:
    ui = Ui(free_port(), "")
    process = surprised.start(
        *("web", "--target", str(mixed.file), "--port", str(ui.port), "--run-dir", str(surprised.runs))
    )
    try:
        wait_for(ui.is_up)
        wait_for(lambda: json.loads(ui.ask("/stats/requests")[2])["state"] == "ready")
        assert ui.live()["state"] == "none"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert not surprised.runs.exists()
