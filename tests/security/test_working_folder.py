"""What lies in the working folder under the name of a module is not run: others may write there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from commands.locust_process import free_port
from lab.processes import own_command, with_this_package
from recording import child
from recording.folder import RunFolder
from tests.commands.conftest import ROOT, Cli, Target, wait_for
from tests.commands.test_live import Ui

OURS = ("analysis", "commands", "history", "lab", "locustfile", "recording", "scenarios")
WANTED_IF_THERE = (
    "brotli",
    "brotlicffi",
    "chardet",
    "gunicorn",
    "orjson",
    "simplejson",
    "socks",
    "zstandard",
)
"""What libraries try to import and do without."""

LOAD = """
behaviour: BEHAVIOUR
load: {shape: hold, users: 2, hold_s: 2}
think_time_s: 0.1
"""


class PoisonedCli(Cli):
    """The command line as it is installed, called in a folder full of modules that must not run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.owned = folder / "owned"
        names = {*sys.stdlib_module_names, *packages_distributions(), *OURS, *WANTED_IF_THERE}
        code = f"with open({str(self.owned)!r}, 'a') as file: file.write(__name__ + ' ')\n"
        # As if it were not there, so that whoever can does without it.
        code += "raise ImportError(__name__)\n"
        for number, name in enumerate(sorted(name for name in names if name.isidentifier())):
            if number % 2 or name in ("commands", "locust", "lab"):
                (folder / name).mkdir()
                (folder / name / "__init__.py").write_text(code)
            else:
                (folder / f"{name}.py").write_text(code)

    def start(
        self, *arguments: str, stdin: int | None = None, prefix: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        # As the script that pip installs: it does not look into the working folder by itself.
        command = [*prefix, sys.executable, "-P", "-m", "commands.main", *arguments]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=env, text=True, stdin=stdin, stdout=pipe, stderr=pipe
        )

    def check(self) -> None:
        """Nothing of the folder has run."""
        assert not self.owned.exists(), self.owned.read_text()


@pytest.fixture
def poisoned(tmp_path: Path) -> PoisonedCli:
    (tmp_path / "here").mkdir()
    return PoisonedCli(tmp_path / "here")


def test_the_poison_works(poisoned: PoisonedCli) -> None:
    for name in ("msgpack", "commands", "locust"):
        command = [sys.executable, "-m", name]
        subprocess.run(command, cwd=poisoned.folder, env={}, check=False, stderr=subprocess.DEVNULL)
    assert poisoned.owned.read_text().split() == ["msgpack", "commands", "locust"]


@pytest.mark.parametrize(
    ("command", "environment"),
    [(child.command, child.environment), (own_command, lambda: with_this_package(os.environ))],
    ids=["suite", "lab"],
)
def test_an_empty_part_of_the_module_path_is_not_the_working_folder(
    poisoned: PoisonedCli,
    monkeypatch: pytest.MonkeyPatch,
    command: Callable[..., list[str]],
    environment: Callable[[], dict[str, str]],
) -> None:
    monkeypatch.setenv("PYTHONPATH", f":{ROOT}:")
    subprocess.run(command("lab.main", "faults"), cwd=poisoned.folder, env=environment(), check=True)
    poisoned.check()


@pytest.mark.slow
def test_a_python_behaviour_has_its_helpers_and_takes_the_place_of_nothing(
    poisoned: PoisonedCli, mixed: Target, tmp_path: Path
) -> None:
    behaviour = "import helper\nclass Login:\n    def turn(self, user):\n        user.send(helper.name())\n"
    (poisoned.folder / "mine.py").write_text(behaviour)
    (poisoned.folder / "helper.py").write_text("def name():\n    import late\n    return late.NAME\n")
    (poisoned.folder / "late.py").write_text("NAME = 'login'\n")
    scenario = tmp_path / "s.yaml"
    scenario.write_text(LOAD.replace("BEHAVIOUR", "mine:Login"))
    done = poisoned.run(str(scenario), mixed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert poisoned.verdict()["requests"] > 5
    # Its folder is looked at last, but it is: what is not installed is found there.
    ran = poisoned.owned.read_text().split() if poisoned.owned.exists() else []
    assert not set(ran) & sys.stdlib_module_names
    assert [name for name in ran if find_spec(name) is not None] == []


@pytest.mark.slow
def test_a_run_and_its_diagnosis(poisoned: PoisonedCli, mixed: Target, tmp_path: Path) -> None:
    """With worker processes, a probe, and looks at its targets."""
    log = tmp_path / "phases.jsonl"
    log.touch()
    mixed.file.write_text(f"{mixed.file.read_text()}probes: {{p: {{kind: log, file: {log}}}}}\n")
    scenario = tmp_path / "s.yaml"
    scenario.write_text(LOAD.replace("BEHAVIOUR", "login").replace("hold_s: 2", "hold_s: 12"))
    done = poisoned.run(str(scenario), mixed, "--processes", "2", "--abort-when-missed")
    assert done.returncode in (1, 3), done.stdout + done.stderr
    folder = RunFolder(poisoned.only_run())
    assert {"probes_begun", "probe_ended"} <= {event["kind"] for event in folder.events()}
    assert poisoned("diagnose", str(folder.path)).returncode in (0, 3)
    assert poisoned.verdict()["requests"] > 5
    poisoned.check()


@pytest.mark.slow
def test_the_web_page_and_what_it_starts(poisoned: PoisonedCli, mixed: Target) -> None:
    port = free_port()
    process = poisoned.start(
        "web", "--target", str(mixed.file), "--port", str(port), "--run-dir", str(poisoned.runs)
    )
    ui = Ui(port, "")
    try:
        wait_for(ui.is_up)
        ui.start()
        wait_for(lambda: ui.live()["look"], 120)
        ui.stop()
        wait_for(lambda: ui.live()["report"], 120)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    poisoned.check()


@pytest.mark.slow
@pytest.mark.lab
@pytest.mark.parametrize(
    "command",
    [
        "probe",
        "run s.yaml --until-decided --at-most 40s",
        "experiment two-instances --scenario s.yaml --arm 2s --pairs 1",
    ],
    ids=lambda command: command.split()[0],
)
def test_what_uses_the_lab(poisoned: PoisonedCli, command: str) -> None:
    text = "load: {shape: steps, users: [1, 2], step_s: 2, blocks: 2}\nthink_time_s: 0.1\n"
    (poisoned.folder / "s.yaml").write_text(text)
    done = poisoned(*command.split())
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr
    poisoned.check()


@pytest.mark.slow
@pytest.mark.lab
def test_the_lab_by_itself(poisoned: PoisonedCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    try:
        done = poisoned("lab", "up", "--fault", "none", "--detach")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        with suppress(subprocess.TimeoutExpired):
            poisoned("lab", "down", "--all")
    poisoned.check()
