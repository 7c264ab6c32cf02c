"""Run command: the command line of a real run against a static server, with the files that it reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SCENARIO = "scenario.yaml"
RUNS = "runs"


def run_command(folder: Path, url: str, scenario: Mapping[str, Any], processes: int) -> list[str]:
    """Write scenario, target and the one account that all users share; returns the command.

    Args:
        folder: for the files, and below `RUNS` for the run.
        url: of the server; every login is a GET of its root.
        scenario: as in YAML, without the accounts.
        processes: that generate load.
    """
    target = {"base_url": url, "accounts": "accounts.csv", "requests": {"login": {"path": "/"}}}
    (folder / "accounts.csv").write_text("username,password\nuser,pass-word\n")
    (folder / "target.yaml").write_text(yaml.safe_dump(target))
    (folder / SCENARIO).write_text(yaml.safe_dump({**scenario, "accounts": "shared"}))
    where = ["--target", str(folder / "target.yaml"), "--run-dir", str(folder / RUNS)]
    command = [sys.executable, "-m", "commands.main", "run", str(folder / SCENARIO), *where]
    return [*command, "--processes", str(processes)]
