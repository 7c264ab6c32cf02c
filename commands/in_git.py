"""In Git: whether a file is one that Git keeps, so that whoever gets the repository gets it too."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

LIMIT_S = 2.0
"""A warning is worth no longer wait."""


def is_in_git(path: Path) -> bool:
    """Whether a file is tracked by the repository around it; False where nobody can tell."""
    path = path.resolve()
    if not any((folder / ".git").exists() for folder in path.parents):
        return False
    # A repository's own configuration may name a program that watches for changes; nothing here needs it.
    git = ("git", "-c", "core.fsmonitor=false", "--literal-pathspecs", "-C", str(path.parent))
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            [*git, "ls-files", "--error-unmatch", "--", path.name],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
