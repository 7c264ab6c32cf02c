"""With lab: makes a target out of `lab` by starting the embedded service for as long as it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from recording.errors import UsageError
from scenarios.target import Target


@contextmanager
def reachable(target: Target, fault: str | None, console: Console) -> Iterator[Target]:
    """The target with a URL and accounts; starts and stops the lab where the target is the lab.

    What the lab says while it starts goes to the console.

    Raises:
        UsageError: a fault was asked of a target that is not the lab, or the lab could not start.
    """
    if not target.is_lab:
        if fault:
            raise UsageError(f"--fault works on the lab; target {target.name!r} is {target.base_url}")
        yield target
        return
    import lab

    def say(text: str) -> None:
        console.print(Text(f"lab: {text}", style="dim"))

    try:
        settings = lab.load_settings(None, os.environ)
        running = lab.up(settings, fault or "case", on_progress=say)
    except lab.LabError as error:
        raise UsageError(str(error)) from error
    with running:
        places = {
            "PHASE_LOG": str(running.phase_log_path),
            "SERVICE_PID": str(running.pids["service"]),
        }
        yield target.at(running.url, running.accounts_path, {**places, "CACHE_URL": running.cache_url})
