"""Logs: the processes' logs of a run read together, and turned into Parquet once the run is over."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter

from recording.collect import Collector
from recording.folder import FORMAT, RunFolder, replacing
from recording.frames import OF_A_BEAT, Frame, Kind, Scan
from recording.probes.readings_file import READINGS_SCHEMA, read_readings
from recording.processes import Process, agree, table_of
from recording.run import LogHealth, Readings, Thinned
from recording.sample import SCHEMA, Samples, whole
from recording.sorted_logs import Sorted, sorted_out
from recording.tally import Written, read_written, rows_changed, tally

MOST_USERS = 1 << 24
"""Per process: more can only be damage."""

BATCH = 1 << 19
"""Rows that are read from a Parquet file at a time."""

Beats = Sequence[Mapping[str, Any]]
"""Heartbeats of one log, in order."""

HEALTH_KEY = b"loadverdict.health"
"""Key of the Parquet metadata that holds the logs' health as JSON."""

WRITTEN_KEY = b"loadverdict.written"
"""Key of the Parquet metadata that holds, as JSON, what was written into the file; older files lack it."""


_HEALTH = TypeAdapter(LogHealth)

OF_AN_ANCHOR = ("wall_s", "mono_s")
"""Figures that each anchor must have."""

GENERATOR_READINGS = (
    "in_flight",
    "oldest_s",
    "users_wanted",
    "users_running",
    "loop_lag_ms",
    "cpu_percent",
    "cpu_wait_percent",
    "started",
    "finished",
    "failed",
    "arrivals_due",
    "arrivals_sent",
    "arrivals_skipped",
    "arrivals_late",
    "turns_begun",
    "turns_broken",
    "attempts_backed_off",
)
"""Figures of a heartbeat that become readings of source `generator`, labelled with the node."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the logs of one run hold."""

    samples: Samples
    readings: Readings
    health: LogHealth
    thinned: Thinned | None = None


@dataclass(frozen=True, slots=True)
class _Log:
    """One process's log.

    Attributes:
        node: the process.
        scan: its frames, and what was wrong with them.
        finished: frames with finished requests, and those.
        beats: its heartbeats.
        end: its end mark; None without one.
        left: see `_left_open`.
        clock_step_s: how far the wall clock was set during the run.
    """

    node: str
    scan: Scan
    finished: Sequence[tuple[Frame, pa.Table]]
    beats: Beats
    end: Mapping[str, Any] | None
    left: pa.Table
    clock_step_s: float

    @classmethod
    def of(cls, process: Process) -> _Log:
        """What the frames of one process tell. Damage is counted, never raised."""
        one = process.scan()
        finished = [(frame, table) for frame, table in process.entries if table is not None]
        ends = [end for frame in one.of(Kind.END) if (end := _figures(one, frame, ())) is not None]
        beats = [beat for frame in one.of(Kind.HEARTBEAT) if (beat := _figures(one, frame, OF_A_BEAT))]
        end = ends[-1] if ends else None
        left = SCHEMA.empty_table() if ends else _left_open(one, finished)
        return cls(process.node, one, finished, beats, end, left, _clock_step_s(one))


def read_logs(folder: RunFolder) -> Recorded:
    """Read every log of a run. Damage is counted, never raised.

    Raises:
        UsageError: a log cannot be read at all, or a later version has written the manifest.
    """
    found = sorted_out(_paths(folder), folder.manifest())
    logs = [_Log.of(process) for process in found.processes]
    samples = _samples([*(rows for log in logs for _, rows in log.finished), *(log.left for log in logs)])
    if len(logs) > 1:
        samples = replace(samples, users=_total_users(samples.start_s, [log.beats for log in logs]))
    readings = _joined(_readings(logs), _readings_from(read_readings(folder.target_readings)))
    return Recorded(samples, readings, _health(logs, found))


