"""Recorder: turns the beginning and the end of every request into Samples in this process's log.

It counts starts as well as ends: whatever was begun and never finished is written as `unfinished` when
the run ends. It knows gevent (its own loop) but neither Locust nor HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import numpy as np
import pyarrow as pa

from recording.clock import Clock
from recording.frames import Kind, LogWriter, encode_table
from recording.sample import SCHEMA, UNPLANNED, Category, Samples

FLUSH_INTERVAL_S = 0.1
"""A killed process loses at most what finished within this time."""

SYNC_INTERVAL_S = 1.0
ANCHOR_INTERVAL_S = 5.0
OPEN_INTERVAL_S = 0.5
OPEN_AGE_S = 0.3
"""Requests in flight for longer than this are listed in the log, so that a killed process still tells what
was waiting: the hung requests of a frozen target are the ones that matter."""

CPU_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What surrounds a request at its start, asked from whoever drives the load.

    Attributes:
        users_wanted: users this node was told to run.
        users_running: users this node runs.
        stage: name of the stage of load.
    """

    users_wanted: int
    users_running: int
    stage: str


@dataclass(slots=True)
class Pending:
    """A request that has begun."""

    mono_s: float
    endpoint: str
    method: str
    account: int
    users: int
    in_flight: int
    stage: str
    delay_ms: float = UNPLANNED


