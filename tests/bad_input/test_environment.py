"""Environment: a process that is started in a strange one still says the same.

LOCUST_ variables and proxies in a run: tests/commands/test_run.py; settings of the lab:
tests/lab/test_lab_settings.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    "dumb": {"NO_COLOR": "1", "TERM": "dumb"},
    "no asserts": {"PYTHONOPTIMIZE": "2"},
    "Locust": {"LOCUST_USERS": "9", "LOCUST_HOST": "http://example.com", "LOCUST_HEADLESS": "1"},
    "proxies": {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "x", "ALL_PROXY": "y", "NO_PROXY": ""},
    "empty": {"LOADVERDICT_RUN_DIR": "", "LOADVERDICT_HISTORY": "", "LOADVERDICT_TARGET": ""},
}


def diagnosed(folder: Path, *names: str) -> subprocess.CompletedProcess[bytes]:
    """The result file diagnosed in these environments at once, without a terminal to read from."""
    env: dict[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, value in ((n, v) for row in names for n, v in STRANGE[row].items()):
        env.pop(name, None)
        env |= {} if value is None else {name: value}
    (folder / "plain.csv").write_text(CASE)
    command = [sys.executable, "-m", "commands.main", "diagnose", "plain.csv", "--out", "out"]
    return subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60
    )


def check(done: subprocess.CompletedProcess[bytes], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"50" in done.stdout
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
def test_files_are_the_owners_alone_where_they_must_be_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        check(diagnosed(tmp_path), tmp_path)
    finally:
        os.umask(before)
    assert all(path.stat().st_mode & 0o022 == 0 for path in (tmp_path / "out").iterdir())
