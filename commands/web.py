"""`loadverdict web`: Locust's web page on loopback, with the lab where the target is the lab."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from commands import locust_process
from commands.preflight import check_before_load
from commands.run import where
from commands.with_lab import reachable
from recording.errors import RefusedError, UsageError
from scenarios.live.guard import ENV_NAMES
from scenarios.live.login import ENV_PASSWORD, SHORTEST
from scenarios.scenario import load_scenario
from scenarios.target import is_loopback, load_target

DEFAULT_SCENARIO = "steps"
"""What the page offers first."""


class Page(NamedTuple):
    """Where Locust's page is to be, and whether it asks for a password."""

    host: str
    port: int
    login: bool


def serve(target_name: str, fault: str | None, page: Page, processes: int, runs_dir: Path) -> int:
    """Serve the page until interrupted; returns the exit code.

    Raises:
        RefusedError: others could reach the page, and it would ask them for nothing.
        UsageError: no password, or the port is in use.
    """
    password = _password(page)
    names = {ENV_NAMES: os.environ[ENV_NAMES]} if ENV_NAMES in os.environ else {}
    _check_port(page)
    console = Console()
    target = load_target(target_name)
    with reachable(target, fault, console) as there:
        check_before_load(load_scenario(DEFAULT_SCENARIO), there, processes=1, to_run=False)
        options = ["--web-host", page.host, "--web-port", str(page.port)]
        options += ["--web-login"] if page.login else []
        arguments = locust_process.command(processes, *options)
        env = locust_process.environment(
            DEFAULT_SCENARIO,
            target_name,
            there,
            LOADVERDICT_RUN_DIR=str(runs_dir.resolve()),
            **password,
            **names,
        )
        url = f"http://{f'[{page.host}]' if ':' in page.host else page.host}:{page.port}"
        console.print(
            Text(
                f"web page: {url}  (Ctrl-C ends it)\n"
                f"verdict while a run goes on: {url}/verdict/\n"
                f"load goes to {target.name} ({where(there)})\n"
                f"choose a scenario there; each run leaves a folder with its verdict in {runs_dir}"
            )
        )
        with locust_process.running(arguments, env) as (process, signals):
            status = process.wait()
    return 0 if signals else status


def _password(page: Page) -> dict[str, str]:
    """What the page's process is told of the password."""
    if not page.login:
        if not is_loopback(page.host):
            raise RefusedError(
                f"whoever reaches {page.host} could start load: add --login, with the password in the "
                f"environment variable {ENV_PASSWORD}"
            )
        return {}
    password = os.environ.get(ENV_PASSWORD, "")
    if len(password) < SHORTEST:
        raise UsageError(
            f"--login needs a password of at least {SHORTEST} characters in the environment variable "
            f"{ENV_PASSWORD}"
        )
    return {ENV_PASSWORD: password}


def _check_port(page: Page) -> None:
    family = socket.AF_INET6 if ":" in page.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((page.host, page.port))
        except OSError as error:
            why = "in use" if error.errno == errno.EADDRINUSE else "not to be had"
            raise UsageError(
                f"port {page.port} of {page.host} is {why}: {error.strerror}; choose another with --port"
            ) from error
