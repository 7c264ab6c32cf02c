"""How many samples a second a master takes in from workers that do not share its run folder.

    python -m benchmarks.intake [--rows 2000000] [--workers 1,2]

Real Locust runners on one machine: every worker has a log that is finished already and ships it as fast as
the master confirms, by the suite's own `scenarios.shipping`. Counted from the first chunk until the copies
are whole; they must be those of the workers byte for byte. A frame holds 100 ms at 20,000 samples a second.
"""

from __future__ import annotations

import argparse
import filecmp
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import gevent
import pyarrow as pa
from locust.env import Environment

from benchmarks.big_files import pieces
from recording.folder import RunFolder
from recording.frames import Kind, LogWriter, encode_table
from recording.sample import Samples
from scenarios.controller import SHIP_MESSAGE, SHIPPED_MESSAGE, worker_name
from scenarios.shipping import Receiver, Shipper

ROWS_PER_FRAME = 2_000
LIMIT_S = 300.0


def write_log(folder: RunFolder, node: str, rows: int, seed: int) -> None:
    """A log of so many samples."""
    folder.samples_dir.mkdir(parents=True, exist_ok=True)
    folder.errors_jsonl.touch()
    log = LogWriter(folder.log_path(node))
    for piece in pieces(rows, seed):
        for table in _frames(piece):
            log.append(Kind.SAMPLES, encode_table(table))
    log.append_json(Kind.END, {})
    log.close()


def _frames(piece: Samples) -> list[pa.Table]:
    table = piece.to_table()
    return [table.slice(first, ROWS_PER_FRAME) for first in range(0, len(table), ROWS_PER_FRAME)]


def work(port: int, node: str, folder: RunFolder) -> None:
    """The process of a worker: ships its log once the master has said so."""
    runner = Environment(user_classes=[]).create_worker_runner("127.0.0.1", port)
    begun = gevent.event.Event()
    shippers: list[Shipper] = []
    runner.register_message("begin", lambda **_: begun.set())
    runner.register_message(SHIPPED_MESSAGE, lambda msg, **_: shippers[0].confirm(**msg.data))
    begun.wait()
    shippers.append(Shipper(folder, node, lambda data: runner.send_message(SHIP_MESSAGE, data)))
    left = shippers[0].finish(LIMIT_S)
    runner.quit()
    sys.exit(1 if left else 0)


def taken_in(workers: int, rows: int, base: Path) -> tuple[float, float, int]:
    """Seconds, CPU seconds of the master, and bytes, for so many workers with so many rows each.

    Raises:
        SystemExit: a copy is not whole in the end.
    """
    here = RunFolder(base / "master")
    here.samples_dir.mkdir(parents=True)
    nodes = {worker_name(i): RunFolder(base / worker_name(i)) for i in range(workers)}
    for number, (node, folder) in enumerate(nodes.items()):
        write_log(folder, node, rows, seed=number)
    runner: Any = Environment(user_classes=[]).create_master_runner("127.0.0.1", 0)
    port = runner.server.port
    receiver = Receiver(here)
    begin_s: list[float] = []

    def take(msg: Any, **_: Any) -> None:
        begin_s.append(time.perf_counter())
        runner.send_message(SHIPPED_MESSAGE, receiver.take(msg.data["node"], msg.data), msg.node_id)

    runner.register_message(SHIP_MESSAGE, take)
    command = [sys.executable, "-m", "benchmarks.intake", "--port", str(port)]
    processes = [
        subprocess.Popen([*command, "--node", node, "--folder", folder.path])
        for node, folder in nodes.items()
    ]
    while len(runner.clients.ready) < workers:
        gevent.sleep(0.05)
    used_s = time.process_time()
    runner.send_message("begin", {})
    sizes = {node: folder.log_path(node).stat().st_size for node, folder in nodes.items()}
    while any(_size(here.log_path(node)) < size for node, size in sizes.items()):
        gevent.sleep(0.005)
    took_s, used_s = time.perf_counter() - begin_s[0], time.process_time() - used_s
    whole = all(filecmp.cmp(here.log_path(n), f.log_path(n), shallow=False) for n, f in nodes.items())
    gevent.joinall([gevent.spawn(process.wait) for process in processes], timeout=10)
    runner.quit()
    if not whole:
        sys.exit("a copy differs from its original")
    return took_s, used_s, sum(sizes.values())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def main() -> None:
    """Print one line per number of workers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000, help="of every worker")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--node", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.port:
        work(given.port, given.node, RunFolder(given.folder))
    print("| workers | samples | MB | seconds | samples/s | samples per CPU second of the master |")
    print("|---|---|---|---|---|---|")
    for workers in map(int, given.workers.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            took_s, used_s, size = taken_in(workers, given.rows, Path(folder))
        rows = workers * given.rows
        figures = f"{size / 1e6:,.0f} | {took_s:.2f} | {rows / took_s:,.0f} | {rows / used_s:,.0f}"
        print(f"| {workers} | {rows:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
