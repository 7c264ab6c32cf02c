"""Requests per second of one core: this suite's client, Locust's own, and k6, side by side in one run.

    python -m benchmarks.clients [--seconds 5] [--rounds 3] [--users 50] [--k6 PATH]

A static server has one core, the generator another; all arms take turns, round after round, so that whatever
else the machine does meets them alike. The lean arms are the suite as it runs: Locust's User, the judging of
answers, Locust's statistics, the recorder with its log on disk. k6 is used where it is installed (on PATH or
with --k6), limited to one processor; the suite does not install it.

Requests per CPU second of the generator are the steadier figure on a machine that does other things too.
Also printed: memory per idle user that has sent one request.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client_arms import ARMS, IDLE_ARMS, Figures

BASELINE = "lean, recorder on"
K6 = "k6, one processor"


@dataclass(frozen=True, slots=True)
class Options:
    """How long, how often, with how many users."""

    seconds: float
    rounds: int
    users: int
    idle_users: int
    k6: str | None


@contextmanager
def server(cpu: int | None, count: Path | None = None, *, half_fail: bool = False) -> Iterator[str]:
    """A static server of its own process; its URL. It counts its requests in a file."""
    with tempfile.TemporaryDirectory() as folder:
        port, count = Path(folder, "port"), count or Path(folder, "count")
        command = [sys.executable, "-m", "benchmarks.static_server", str(port), str(count)]
        command += [] if cpu is None else ["--cpu", str(cpu)]
        command += ["--half-fail"] if half_fail else []
        process = subprocess.Popen(command)
        try:
            while not (port.exists() and port.read_text()):
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port.read_text()}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def run_arm(name: str, url: str, cpu: int | None, options: Options, *, idle: bool = False) -> Figures:
    """One arm in a process of its own."""
    users = options.idle_users if idle else options.users
    command = [sys.executable, "-m", "benchmarks.client_arms", name, url, str(users)]
    return Figures.parse(
        _output([*command, "idle" if idle else str(options.seconds), "-" if cpu is None else str(cpu)])
    )


def run_k6(url: str, cpu: int | None, options: Options) -> Figures:
    """k6 with one processor; its start-up counts as CPU time, which is little."""
    script = (
        "import http from 'k6/http';\n"
        f"export const options = {{vus: {options.users}, duration: '{options.seconds:g}s'}};\n"
        f"export default () => {{ http.get('{url}/'); }};\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        file, summary = Path(folder, "script.js"), Path(folder, "summary.json")
        file.write_text(script)
        assert options.k6 is not None
        pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
        before, begin = os.times(), time.monotonic()
        _output([*pin, options.k6, "run", "--quiet", "--summary-export", str(summary), str(file)])
        now, took_s = os.times(), time.monotonic() - begin
        used_s = now.children_user + now.children_system - before.children_user - before.children_system
        rate = float(json.loads(summary.read_text())["metrics"]["http_reqs"]["rate"])
        return Figures(rate, used_s / took_s, 0.0)


def _output(command: list[str]) -> str:
    env = {**os.environ, "GOMAXPROCS": "1", "K6_NO_USAGE_REPORT": "true"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def main() -> None:
    """Run all arms and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--idle-users", type=int, default=1000)
    parser.add_argument("--k6", default=shutil.which("k6"))
    parser.add_argument("--only", help="arms beside lean, separated by ';', without k6")
    given = parser.parse_args()
    options = Options(given.seconds, given.rounds, given.users, given.idle_users, given.k6)
    cpus = sorted(os.sched_getaffinity(0))
    server_cpu, own_cpu = (cpus[0], cpus[1]) if len(cpus) > 1 else (None, None)
    if own_cpu is None:
        print("one processor only: server and generator share it, and the ratios mean little")
    names = [name for name in ARMS if not given.only or name in (BASELINE, *given.only.split(";"))]
    rates: dict[str, list[float]] = {name: [] for name in names}
    shares: dict[str, list[float]] = {name: [] for name in names}
    with server(server_cpu) as url:
        for _ in range(options.rounds):
            for name in names:
                figures = run_arm(name, url, own_cpu, options)
                rates[name].append(figures.rate_per_s)
                shares[name].append(figures.cpu_share)
            if options.k6 and not given.only:
                figures = run_k6(url, own_cpu, options)
                rates.setdefault(K6, []).append(figures.rate_per_s)
                shares.setdefault(K6, []).append(figures.cpu_share)
        idle_arms = () if given.only else IDLE_ARMS
        memory = {name: run_arm(name, url, own_cpu, options, idle=True).kb_per_user for name in idle_arms}
    report(rates, shares, memory)
    if not options.k6:
        print("\nk6 is not installed: not measured. Give its place with --k6.")


def report(rates: dict[str, list[float]], shares: dict[str, list[float]], memory: dict[str, float]) -> None:
    """Print what was found; ratios are medians of the rounds' own ratios."""
    print("| generator | requests/s | lowest-highest | lean is | per CPU second | lean is |")
    print("|---|---|---|---|---|---|")
    lean, lean_each = rates[BASELINE], _per_cpu(rates[BASELINE], shares[BASELINE])
    for name, found in rates.items():
        each = _per_cpu(found, shares[name])
        middle, of_cpu = statistics.median(found), statistics.median(each)
        print(
            f"| {name} | {middle:,.0f} | {min(found):,.0f}-{max(found):,.0f} | {_times(lean, found)} "
            f"| {of_cpu:,.0f} | {_times(lean_each, each)} |"
        )
    if memory:
        print("\n| idle user | kB |\n|---|---|")
    for name, kb in memory.items():
        print(f"| {name} | {kb:.1f} |")


def _per_cpu(rates: list[float], shares: list[float]) -> list[float]:
    return [rate / share for rate, share in zip(rates, shares, strict=True)]


def _times(lean: list[float], found: list[float]) -> str:
    return f"{statistics.median(a / b for a, b in zip(lean, found, strict=True)):.2f} x"


if __name__ == "__main__":
    main()
