"""Two processes against one: does this suite gain as much from the second as plain Locust does?

    python -m benchmarks.scaling [--seconds 8] [--rounds 3] [--users 50]

Both run as a user would start them, against a static server that counts. Server and generators share the
processors of this machine, so on two cores nobody can double. What could be gained is known from one
process: it and the server keep so much of the machine busy, and the rest is what a second one can have. So
the gain stands beside the possible one (cores over busy cores, at most 2); requests per CPU second of all
generating processes tell what they lose to each other and to the server. Since a FastHttpUser sends a
third as much, and what processes lose to a server grows with what they ask of it, Locust also runs with a
user of its own that does nothing but write to a socket and read from it: Locust's scaling at this suite's
rate, with nothing of the suite in it. All arms take turns, round after round.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.clients import server
from benchmarks.run_command import run_command
from benchmarks.static_server import counted
from commands.locust_process import free_port

WARM_UP_S = 3.0
LIMIT_S = 60.0
STOP_S = 5.0
"""Plain Locust's master may wait a minute for its processes; nothing is measured any more."""
SUITE, PLAIN, BARE = "loadverdict run", "locust, FastHttpUser", "locust, bare socket"
PLAIN_FILE = """
from locust import FastHttpUser, task

class Plain(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/")
"""
BARE_FILE = """
import socket
import time
from urllib.parse import urlsplit
from locust import User, task

REQUEST = b"GET / HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAccept: */*\\r\\n\\r\\n"

class Bare(User):
    def on_start(self):
        where = urlsplit(self.host)
        self.socket = socket.create_connection((where.hostname, where.port))

    @task
    def ask(self):
        begin = time.perf_counter()
        self.socket.sendall(REQUEST)
        answer = self.socket.recv(65536)
        self.environment.events.request.fire(
            request_type="GET", name="/", response_time=(time.perf_counter() - begin) * 1000,
            response_length=len(answer), context={}, exception=None,
        )
"""


def suite_command(folder: Path, url: str, users: int, processes: int) -> list[str]:
    """The suite: recorder, log on the disk and all."""
    load = {"shape": "hold", "users": users, "hold_s": 3600}
    return run_command(folder, url, {"load": load, "think_time_s": 0}, processes)


def locust_command(text: str, folder: Path, url: str, users: int, processes: int) -> list[str]:
    """Locust by itself, with the users of a locustfile."""
    file = folder / "locustfile.py"
    file.write_text(text)
    load = ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users), "--host", url]
    command = [sys.executable, "-m", "locust", "-f", str(file), *load]
    if processes == 1:
        return command
    port = str(free_port())
    return [*command, "--processes", str(processes), "--master-bind-port", port, "--master-port", port]


COMMANDS: dict[str, Callable[[Path, str, int, int], list[str]]] = {
    SUITE: suite_command,
    PLAIN: partial(locust_command, PLAIN_FILE),
    BARE: partial(locust_command, BARE_FILE),
}


@contextmanager
def running(command: list[str]) -> Iterator[psutil.Process]:
    """A command with all its processes, gone in the end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        whole = psutil.Process(process.pid)
        try:
            yield whole
        finally:
            children = whole.children(recursive=True)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in children:
                if child.is_running():
                    child.kill()


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and those below it, so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


class Measured(NamedTuple):
    """Requests per second, per CPU second of the generator, and cores that generator and server kept busy."""

    rate_per_s: float
    per_cpu_s: float
    busy_cores: float


def measured(name: str, processes: int, seconds: float, users: int) -> Measured:
    """One arm.

    Raises:
        SystemExit: it sent nothing.
    """
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        count = folder / "count"
        with (
            server(None, count) as url,
            running(COMMANDS[name](folder, url, users, processes)) as generator,
        ):
            deadline = time.monotonic() + LIMIT_S
            while counted(count) < users:
                if time.monotonic() > deadline:
                    sys.exit(f"{name} with {processes} processes sent nothing")
                time.sleep(0.05)
            time.sleep(WARM_UP_S)
            serving = next(child for child in psutil.Process().children() if child.pid != generator.pid)
            begin, before = time.perf_counter(), counted(count)
            used_s, served_s = cpu_s(generator), cpu_s(serving)
            time.sleep(seconds)
            took_s, sent = time.perf_counter() - begin, counted(count) - before
            used_s, served_s = cpu_s(generator) - used_s, cpu_s(serving) - served_s
    return Measured(sent / took_s, sent / used_s, (used_s + served_s) / took_s)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=50)
    given = parser.parse_args()
    arms = [(name, processes) for name in COMMANDS for processes in (1, 2)]
    found: dict[tuple[str, int], list[Measured]] = {arm: [] for arm in arms}
    for _ in range(given.rounds):
        for name, processes in arms:
            found[name, processes].append(measured(name, processes, given.seconds, given.users))
    print(
        "| generator | 1 process, requests/s | 2 processes | gain | possible | part of it | per CPU second |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in COMMANDS:
        print(f"| {name} | {' | '.join(_cells(found[name, 1], found[name, 2]))} |")


def _cells(one: Sequence[Measured], two: Sequence[Measured]) -> Iterator[str]:
    """Medians; ratios are those of the rounds."""
    cores = len(os.sched_getaffinity(0))
    for arm in (one, two):
        yield f"{statistics.median(each.rate_per_s for each in arm):,.0f}"
    rounds = list(zip(one, two, strict=True))
    yield _median(b.rate_per_s / a.rate_per_s for a, b in rounds)
    yield _median(cores / a.busy_cores for a, _ in rounds)
    yield _median(b.rate_per_s / a.rate_per_s / min(2.0, cores / a.busy_cores) for a, b in rounds)
    yield _median(b.per_cpu_s / a.per_cpu_s for a, b in rounds)


def _median(ratios: Iterable[float]) -> str:
    return f"{statistics.median(ratios):.2f} x"


if __name__ == "__main__":
    main()