class Recorder:
    """Collects this process's requests and appends them to its log ten times a second."""

    def __init__(self, log: LogWriter, clock: Clock, node: str, situation: Callable[[], Situation]) -> None:
        self._log = log
        self._clock = clock
        self._node = node
        self._situation = situation
        self._open: dict[int, Pending] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._next_token = 0
        self.finished = 0
        self.failed = 0
        self.dropped = 0
        self._closed = False
        self.figures: Callable[[], dict[str, float]] = dict
        """More figures for the heartbeat, from whoever drives the load."""
        self._greenlet: gevent.Greenlet | None = None

    @property
    def started(self) -> int:
        """Requests begun so far."""
        return self._next_token

    @property
    def in_flight(self) -> int:
        """Requests begun and not yet finished."""
        return len(self._open)

    def start(self) -> None:
        """Write the first anchor and begin to flush."""
        self._write_anchor()
        self._greenlet = gevent.spawn(self._flush_forever)

    def begin(self, endpoint: str, method: str, account: int = -1, delay_ms: float = UNPLANNED) -> int:
        """Note that a request is about to be sent, `delay_ms` after it was due; returns the token to finish
        it with."""
        token = self._next_token
        self._next_token += 1
        now = self._situation()
        self._open[token] = Pending(
            time.monotonic(),
            endpoint,
            method,
            account,
            now.users_running,
            len(self._open),
            now.stage,
            delay_ms,
        )
        return token

    def finish(
        self, token: int, outcome: str, status: int = 0, code: str = "", response_bytes: int = -1
    ) -> float:
        """Note that a request is over; returns its duration in milliseconds.

        A token that is already finished (or was closed as unfinished) is ignored and gives 0.
        """
        pending = self._open.pop(token, None)
        if pending is None:
            return 0.0
        duration_ms = (time.monotonic() - pending.mono_s) * 1000
        self._add(pending, duration_ms, status, outcome, code, response_bytes)
        self.finished += 1
        self.failed += outcome != "ok"
        return duration_ms

    def record(
        self, start_s: float, duration_ms: float, endpoint: str, method: str, outcome: str, status: int
    ) -> None:
        """Add a request that was seen only when it was over (a user class that is not ours)."""
        now = self._situation()
        pending = Pending(0.0, endpoint, method, -1, now.users_running, -1, now.stage)
        self._add(pending, duration_ms, status, outcome, "", -1, start_s=start_s)
        self._next_token += 1
        self.finished += 1
        self.failed += outcome != "ok"

    def close(self, reason: str) -> int:
        """Write what is left, unfinished requests and the end mark; returns the number of unfinished."""
        if self._closed:
            return 0
        self._closed = True
        if self._greenlet is not None:
            self._greenlet.kill()
        now = time.monotonic()
        unfinished = len(self._open)
        self._rows += self._open_rows(now)
        self._open.clear()
        self._write_heartbeat(0.0, 0.0)
        self._write_rows()
        totals = {"started": self.started, "finished": self.finished, "unfinished": unfinished}
        end = {"reason": reason, "mono_s": now, **totals, "dropped": self.dropped}
        self._log.append_json(Kind.END, end)
        self._log.close()
        return unfinished

    def _add(
        self,
        pending: Pending,
        duration_ms: float,
        status: int,
        outcome: str,
        code: str,
        response_bytes: int,
        start_s: float | None = None,
    ) -> None:
        start = self._clock.epoch(pending.mono_s) if start_s is None else start_s
        self._rows.append(self._row(pending, start, duration_ms, status, outcome, code, response_bytes))

    def _row(
        self,
        pending: Pending,
        start_s: float,
        duration_ms: float,
        status: int,
        outcome: str,
        code: str,
        response_bytes: int,
    ) -> tuple[Any, ...]:
        """One row in the order of SCHEMA."""
        request = (start_s, duration_ms, pending.endpoint, pending.method)
        answer = (status, outcome, code)
        around = (pending.users, pending.in_flight, pending.account, self._node, pending.stage)
        return (*request, *answer, *around, response_bytes, 1, pending.delay_ms)

    def _open_rows(self, now: float, older_than_s: float = 0.0) -> list[tuple[Any, ...]]:
        """Requests in flight, as they would be written if the run ended now."""
        return [
            self._row(p, self._clock.epoch(p.mono_s), (now - p.mono_s) * 1000, 0, "unfinished", "", -1)
            for p in self._open.values()
            if now - p.mono_s >= older_than_s
        ]

    def _flush_forever(self) -> None:
        next_sync = next_anchor = next_cpu = next_open = time.monotonic()
        due = time.monotonic() + FLUSH_INTERVAL_S
        cpu_from, cpu_at, cpu_percent = time.process_time(), time.monotonic(), 0.0
        while True:
            gevent.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            lag_ms = max(0.0, now - due) * 1000
            due = now + FLUSH_INTERVAL_S
            if now >= next_cpu + CPU_INTERVAL_S:
                used = time.process_time()
                cpu_percent = 100 * (used - cpu_from) / (now - cpu_at)
                cpu_from, cpu_at, next_cpu = used, now, now
            self._write_rows()
            self._write_heartbeat(lag_ms, cpu_percent)
            if now >= next_open + OPEN_INTERVAL_S:
                self._write_open(now)
                next_open = now
            if now >= next_anchor + ANCHOR_INTERVAL_S:
                self._write_anchor()
                next_anchor = now
            if now >= next_sync + SYNC_INTERVAL_S:
                # A real thread: fdatasync may take milliseconds, and gevent cannot switch meanwhile.
                gevent.get_hub().threadpool.spawn(self._log.sync)
                next_sync = now

    def _write_rows(self) -> None:
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        if not self._log.append(Kind.SAMPLES, encode_table(_table(rows))):
            self.dropped += len(rows)

    def _write_open(self, now: float) -> None:
        rows = self._open_rows(now, OPEN_AGE_S)
        if rows:
            self._log.append(Kind.OPEN, encode_table(_table(rows)))

    def _write_heartbeat(self, lag_ms: float, cpu_percent: float) -> None:
        now = time.monotonic()
        situation = self._situation()
        oldest = next(iter(self._open.values()), None)
        self._log.append_json(
            Kind.HEARTBEAT,
            {
                "time_s": round(self._clock.epoch(now), 4),
                "in_flight": len(self._open),
                "oldest_s": round(now - oldest.mono_s, 4) if oldest else 0.0,
                "users_wanted": situation.users_wanted,
                "users_running": situation.users_running,
                "loop_lag_ms": round(lag_ms, 3),
                "cpu_percent": round(cpu_percent, 1),
                "started": self.started,
                "finished": self.finished,
                "failed": self.failed,
                "dropped_rows": self.dropped,
                **self.figures(),
            },
        )

    def _write_anchor(self) -> None:
        self._log.append_json(
            Kind.ANCHOR, {"wall_s": time.time(), "mono_s": time.monotonic(), "epoch_s": self._clock.now()}
        )


def _table(rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows in the order of SCHEMA as a table."""
    columns: dict[str, Any] = {}
    for field, values in zip(SCHEMA, zip(*rows, strict=True), strict=True):
        if pa.types.is_dictionary(field.type):
            columns[field.name] = Category.of(list(values))
        else:
            columns[field.name] = np.asarray(values, field.type.to_pandas_dtype())
    return Samples(**columns).to_table()
