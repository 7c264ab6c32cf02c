"""`loadverdict web`: Locust's web page on loopback, with the lab where the target is the lab."""

from __future__ import annotations

import socket
from pathlib import Path

from rich.console import Console
from rich.text import Text

from commands import locust_process
from commands.preflight import check_before_load
from commands.with_lab import reachable
from recording.errors import UsageError
from scenarios.scenario import load_scenario
from scenarios.target import load_target

DEFAULT_SCENARIO = "steps"
"""What the page offers first."""


def serve(target_name: str, fault: str | None, port: int, processes: int, runs_dir: Path) -> int:
    """Serve the page until interrupted; returns the exit code."""
    _check_port(port)
    console = Console()
    target = load_target(target_name)
    with reachable(target, fault, console) as there:
        check_before_load(load_scenario(DEFAULT_SCENARIO), there, processes=1)
        options = ["--web-host", "127.0.0.1", "--web-port", str(port)]
        arguments = locust_process.command(processes, *options)
        env = locust_process.environment(
            DEFAULT_SCENARIO, target_name, there, LOADVERDICT_RUN_DIR=str(runs_dir.resolve())
        )
        console.print(
            Text(
                f"web page: http://127.0.0.1:{port}  (Ctrl-C ends it)\n"
                f"verdict while a run goes on: http://127.0.0.1:{port}/verdict/\n"
                f"choose a scenario there; each run leaves a folder with its verdict in {runs_dir}"
            )
        )
        with locust_process.running(arguments, env) as (process, signals):
            status = process.wait()
    return 0 if signals else status


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"port {port} of 127.0.0.1 is in use: {error.strerror}; choose another with --port"
            ) from error
