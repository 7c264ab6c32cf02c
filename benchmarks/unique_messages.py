"""Unique messages: every answer is a failure with a text of its own and a body of 100 kB. What grows?

    python -m benchmarks.unique_messages --count 1000000 --browser   recorded, judged, reported, opened
    python -m benchmarks.unique_messages --http-s 20                 a real run against a real server

The first makes the answers where the network would hand them over: all behind it is the suite as it runs
(judging, scrubbing, codes, examples, log, Locust's statistics), in a process of its own; then the real
command line diagnoses the folder, and a browser opens the report. Texts differ in words,
not in numbers, which would be masked. The second takes the memory of every process of a real run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from benchmarks.run_command import RUNS, run_command
from recording.folder import RunFolder
from recording.reader import read_run
from scenarios.prepared import Prepared
from scenarios.received import Received

BODY_BYTES = 100_000
HEADERS = [(b"Content-Type", b"application/json")]
MARKS = (0.01, 0.1, 1.0)
"""Shares of the requests after which memory is looked at."""
USERS = 16
ENOUGH_S = 120


def unique_body(number: int) -> bytes:
    """A failure's text that no other number has, in letters, and a long tail."""
    word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:08}")
    text = b'{"error": "tenant %b has no such order", "trace": "' % word.encode()
    return text + b"x" * (BODY_BYTES - len(text) - 2) + b'"}'


class UniqueFailures:
    """A sender that hands over one failure after another, and a client's maker of senders."""

    def __init__(self) -> None:
        self._sent = 0

    def exchange(self, _: Prepared, __: Mapping[str, str], ___: str, ____: float) -> Received:
        """The next failure."""
        self._sent += 1
        return Received(503, HEADERS, unique_body(self._sent))

    def user(self) -> UniqueFailures:
        """The same one."""
        return self

    def close(self) -> None:
        """Nothing is open."""


