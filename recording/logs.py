"""Logs: the processes' logs of a run read together, and turned into Parquet once the run is over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recording.collect import Collector
from recording.folder import FORMAT, RunFolder, replacing
from recording.frames import FINISHED, Frame, Kind, Scan, scan
from recording.probes.readings_file import READINGS_SCHEMA, read_readings
from recording.run import LogHealth, Readings, Thinned
from recording.sample import SCHEMA, Samples, in_schema

BATCH = 1 << 19
"""Rows that are read from a Parquet file at a time."""

Beats = Sequence[Mapping[str, Any]]
"""Heartbeats of one log, in order."""

HEALTH_KEY = b"loadverdict.health"
"""Key of the Parquet metadata that holds the logs' health as JSON."""

GENERATOR_READINGS = (
    "in_flight",
    "oldest_s",
    "users_wanted",
    "users_running",
    "loop_lag_ms",
    "cpu_percent",
    "started",
    "finished",
    "failed",
    "arrivals_due",
    "arrivals_sent",
    "arrivals_skipped",
    "arrivals_late",
)
"""Figures of a heartbeat that become readings of source `generator`, labelled with the node."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the logs of one run hold."""

    samples: Samples
    readings: Readings
    health: LogHealth
    thinned: Thinned | None = None


def read_logs(folder: RunFolder) -> Recorded:
    """Read every log of a run. Damage is counted, never raised."""
    nodes = tuple(path.stem for path in sorted(folder.samples_dir.glob("*.log")))
    scans = tuple(scan(folder.log_path(node).read_bytes()) for node in nodes)
    tables = [_tables(one) for one in scans]
    left = [_left_open(one, found) for one, found in zip(scans, tables, strict=True)]
    samples = _samples([*(rows for found in tables for _, rows in found), *left])
    beats = [[frame.json() for frame in one.frames if frame.kind is Kind.HEARTBEAT] for one in scans]
    if len(nodes) > 1:
        samples = replace(samples, users=_total_users(samples.start_s, beats))
    readings = _joined(_readings(nodes, beats), _readings_from(read_readings(folder.target_readings)))
    return Recorded(samples, readings, _health(nodes, scans, beats, left))


def _samples(tables: Sequence[pa.Table]) -> Samples:
    if not tables:
        return Samples.empty()
    samples = Samples.from_table(pa.concat_tables(tables))
    return samples.take(np.argsort(samples.start_s, kind="stable"))


def _tables(one: Scan) -> list[tuple[Frame, pa.Table]]:
    """Frames with finished requests, and those."""
    read = ((frame, _table(one, frame)) for frame in one.frames if frame.kind in FINISHED)
    return [(frame, table) for frame, table in read if table is not None]


def _table(one: Scan, frame: Frame) -> pa.Table | None:
    """The requests of a frame; None for an intact one that holds something else: it counts as damaged."""
    try:
        return in_schema(frame.table())
    except (ValueError, TypeError, KeyError, OverflowError, pa.ArrowException):
        one.bad_frames += 1
        return None


def _left_open(one: Scan, found: Sequence[tuple[Frame, pa.Table]]) -> pa.Table:
    """Requests of a process without an end mark that its log last listed as in flight, and never as over.

    With an end mark they are among the samples already. A start time names a request within one process.
    """
    lists = [frame for frame in one.frames if frame.kind is Kind.OPEN]
    if not lists or any(f.kind is Kind.END for f in one.frames):
        return SCHEMA.empty_table()
    table = _table(one, lists[-1])
    if table is None:
        return SCHEMA.empty_table()
    after = [rows for frame, rows in found if frame.sequence > lists[-1].sequence]
    if not after:
        return table
    over = pa.concat_tables(after).column("start_s").to_pylist()
    return table.filter(pc.invert(pc.is_in(table.column("start_s"), pa.array(over, pa.float64()))))


def _total_users(time_s: NDArray[np.float64], logs: Sequence[Beats]) -> NDArray[np.int32]:
    """Users running on all nodes together at the times given.

    Each process knows its own users only; its heartbeats make a step function of time, and the sum of them
    is the run's. A node counts as empty before its first heartbeat and after its last one.
    """
    total = np.zeros(len(time_s), np.int32)
    for beats in logs:
        if not beats:
            continue
        times = np.array([beat["time_s"] for beat in beats])
        users = np.array([beat["users_running"] for beat in beats], np.int32)
        # A heartbeat tells the users of the interval that ends with it; after the last one (plus the
        # interval in which the process may have died) there is nobody left.
        steps = np.append(users, 0)
        ends = np.append(times[:-1], times[-1] + 0.2)
        total += steps[np.searchsorted(ends, time_s, side="left")]
    return total


