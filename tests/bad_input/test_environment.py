"""Environment: a process that is started in a strange one still says the same.

LOCUST_ variables and proxies for each client: tests/commands/test_run.py; settings of the lab:
tests/lab/test_lab_settings.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recording.reader import read_run
from tests.commands.conftest import serving

ROOT = Path(__file__).resolve().parents[2]
CASE = "request_id,http_code,duration_ms,timestamp\n1,200,5,100\n2,503,5,101\n"

STRANGE: dict[str, dict[str, str | None]] = {
    "ASCII": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII by Python": {"PYTHONIOENCODING": "ascii"},
    "no home": {"HOME": None},
    "home and caches nowhere": {"HOME": "/nonexistent", "MPLCONFIGDIR": "/proc/x", "TMPDIR": "/nonexistent"},
    "odd time zone": {"TZ": "Nowhere/Odd"},
    "no time zone": {"TZ": ""},
    "no columns": {"COLUMNS": "0", "LINES": "0"},
    "one column": {"COLUMNS": "1"},
    "columns that are none": {"COLUMNS": "abc"},
    "columns in other digits": {"COLUMNS": "²", "LINES": "9" * 5000},
    "dumb": {"NO_COLOR": "1", "TERM": "dumb"},
    "no asserts": {"PYTHONOPTIMIZE": "2"},
    "Locust": {
        "LOCUST_USERS": "9",
        "LOCUST_HOST": "http://example.com",
        "LOCUST_HEADLESS": "1",
        "LOCUST_PROCESSES": "7",
        "LOCUST_MODE_WORKER": "1",
        "LOCUST_TAGS": "nobody",
        "LOCUST_CSV": "theirs",
        "LOCUST_LOCUSTFILE": "nowhere.py",
        "LOCUST_STOP_TIMEOUT": "99",
    },
    "proxies": {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "x", "ALL_PROXY": "y", "NO_PROXY": ""},
    "empty": {"LOADVERDICT_RUN_DIR": "", "LOADVERDICT_HISTORY": "", "LOADVERDICT_TARGET": ""},
}
SHORT = "load: {shape: hold, users: 4, hold_s: 2}\nthink_time_s: 0.1\n"


def within(
    folder: Path, names: tuple[str, ...], *arguments: str, mask: int = -1
) -> subprocess.CompletedProcess[bytes]:
    """A command in these environments at once, without a terminal to read from."""
    env: dict[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, value in ((n, v) for row in names for n, v in STRANGE[row].items()):
        env.pop(name, None)
        env |= {} if value is None else {name: value}
    return subprocess.run(
        [sys.executable, "-m", "commands.main", *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
        umask=mask,
    )


def diagnosed(folder: Path, *names: str, mask: int = -1) -> subprocess.CompletedProcess[bytes]:
    """The result file diagnosed in these environments at once."""
    (folder / "plain.csv").write_text(CASE)
    return within(folder, names, "diagnose", "plain.csv", "--out", "out", mask=mask)


def check(done: subprocess.CompletedProcess[bytes], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"50 % of 2 requests" in done.stdout
    assert {"report.html", "report.md", "verdict.json"} <= {path.name for path in (folder / "out").iterdir()}


def test_all_that_costs_no_time_at_once(tmp_path: Path) -> None:
    """Where bytecode or fonts are to be cached anew it takes many times as long: see below."""
    together = ("ASCII", "odd time zone", "no columns", "dumb", "Locust", "proxies", "empty")
    check(diagnosed(tmp_path, *together), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", STRANGE)
def test_each(name: str, tmp_path: Path) -> None:
    check(diagnosed(tmp_path, name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["no columns", "one column"])
def test_a_run_in_all_of_them_at_once_counts_as_ever(columns: str, tmp_path: Path) -> None:
    """With the mask that forbids nothing, too: still nobody else reads what a run leaves."""
    together = (*(n for n in STRANGE if n not in ("empty", "no time zone") and "column" not in n), columns)
    (tmp_path / "short.yaml").write_text(SHORT)
    with serving(tmp_path, "mixed") as target:
        before = set(tmp_path.iterdir())
        run = ("run", "short.yaml", "--target", str(target.file), "--processes", "2")
        done = within(tmp_path, together, *run, "--run-dir", "made/runs", mask=0)
        assert done.stderr == b""
        assert done.returncode in (1, 4), done.stdout  # 4 where this machine has no time for it
        assert b"GATE CLOSED: a target was missed (exit code 1)" in done.stdout or done.returncode == 4
        (folder,) = (tmp_path / "made/runs").iterdir()
        found = read_run(folder)
        assert len(found.samples) == target.served() > 20
    assert set(found.samples.outcome.to_list()) == {"ok", "http_error"}
    assert found.samples.users.max() == 4
    assert found.manifest["clean_end"] is True
    assert found.health is not None
    assert len(found.health.nodes) == 2
    made = {path.name for path in set(tmp_path.iterdir()) - before}
    assert made == {"made"}  # no tables of Locust's, and no folder in the place of those that are missing
    assert_closed(tmp_path / "made")
    assert mode_of(folder) == 0o700
    assert all(mode_of(path) & 0o077 == 0 for path in (folder / "analysis").iterdir())


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def assert_closed(made: Path) -> None:
    """Nobody else gets to what lies in a folder of runs, and nobody may put anything in its place."""
    for path in made.rglob("*"):
        is_within_a_run = len(path.relative_to(made).parts) > 2
        assert is_within_a_run or mode_of(path) & 0o002 == 0, path
        behind = [path, *(above for above in path.parents if above.is_relative_to(made))]
        assert path.name == "runs" or any(mode_of(each) & 0o077 == 0 for each in behind), path
    assert mode_of(made) & 0o002 == 0


@pytest.mark.slow
def test_files_are_the_owners_alone_where_they_must_be_whatever_the_mask(tmp_path: Path) -> None:
    check(diagnosed(tmp_path, mask=0), tmp_path)
    assert mode_of(tmp_path / "out") & 0o002 == 0
    assert all(mode_of(path) == 0o600 for path in (tmp_path / "out").iterdir())