def _record(pipe: Connection, path: Path, count: int) -> None:
    """Record so many failures in a run folder; sends what memory was taken at each mark."""
    import msgpack
    from locust.env import Environment

    from recording.clock import Clock
    from recording.examples import ExampleWriter
    from recording.frames import LogWriter
    from recording.recorder import FLUSH_INTERVAL_S, Recorder, Situation
    from scenarios.accounts import NOBODY
    from scenarios.client import Client
    from scenarios.request import Request

    environment = Environment()
    environment.create_local_runner()
    folder = RunFolder(path)
    recorder = Recorder(
        LogWriter(folder.log_path("local")), Clock.start(), "local", lambda: Situation(2, 2, "hold")
    )
    failures = UniqueFailures()
    client = Client(
        "http://127.0.0.1",
        recorder,
        ExampleWriter(folder.errors_jsonl),
        failures,  # type: ignore[arg-type]
        environment.events.request,
        total_s=5,
    )
    user, request = client.user(), Request(path="/")
    marks = {max(1, int(share * count)): share for share in MARKS}
    found, next_flush = [], time.monotonic() + FLUSH_INTERVAL_S
    for number in range(1, count + 1):
        client.send(user, "login", request, NOBODY, {})
        if number in marks:
            found.append((number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
        if time.monotonic() >= next_flush:  # what the recorder's greenlet would do
            recorder._write_rows()
            recorder._write_heartbeat(0.0, {"cpu_percent": 50.0})
            next_flush = time.monotonic() + FLUSH_INTERVAL_S
    recorder.close("done")
    report = msgpack.packb([environment.stats.serialize_errors(), environment.stats.serialize_stats()])
    pipe.send((found, len(environment.stats.errors), len(report)))


def recorded_and_reported(count: int, *, browser: bool) -> None:
    """Record, diagnose, open; print the figures."""
    with tempfile.TemporaryDirectory() as parent:
        folder = RunFolder.create(Path(parent), "unique")
        pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_record, args=(theirs, folder.path, count)
        )
        began_s = time.monotonic()
        process.start()
        theirs.close()
        marks, kinds, report_bytes = pipe.recv()
        process.join()
        took_s = time.monotonic() - began_s
        print(f"{count:,} failures, each of {BODY_BYTES:,} bytes and with a text of its own: {took_s:.0f} s")
        for number, peak in marks:
            print(f"peak memory of the recording process after {number:,}: {peak / 1e6:.0f} MB")
        print(
            f"kinds in Locust's statistics: {kinds}; a worker's report to the master: {report_bytes:,} bytes"
        )
        print(f"log: {_size(folder.samples_dir) / count:.0f} bytes a request")
        print(f"errors.jsonl: {_size(folder.errors_jsonl):,} bytes")
        folder.write_manifest({"format": 1, "end_utc": "2026-01-01T00:00:00Z", "clean_end": True})
        _diagnose(folder.path)
        if browser:
            print(f"opened in a browser: {_opened(folder.analysis_dir / 'report.html')}")


def _diagnose(folder: Path) -> None:
    began_s = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "commands.main",
        "diagnose",
        str(folder),
        "--run-dir",
        str(folder.parent),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    took_s = time.monotonic() - began_s
    print(f"diagnose: exit code {done.returncode}, {took_s:.1f} s, at most {peak / 1e6:.0f} MB a process")
    analysis = folder / "analysis"
    verdict = json.loads((analysis / "verdict.json").read_text())
    print(f"requests {verdict['requests']:,}, kinds of failure listed: {len(verdict['fingerprints'])}")
    for name in ("report.html", "verdict.json", "report.md", "windows.csv"):
        print(f"{name}: {_size(analysis / name):,} bytes")


def _opened(page: Path) -> str:
    chromium = shutil.which("chromium")
    if chromium is None:
        return "there is none"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    began_s = time.monotonic()
    done = subprocess.run(
        [chromium, *flags, page.as_uri()], capture_output=True, text=True, check=False, timeout=ENOUGH_S
    )
    shown = "</html>" in done.stdout and "503" in done.stdout
    return (
        f"{'yes' if shown else 'NO'}, {len(done.stdout):,} characters in {time.monotonic() - began_s:.1f} s"
    )


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


async def _serve(port_file: Path) -> None:
    sent = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                sent += 1
                body = unique_body(sent)
                writer.write(b"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def _run_server(port_file: Path) -> None:
    asyncio.run(_serve(port_file))


def real_run(seconds: int) -> None:
    """A run of the command line against such a server; print the memory of each of its processes."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), Path(name, "port")
        server = multiprocessing.get_context("spawn").Process(target=_run_server, args=(port,), daemon=True)
        server.start()
        while not (port.exists() and port.read_text()):
            time.sleep(0.05)
        scenario = {"load": {"shape": "hold", "users": USERS, "hold_s": seconds}, "think_time_s": 0}
        command = run_command(folder, f"http://127.0.0.1:{port.read_text()}", scenario, processes=2)
        peaks: Counter[str] = Counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        watch = threading.Thread(target=_watch, args=(process.pid, peaks))
        watch.start()
        process.communicate(timeout=seconds + ENOUGH_S)
        watch.join()
        server.kill()
        (run,) = (folder / RUNS).iterdir()
        failures = len(read_run(run).samples)
        print(f"{failures:,} failures in {seconds} s over HTTP, exit code {process.returncode}")
        for what, peak in sorted(peaks.items()):
            print(f"peak memory of {what}: {peak / 1e6:.0f} MB")
        print(f"run folder: {_size(run):,} bytes; report.html: {_size(run / 'analysis/report.html'):,} bytes")


def _watch(pid: int, peaks: Counter[str]) -> None:
    """Note the most memory of each process of a command, until it ends."""
    try:
        whole = psutil.Process(pid)
        while whole.is_running() and whole.status() != psutil.STATUS_ZOMBIE:
            for one in (whole, *whole.children(recursive=True)):
                with_name = (
                    f"{'locust' if 'locust' in ' '.join(one.cmdline()) else 'loadverdict'} {one.pid - pid:+}"
                )
                peaks[with_name] = max(peaks[with_name], one.memory_info().rss)
            time.sleep(0.2)
    except psutil.Error:
        return


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--browser", action="store_true", help="open the report in chromium")
    parser.add_argument("--http-s", type=int, default=0, metavar="SECONDS")
    options = parser.parse_args()
    if options.count:
        recorded_and_reported(options.count, browser=options.browser)
    if options.http_s:
        real_run(options.http_s)


if __name__ == "__main__":
    main()
