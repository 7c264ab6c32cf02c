"""The files of deploy/schedule are carried out as they are, on the real lab, with the shell, the environment
and the folders that each scheduler gives. Only the scenario is a short one, said as a user says it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.schedule_files import CLONE, CRON, GITHUB, GITLAB, KUBERNETES, ROOT, SERVICE, Line, lines_of

HISTORY = Path("reports/history.sqlite")
QUICK = {"LOADVERDICT_SCENARIO": "probe"}

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout of its own, with what is installed here."""
    return cloned(tmp_path / "clone")


def cloned(folder: Path) -> Path:
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "runs", "*.sqlite*")
    shutil.copytree(ROOT, folder, ignore=left_out)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    # What pip makes of [project.scripts], for the checkout it lies in.
    program = programs / "loadverdict"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(folder)!r})\n"
        "from commands.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return folder


def carried_out(line: Line, clone: Path, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    """One piece of shell, as its scheduler starts it. What is installed here already is only looked at."""
    script = line.script.replace(CLONE, str(clone)).replace("make setup", "make -n setup")
    path = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    env = path | line.env | {"PATH": os.environ["PATH"], "PYTHONPATH": str(clone)} | QUICK | extra
    return subprocess.run(
        [*line.shell, script], cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def rows(history: Path) -> int:
    with sqlite3.connect(history) as opened:
        names = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return sum(opened.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names)


@pytest.mark.parametrize("path", [GITLAB, KUBERNETES], ids=lambda p: p.name)
def test_it_runs_as_it_is(path: Path, clone: Path) -> None:
    for line in lines_of(path):
        done = carried_out(line, clone, clone)
        assert done.returncode == 0, done.stdout + done.stderr
    assert rows(clone / HISTORY) > 0
    assert list(clone.glob("reports/runs/*/analysis/junit.xml"))


def test_cron_mails_nothing_about_a_good_run_and_what_was_said_about_another(clone: Path) -> None:
    (line,) = lines_of(CRON)
    good = carried_out(line, clone, Path("/"))
    assert (good.stdout, good.stderr) == ("", "")
    assert (clone / "reports/regression.log").read_text()
    assert rows(clone / HISTORY) > 0
    wrong = carried_out(line, clone, Path("/"), LOADVERDICT_TARGET="nowhere-at-all")
    assert wrong.stdout.startswith("exit code 2\n")
    assert "nowhere-at-all" in wrong.stdout


def test_the_unit_leaves_its_history_in_its_state_folder(clone: Path, tmp_path: Path) -> None:
    (line,) = lines_of(SERVICE)
    state = tmp_path / "state"
    state.mkdir()
    done = carried_out(line, clone, state, XDG_CACHE_HOME=str(tmp_path), MPLCONFIGDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(state / HISTORY) > 0
    assert not (clone / HISTORY).exists()


def test_github_carries_the_history_from_one_run_to_the_next(tmp_path: Path) -> None:
    histories: list[int] = []
    for night in ("first", "second"):
        there = cloned(tmp_path / night)
        if histories:
            for file in (tmp_path / "first" / "reports").glob("history.sqlite*"):
                shutil.copy(file, there / "reports")
        summary = there / "summary.md"
        for line in lines_of(GITHUB):
            done = carried_out(line, there, there, GITHUB_STEP_SUMMARY=str(summary))
            assert done.returncode == 0, done.stdout + done.stderr
        histories.append(rows(there / HISTORY))
        assert summary.read_text().strip()
    assert histories[1] > histories[0] > 0
