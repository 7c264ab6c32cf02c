"""Locust process: starts Locust on the suite's locustfile, and passes signals on to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType

from commands.interrupts import heeded
from recording import child
from recording.manifest import PROJECT_ROOT
from scenarios.probing import ENV_PROBES, probes_to_text
from scenarios.target import Target

START_WAIT_S = 30
"""For all processes of --processes to be ready; Locust would wait for ever for one that died on its way."""

GROUP_LIMIT_S = 5
"""Time for workers to end after their master has."""


def command(processes: int, *options: str) -> list[str]:
    """Locust's command line. Its own statistics files are not asked for: the run folder has everything."""
    # "locust" is a word of its own for whoever looks for it in the list of processes.
    base = child.command(
        "scenarios.without_config_files", "locust", "-f", str(PROJECT_ROOT / "locustfile.py")
    )
    base += options
    if processes > 1:
        # A port of our own, on loopback only: Locust's default would clash with another run, and listens
        # on every interface without asking who is there.
        port = str(free_port())
        base += ["--processes", str(processes), "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        base += ["--master-host", "127.0.0.1", "--master-port", port]
        base += ["--expect-workers-max-wait", str(START_WAIT_S)]
    return base


def master_command(workers: int, port: int, wait_s: float, host: str, *options: str) -> list[str]:
    """The command line of a master that waits for workers on other machines, on `host` (`*`: everywhere)."""
    there = ["--master", "--expect-workers", str(workers)]
    there += ["--expect-workers-max-wait", str(max(1, round(wait_s)))]
    there += ["--master-bind-host", host, "--master-bind-port", str(port)]
    return command(1, *options, *there)


def environment(scenario: str, target: str, there: Target, **extra: str) -> dict[str, str]:
    """Environment of the Locust process: nothing of Locust's own settings leaks in from outside.

    Args:
        scenario: name or file, as the user gave it.
        target: name or file, as the user gave it.
        there: the target as it can be reached now.
        extra: more variables.
    """
    kept = {k: v for k, v in child.environment().items() if not k.startswith(("LOCUST_", "LOADVERDICT_"))}
    kept |= {"LOADVERDICT_SCENARIO": scenario, "LOADVERDICT_TARGET": target}
    kept["LOADVERDICT_BASE_URL"] = there.base_url
    if there.accounts is not None:
        kept["LOADVERDICT_ACCOUNTS"] = str(there.accounts.resolve())
    if there.accounts_env is not None and there.accounts_env in os.environ:
        kept[there.accounts_env] = os.environ[there.accounts_env]
    if there.probes:
        kept[ENV_PROBES] = probes_to_text(there.probes)
    return kept | extra


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


LIMIT_GRACE_S = 30
"""After a time limit: for answers under way, and again for the end without them."""


@contextmanager
def running(
    arguments: list[str],
    env: dict[str, str],
    log: Path | None = None,
    abort_flag: Path | None = None,
    limit_s: float | None = None,
) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """Start Locust in a process group of its own; while the block runs, interrupts go to it.

    The first asks it to end, which waits for the answers under way; the second asks it to end at once,
    with those requests recorded as unfinished; the third kills it. Afterwards nothing of the group is left.

    Args:
        arguments: Locust's command line.
        env: its environment.
        log: where its output goes; None for the terminal.
        abort_flag: the file that makes it end at once.
        limit_s: after so long it is interrupted, as by a person who does not give up.

    Yields:
        The process and the signals received so far.
    """
    received: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        for process in started:
            if len(received) == 1:
                process.send_signal(signal.SIGINT)
            elif len(received) == 2 and abort_flag is not None:
                abort_flag.touch()
            else:
                os.killpg(process.pid, signal.SIGKILL)

    # Handlers first: a shell's background job starts with SIGINT ignored, and a child would inherit that.
    before = {number: signal.signal(number, pass_on) for number in heeded()}
    try:
        with log.open("wb") if log else nullcontext() as output:
            started.append(
                subprocess.Popen(
                    arguments,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        if received:  # while it was being started, when there was nobody to pass it on to
            started[0].send_signal(signal.SIGINT)
        with _limited(limit_s):
            yield started[0], received
        end_group(started[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _limited(limit_s: float | None) -> Iterator[None]:
    """Interrupts this process when the time is over, then twice again; not at all without a limit."""
    delays = () if limit_s is None else (limit_s, limit_s + LIMIT_GRACE_S, limit_s + 2 * LIMIT_GRACE_S)
    timers = [threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGINT)) for delay_s in delays]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Make sure that no worker outlives its master, and that none is cut off while it writes its end mark."""
    deadline = time.monotonic() + GROUP_LIMIT_S
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