def _paths(folder: RunFolder) -> list[Path]:
    return sorted(folder.samples_dir.glob("*.log"))


def _samples(tables: Sequence[pa.Table]) -> Samples:
    if not tables:
        return Samples.empty()
    samples = Samples.from_table(pa.concat_tables(tables))
    return samples.take(np.argsort(samples.start_s, kind="stable"))


def _figures(one: Scan, frame: Frame, needed: Iterable[str]) -> Mapping[str, float] | None:
    """The finite numbers of a frame; None, and counted, for one that holds something else."""
    try:
        return frame.figures(needed)
    except ValueError:
        one.bad_frames += 1
        return None


def _left_open(one: Scan, found: Sequence[tuple[Frame, pa.Table]]) -> pa.Table:
    """Requests of a process without an end mark that its log last listed as in flight, and never as over.

    With an end mark they are among the samples already. A start time names a request within one process.
    """
    lists = one.of(Kind.OPEN)
    if not lists:
        return SCHEMA.empty_table()
    table = table_of(lists[-1])
    if table is None:
        one.bad_frames += 1
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
        users = np.clip([beat.get("users_running", 0) for beat in beats], 0, MOST_USERS).astype(np.int32)
        # A heartbeat tells the users of the interval that ends with it; after the last one (plus the
        # interval in which the process may have died) there is nobody left.
        steps = np.append(users, 0)
        ends = np.append(times[:-1], times[-1] + 0.2)
        total += steps[np.searchsorted(ends, time_s, side="left")]
    return total


def _readings(logs: Sequence[_Log]) -> Readings:
    rows: list[tuple[float, str, float, str]] = []
    for log in logs:
        for beat in log.beats:
            known = [name for name in GENERATOR_READINGS if name in beat]
            rows += [(beat["time_s"], name, beat[name], log.node) for name in known]
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


def _health(logs: Sequence[_Log], found: Sorted) -> LogHealth:
    return LogHealth(
        nodes=tuple(log.node for log in logs),
        nodes_without_end=tuple(log.node for log in logs if log.end is None),
        bad_frames=sum(log.scan.bad_frames for log in logs),
        missing_frames=sum(log.scan.missing_frames for log in logs),
        dropped_rows=_last_beats(logs, "dropped_rows"),
        unfinished=sum(
            log.left.num_rows if log.end is None else int(log.end.get("unfinished", 0)) for log in logs
        ),
        torn=tuple(log.node for log in logs if log.scan.torn),
        clock_step_s=max((log.clock_step_s for log in logs), key=abs, default=0.0),
        names_folded=_last_beats(logs, "names_folded"),
        repeated_frames=found.repeated_frames,
        repeated_requests=found.repeated_requests,
        strangers=found.strangers,
        stranger_requests=found.stranger_requests,
        contested=found.contested,
        write_failures=_write_failures(logs),
    )


def _last_beats(logs: Sequence[_Log], name: str) -> int:
    """The sum over all processes of a figure that counts up, as each told it last."""
    return sum(int(log.beats[-1].get(name, 0)) for log in logs if log.beats)


def _write_failures(logs: Sequence[_Log]) -> tuple[str, ...]:
    """Why frames could not be written, as the end marks tell it; older logs do not."""
    told = {int(log.end.get("failure", 0)) for log in logs if log.end is not None}
    return tuple(os.strerror(number) for number in sorted(told) if number in errno.errorcode)


def _clock_step_s(one: Scan) -> float:
    """The largest distance of the wall clock from where the first anchor and the monotonic clock put it."""
    anchors = [_figures(one, frame, OF_AN_ANCHOR) for frame in one.of(Kind.ANCHOR)]
    apart = [anchor["wall_s"] - anchor["mono_s"] for anchor in anchors if anchor is not None]
    return max((now - apart[0] for now in apart), key=abs, default=0.0)


