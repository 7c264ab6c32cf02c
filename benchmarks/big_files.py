"""Big files: made-up results of any length, written in pieces, the same for the same seed.

A stair of users goes up and comes down again. A constant share fails with 500; above a number of users 503s
and time-outs come on top. A case CSV is written in the order in which requests END, as several clients at
once would write it; a run folder's samples are in the order of their sends, as `recording.logs` leaves them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recording.logs import HEALTH_KEY, WRITTEN_KEY
from recording.outcomes import OUTCOMES
from recording.probes.readings_file import READINGS_SCHEMA
from recording.run import LogHealth
from recording.sample import Category, Samples
from recording.tally import Written, tally

PIECE = 1_000_000
RATE_PER_S = 2_500.0
LEAST_S = 120.0
STEPS = np.concatenate([np.arange(20, 201, 20), np.arange(180, 19, -20)])
KNEE_USERS = 120
ORIGIN_S = 1_790_000_000.0
ENDPOINTS = ("login", "profile", "search", "health")
ACCOUNTS = 1_000
_OK, _HTTP, _TIMEOUT, _UNFINISHED = (
    OUTCOMES.index(name) for name in ("ok", "http_error", "first_byte_timeout", "unfinished")
)
_CODES = ("", "internal_error", "busy")


def length_s(rows: int) -> float:
    """How long the made-up test took."""
    return max(LEAST_S, rows / RATE_PER_S)


def pieces(rows: int, seed: int) -> Iterator[Samples]:
    """The samples in order of their sends, at most a million at a time."""
    for first in range(0, rows, PIECE):
        yield _piece(rows, first, min(PIECE, rows - first), np.random.default_rng([seed, first]))


def _piece(rows: int, first: int, n: int, rng: np.random.Generator) -> Samples:
    share = (first + np.arange(n) + rng.random(n)) / rows
    share.sort()
    users = STEPS[np.minimum((share * len(STEPS)).astype(np.int64), len(STEPS) - 1)].astype(np.int32)
    over = np.maximum(users - KNEE_USERS, 0) / KNEE_USERS
    draw = rng.random(n)
    busy = draw < 0.6 * over
    broken = ~busy & (draw > 0.99)
    late = ~busy & (draw > 0.998) & (over > 0)
    status = np.select([late, busy, broken], [0, 503, 500], 200).astype(np.int16)
    outcome = np.select([late, busy | broken], [_TIMEOUT, _HTTP], _OK).astype(np.int32)
    duration = rng.lognormal(np.log(80 + 2 * users), 0.5)
    duration = np.select([late, busy], [5000.0, 50 + rng.random(n) * 5], duration)
    rest = n - np.arange(n) if first + n == rows else np.full(n, rows)
    outcome[rest <= 3] = _UNFINISHED
    status[rest <= 3] = 0
    return Samples(
        start_s=ORIGIN_S + share * length_s(rows),
        duration_ms=duration,
        endpoint=Category(rng.choice(4, n, p=(0.6, 0.25, 0.1, 0.05)).astype(np.int32), ENDPOINTS),
        method=Category.constant("POST", n),
        status=status,
        outcome=Category(outcome, OUTCOMES),
        code=Category(np.select([busy, broken], [2, 1], 0).astype(np.int32), _CODES),
        users=users,
        in_flight=np.minimum(users, 32767).astype(np.int32),
        account=rng.integers(0, ACCOUNTS, n).astype(np.int32),
        node=Category.constant("node-1", n),
        stage=Category.constant("load", n),
        response_bytes=np.full(n, 312, np.int64),
        weight=np.ones(n, np.int32),
    )


def write_csv(path: Path, rows: int, seed: int, *, users: bool = True, whole: bool = False) -> None:
    """A case CSV; `whole` writes seconds and milliseconds without decimals, as `date +%s` gives them."""
    with path.open("wb") as stream:
        names = ["request_id", "http_code", "duration_ms", "timestamp", *(["users"] if users else [])]
        stream.write((",".join(names) + "\n").encode())
        done = 0
        for piece in pieces(rows, seed):
            order = np.argsort(piece.end_s, kind="stable")
            columns: list[NDArray[np.generic]] = [
                np.arange(done + 1, done + 1 + len(piece)),
                piece.status[order],
                np.rint(piece.duration_ms[order]).astype(np.int64)
                if whole
                else np.round(piece.duration_ms[order], 1),
                piece.start_s[order].astype(np.int64) if whole else np.round(piece.start_s[order], 3),
                *([piece.users[order]] if users else []),
            ]
            done += len(piece)
            table = pa.table(dict(zip(names, (pa.array(c) for c in columns), strict=True)))
            pacsv.write_csv(table, stream, pacsv.WriteOptions(include_header=False))


def write_folder(path: Path, rows: int, seed: int) -> None:
    """A finished run folder."""
    path.mkdir()
    manifest = {"format": 1, "id": path.name, "clean_end": True, "nodes": ["node-1"]}
    (path / "manifest.json").write_text(json.dumps(manifest))
    health = json.dumps(asdict(LogHealth(nodes=("node-1",)))).encode()
    requests: Counter[str] = Counter()
    for piece in pieces(rows, seed):
        requests.update(tally(piece)["node-1"])
    written = json.dumps(asdict(Written({"node-1": dict(requests)}))).encode()
    told = {HEALTH_KEY: health, WRITTEN_KEY: written}
    schema = Samples.empty().to_table().schema.with_metadata(told)
    with pq.ParquetWriter(path / "samples.parquet", schema, compression="zstd") as writer:
        for piece in pieces(rows, seed):
            writer.write_table(piece.to_table().replace_schema_metadata(told))
    reading = [[ORIGIN_S], ["generator"], ["cpu_percent"], ["node-1"], [20.0]]
    pq.write_table(
        pa.table(
            [pa.array(c, f.type) for c, f in zip(reading, READINGS_SCHEMA, strict=True)], READINGS_SCHEMA
        ),
        path / "readings.parquet",
    )
