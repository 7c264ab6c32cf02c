"""Small runs: whole run folders of a few hundred requests in every state that a folder can be in, made up.

The files are written by the suite's own writers, so a folder differs from a recorded one in its numbers only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from recording.folder import RunFolder, write_text
from recording.frames import Kind, LogWriter, encode_table
from recording.logs import finish
from recording.planned import KEY, USERS, as_manifest
from recording.probes.readings_file import ReadingsWriter
from recording.probes.told import Reading
from recording.rows import Rows
from recording.run import ErrorExample

ORIGIN_S = 1_790_000_000.0
FLUSHES = 24
FLUSH_S = 0.5
PER_FLUSH = 12
LEVELS = (2, 6, 11)
NODES = ("local", "worker-1")
SCENARIO = """\
name: steps
load: {shape: steps, users: [2, 6, 11], step_s: 4.0, blocks: 1}
slo: [error_rate < 5 %, p99 < 1000 ms]
"""


def write_small_runs(parent: Path, seed: int) -> list[Path]:
    """A finished run, a whole one that is still in its logs, and one of two processes that was killed."""
    rng = np.random.default_rng(seed)
    finished = small_run(parent / "20260101T120000Z-steps", rng, NODES, whole=True)
    finish(finished)
    whole = small_run(parent / "20260101T120100Z-steps", rng, NODES[:1], whole=True)
    killed = small_run(parent / "20260101T120200Z-steps", rng, NODES, whole=False)
    return [finished.path, whole.path, killed.path]


def small_run(path: Path, rng: np.random.Generator, nodes: tuple[str, ...], *, whole: bool) -> RunFolder:
    """A run of so many processes that is still in its logs; one that is not whole was killed."""
    folder = RunFolder(path)
    folder.samples_dir.mkdir(parents=True)
    folder.readings_dir.mkdir()
    for node in nodes:
        _write_log(folder.log_path(node), node, rng, whole=whole)
    _write_readings(folder.target_readings)
    ends_s = np.linspace(0, FLUSHES * FLUSH_S, len(LEVELS) + 1).tolist()
    stages = [(*span, level, level) for span, level in zip(pairwise(ends_s), LEVELS, strict=True)]
    folder.write_manifest(
        {
            "format": 1,
            "id": path.name,
            "scenario": {"name": "steps", "hash": "0123456789ab"},
            "target": {"name": "lab", "base_url": "http://127.0.0.1:8080"},
            "start_utc": "2026-01-01T12:00:00Z",
            "end_utc": "2026-01-01T12:00:12Z" if whole else None,
            "clean_end": whole,
            "nodes": list(nodes),
            KEY: [as_manifest("", USERS, stages)],
        }
    )
    write_text(folder.scenario_yaml, SCENARIO)
    for kind, at_s in (("stage", 0.0), ("note", 3.0), ("node_joined", 0.1)):
        folder.add_event(kind, ORIGIN_S + at_s, stage="hold", node=nodes[0], text="made up")
    write_text(folder.errors_jsonl, "".join(f"{json.dumps(asdict(one))}\n" for one in _examples()))
    return folder


def _write_log(path: Path, node: str, rng: np.random.Generator, *, whole: bool) -> None:
    log = LogWriter(path)
    log.append_json(Kind.ANCHOR, {"wall_s": ORIGIN_S, "mono_s": 0.0, "epoch_s": ORIGIN_S})
    rows = Rows(PER_FLUSH + 1)
    for number in range(FLUSHES):
        users = LEVELS[number * len(LEVELS) // FLUSHES]
        _fill(rows, rng, number * FLUSH_S, users)
        log.append(Kind.ROWS, rows.packed(node, ORIGIN_S))
        log.append_json(Kind.HEARTBEAT, heartbeat((number + 1) * FLUSH_S, users, PER_FLUSH * (number + 1)))
    rows.add(FLUSHES * FLUSH_S, 400.0, "login", "POST", 0, "unfinished", "", 11, 1, 3, "steps", -1)
    waiting = encode_table(rows.take(node, ORIGIN_S).to_table())
    log.append(Kind.SAMPLES if whole else Kind.OPEN, waiting)
    if whole:
        log.append_json(Kind.END, {"reason": "done", "unfinished": 1, "finished": FLUSHES * PER_FLUSH})
    log.close()


def _fill(rows: Rows, rng: np.random.Generator, begin_s: float, users: int) -> None:
    for start_s in np.sort(begin_s + rng.random(PER_FLUSH) * FLUSH_S).tolist():
        failed = rng.random() < users / 40
        status, outcome, code = (503, "http_error", "busy") if failed else (200, "ok", "")
        duration_ms = float(rng.lognormal(4, 0.5))
        account = int(rng.integers(60))
        rows.add(start_s, duration_ms, "login", "POST", status, outcome, code, users, 2, account, "steps", 80)


def heartbeat(at_s: float, users: int, finished: int) -> dict[str, float]:
    """What a process with time to spare tells of itself, so many seconds after `ORIGIN_S`."""
    return {
        "time_s": ORIGIN_S + at_s,
        "in_flight": 1,
        "oldest_s": 0.05,
        "users_wanted": users,
        "users_running": users,
        "loop_lag_ms": 0.4,
        "cpu_percent": 12.0,
        "started": finished + 1,
        "finished": finished,
        "failed": finished // 6,
        "dropped_rows": 0,
    }


def _write_readings(path: Path) -> None:
    readings = ReadingsWriter(path)
    for number in range(FLUSHES):
        time_s = ORIGIN_S + number * FLUSH_S
        readings.add([Reading(time_s, "pool_in_use", "lab", 5.0), Reading(time_s, "pool_size", "lab", 10.0)])
    readings.close()


def _examples() -> Iterator[ErrorExample]:
    for number in range(3):
        body = f'{{"error": "Service temporarily busy, please retry ({number})"}}'
        yield ErrorExample(
            ORIGIN_S + number, 503, "http_error", "busy", "Service temporarily busy", "login", body=body
        )