def finish(folder: RunFolder) -> Recorded:
    """Turn a finished run's logs into Parquet.

    The logs of a run that is complete and undamaged are removed once the Parquet files are on the disk;
    all others are kept, since they say more: also where one is there twice, or of another run.
    """
    paths = _paths(folder)
    recorded = read_logs(folder)
    for left in folder.samples_dir.glob("*.reserve"):  # of a process that was killed
        left.unlink()
    # Readings first, and the health inside the samples' own file: whoever finds that file has the rest.
    _write_parquet(folder.readings_parquet, _readings_table(recorded.readings), {})
    health = recorded.health
    written = Written(tally(recorded.samples), folder.manifest().get("start_s"))
    told = {HEALTH_KEY: json.dumps(asdict(health)), WRITTEN_KEY: json.dumps(asdict(written))}
    _write_parquet(folder.samples_parquet, recorded.samples.to_table(), told)
    damaged = health.bad_frames or health.missing_frames or health.nodes_without_end
    if not (damaged or health.repeated_frames or health.strangers):
        for path in paths:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            folder.target_readings.unlink(missing_ok=True)
            folder.readings_dir.rmdir()
    return recorded


def _write_parquet(path: Path, table: pa.Table, told: Mapping[bytes, str]) -> None:
    metadata = {b"loadverdict.format": str(FORMAT), **told}
    with replacing(path) as temporary:
        # Without checksums a flipped bit in a page is another number, and nobody knows.
        pq.write_table(
            table.replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            write_page_checksum=True,
        )


def _readings_table(readings: Readings) -> pa.Table:
    columns = [readings.time_s, readings.source, readings.name, readings.labels, readings.value]
    return pa.table(
        [pa.array(c.tolist(), f.type) for c, f in zip(columns, READINGS_SCHEMA, strict=True)],
        schema=READINGS_SCHEMA,
    )


def read_parquet(folder: RunFolder) -> Recorded:
    """Read a run that `finish` has been through."""
    with pq.ParquetFile(_a_file(folder.samples_parquet), page_checksum_verification=True) as file:
        metadata = file.schema_arrow.metadata or {}
        collector = Collector()
        for batch in file.iter_batches(BATCH):
            collector.add(Samples.from_table(whole(pa.Table.from_batches([batch]))))
    try:
        path = _a_file(folder.readings_parquet)
        readings = _readings_from(pq.read_table(path, page_checksum_verification=True))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        # Missing or damaged: analysis says that the generator's own health is unknown.
        readings = _readings_from(READINGS_SCHEMA.empty_table())
    samples = collector.samples()
    health = _compared(_health_from(metadata.get(HEALTH_KEY)), metadata.get(WRITTEN_KEY), samples, folder)
    return Recorded(samples, readings, health, collector.thinned)


def _compared(health: LogHealth, text: bytes | None, samples: Samples, folder: RunFolder) -> LogHealth:
    """The health, with how the rows differ from those that `finish` wrote; older files do not tell."""
    if text is None:
        return health
    written = read_written(text)
    return replace(
        health,
        rows_changed=rows_changed(written.requests, tally(samples)),
        other_run=not agree(written.run_start_s, folder.manifest().get("start_s")),
    )


def _a_file(path: Path) -> Path:
    """The path of a file; OSError for anything else: a pipe would wait for ever."""
    if not path.is_file():
        raise OSError(0, "not a file")
    return path


def _readings_from(table: pa.Table) -> Readings:
    columns: dict[str, Any] = {}
    for field in READINGS_SCHEMA:
        kind = np.float64 if pa.types.is_floating(field.type) else np.str_
        columns[field.name] = np.array(table.column(field.name).to_pylist(), kind)
    return Readings(**columns)


def _health_from(text: bytes | None) -> LogHealth:
    """The health that `finish` wrote; a run that does not know its health did not end as it should."""
    try:
        return _HEALTH.validate_json(text or b"")
    except ValueError:
        return LogHealth(nodes_without_end=("an unknown process",))