def _readings(nodes: Sequence[str], logs: Sequence[Beats]) -> Readings:
    rows: list[tuple[float, str, float, str]] = []
    for node, beats in zip(nodes, logs, strict=True):
        for beat in beats:
            rows += [(beat["time_s"], name, beat[name], node) for name in GENERATOR_READINGS if name in beat]
    time_s, name, value, label = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Readings(
        np.array(time_s, np.float64),
        np.full(len(rows), "generator"),
        np.array(name, np.str_),
        np.array(label, np.str_),
        np.array(value, np.float64),
    )


def _joined(one: Readings, other: Readings) -> Readings:
    columns = (np.concatenate([getattr(one, f.name), getattr(other, f.name)]) for f in READINGS_SCHEMA)
    return Readings(*columns)


def _health(
    nodes: Sequence[str], scans: Sequence[Scan], logs: Sequence[Beats], left: Sequence[pa.Table]
) -> LogHealth:
    ends = [[f.json() for f in s.frames if f.kind is Kind.END] for s in scans]
    return LogHealth(
        nodes=tuple(nodes),
        nodes_without_end=tuple(node for node, end in zip(nodes, ends, strict=True) if not end),
        bad_frames=sum(s.bad_frames for s in scans),
        missing_frames=sum(s.missing_frames for s in scans),
        dropped_rows=sum(beats[-1].get("dropped_rows", 0) for beats in logs if beats),
        unfinished=sum(
            end[-1]["unfinished"] if end else rows.num_rows for end, rows in zip(ends, left, strict=True)
        ),
        torn=tuple(node for node, one in zip(nodes, scans, strict=True) if one.torn),
        clock_step_s=max((_clock_step_s(one) for one in scans), key=abs, default=0.0),
    )


def _clock_step_s(one: Scan) -> float:
    """The largest distance of the wall clock from where the first anchor and the monotonic clock put it."""
    anchors = [frame.json() for frame in one.frames if frame.kind is Kind.ANCHOR]
    apart = [anchor["wall_s"] - anchor["mono_s"] for anchor in anchors]
    return max((now - apart[0] for now in apart), key=abs, default=0.0)


def finish(folder: RunFolder) -> Recorded:
    """Turn a finished run's logs into Parquet.

    The logs of a run that is complete and undamaged are removed once the Parquet files are on the disk;
    all others are kept, since they say more.
    """
    recorded = read_logs(folder)
    for left in folder.samples_dir.glob("*.reserve"):  # of a process that was killed
        left.unlink()
    # Readings first, and the health inside the samples' own file: whoever finds that file has the rest.
    _write_parquet(folder.readings_parquet, _readings_table(recorded.readings))
    _write_parquet(folder.samples_parquet, recorded.samples.to_table(), health=recorded.health)
    health = recorded.health
    if not (health.bad_frames or health.missing_frames or health.nodes_without_end):
        for node in health.nodes:
            folder.log_path(node).unlink(missing_ok=True)
        folder.target_readings.unlink(missing_ok=True)
        with suppress(OSError):
            folder.readings_dir.rmdir()
    return recorded


def _write_parquet(path: Path, table: pa.Table, health: LogHealth | None = None) -> None:
    metadata = {b"loadverdict.format": str(FORMAT).encode()}
    if health is not None:
        metadata[HEALTH_KEY] = json.dumps(asdict(health)).encode()
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def _readings_table(readings: Readings) -> pa.Table:
    columns = [readings.time_s, readings.source, readings.name, readings.labels, readings.value]
    return pa.table(
        [pa.array(c.tolist(), f.type) for c, f in zip(columns, READINGS_SCHEMA, strict=True)],
        schema=READINGS_SCHEMA,
    )


def read_parquet(folder: RunFolder) -> Recorded:
    """Read a run that `finish` has been through."""
    with pq.ParquetFile(folder.samples_parquet) as file:
        metadata = file.schema_arrow.metadata or {}
        collector = Collector()
        for batch in file.iter_batches(BATCH):
            collector.add(Samples.from_table(pa.Table.from_batches([batch])))
    try:
        readings = pq.read_table(folder.readings_parquet)
    except (OSError, pa.ArrowException):
        # Missing or damaged: analysis says that the generator's own health is unknown.
        readings = READINGS_SCHEMA.empty_table()
    health = _health_from(metadata.get(HEALTH_KEY))
    return Recorded(collector.samples(), _readings_from(readings), health, collector.thinned)


def _readings_from(table: pa.Table) -> Readings:
    columns: dict[str, Any] = {}
    for field in READINGS_SCHEMA:
        kind = np.float64 if pa.types.is_floating(field.type) else np.str_
        columns[field.name] = np.array(table.column(field.name).to_pylist(), kind)
    return Readings(**columns)


def _health_from(text: bytes | None) -> LogHealth:
    """The health that `finish` wrote; a run that does not know its health did not end as it should."""
    try:
        value = json.loads(text or b"")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return LogHealth(nodes_without_end=("an unknown process",))
    known: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k in LogHealth.__slots__
    }
    return LogHealth(**known)
