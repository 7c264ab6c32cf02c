"""Which worker of `make test` gets which test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("commands", "faults", "lab", "security")
"""Where tests may make load."""


def test_every_test_that_may_make_load_is_in_one_lane_and_no_lane_is_empty() -> None:
    from tests.conftest import LANES

    for folder in FOLDERS:
        for path in (ROOT / "tests" / folder).glob("test_*.py"):
            lanes = [lane for lane, files in LANES.items() if any(map(path.match, files))]
            assert len(lanes) == 1, path
    assert all(any((ROOT / "tests").rglob(one)) for files in LANES.values() for one in files)


def test_a_lane_stays_with_one_worker_and_another_lane_with_another() -> None:
    """pytest-xdist itself is asked: its own groups stopped working without a word."""
    files = ["tests/security/test_names.py", "tests/lab/test_lab_settings.py"]
    words = [sys.executable, "-m", "pytest", "-n", "2", "-vv", *files]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    seen = set(re.findall(r"\[(gw\d)\].* (tests/\S+?\.py)::", done.stdout))
    assert sorted(file for _, file in seen) == sorted(files), seen
    assert len({worker for worker, _ in seen}) == 2, seen
