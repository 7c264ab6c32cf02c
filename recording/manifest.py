"""Manifest: facts about machine and software that a run's numbers depend on. Holds no secrets."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def host_facts() -> dict[str, Any]:
    """Cores, CPU model and memory of this machine."""
    return {
        "cores": os.cpu_count(),
        "cpu_model": _cpu_model(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    """Versions of the suite, Locust and Python."""
    return {
        "loadverdict": metadata.version("loadverdict"),
        "locust": metadata.version("locust"),
        "python": platform.python_version(),
    }


def git_commit(folder: Path = PROJECT_ROOT) -> str | None:
    """The commit of a checkout, with `+` behind it if files differ from it; None outside of one."""
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    # Without its locks: one that is left behind by a process that is killed stops all work on a checkout.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
