"""What the manifest tells of the suite's own checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from recording.manifest import git_commit


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_looking_up_the_commit_writes_nothing_into_the_checkout(tmp_path: Path) -> None:
    """As `git status` alone would, where a file was touched: with a lock that would stay if it was killed."""
    (tmp_path / "file").write_text("one")
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.test")
    for words in (("init", "-q"), ("add", "file"), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    os.utime(tmp_path / "file", (1, 1))
    index = tmp_path / ".git/index"
    before = index.read_bytes()
    commit = git_commit(tmp_path)
    assert commit is not None
    assert not commit.endswith("+")
    assert index.read_bytes() == before
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == commit + "+"
