"""Recorder: turns the beginning and the end of every request into Samples in this process's log.

It counts starts as well as ends: whatever was begun and never finished is written as `unfinished` when
the run ends. It knows gevent (its own loop) but neither Locust nor HTTP.

It is in the way of every request, so it does next to nothing for one: a tuple at its start, packed numbers at
its end (`recording.rows`). What surrounds requests is asked for once per `SITUATION_AGE_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gevent
import numpy as np

from recording.clock import Clock
from recording.frames import RUN_START, Kind, LogWriter, encode_table
from recording.names import MOST_ENDPOINTS, Names
from recording.processor import Processor
from recording.rows import ROW_BYTES, SEED, Rows, pack_row, thinned
from recording.sample import UNPLANNED, Samples

FLUSH_INTERVAL_S = 0.08
"""A killed process shall lose at most what finished within 100 ms: this, and 20 ms for a late loop."""

SYNC_INTERVAL_S = 1.0
ANCHOR_INTERVAL_S = 5.0
OPEN_INTERVAL_S = 0.5
OPEN_AGE_S = 0.3
"""Requests in flight for longer than this are listed in the log, so that a killed process still tells what
was waiting: the hung requests of a frozen target are the ones that matter."""

CPU_INTERVAL_S = 1.0
NOT_BUSY: Mapping[str, float] = {"cpu_percent": 0.0}

SITUATION_AGE_S = 0.01
"""Users and stage of a request are this old at most."""

ROWS_PER_FLUSH = 1_600
"""Above so many rows per `FLUSH_INTERVAL_S` successes are thinned: 20,000 requests a second per process."""

ROWS_HELD = 4
"""Batches of `ROWS_PER_FLUSH` held in memory; what comes beyond before a flush is due is written at once."""


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


Pending = tuple[float, str, str, int, int, int, str, float]
"""A request that has begun: monotonic seconds, endpoint, method, account, users, in flight, stage, delay."""


class Recorder:
    """Collects this process's requests and appends them to its log every `FLUSH_INTERVAL_S`."""

    def __init__(
        self,
        log: LogWriter,
        clock: Clock,
        node: str,
        situation: Callable[[], Situation],
        rows_per_flush: int = ROWS_PER_FLUSH,
        run_start_s: float | None = None,
    ) -> None:
        self._log = log
        self._clock = clock
        self._node = node
        self._whose = {"node": node, RUN_START: run_start_s}
        self._situation = situation
        self._open: dict[int, Pending] = {}
        self._epoch_s = clock.epoch(0.0)
        self._budget = rows_per_flush
        self._rows = Rows(ROWS_HELD * rows_per_flush)
        self._chance = np.random.default_rng(SEED)
        self._users, self._stage, self._asked_s = 0, "", float("-inf")
        self._names = Names(MOST_ENDPOINTS)
        self._next_token = 0
        self._unfinished = 0
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
    def finished(self) -> int:
        """Requests that are over."""
        return self._next_token - len(self._open) - self._unfinished

    @property
    def in_flight(self) -> int:
        """Requests begun and not yet finished."""
        return len(self._open)

    @property
    def oldest_s(self) -> float:
        """Seconds that the oldest request in flight has been waiting; 0 without one."""
        oldest = next(iter(self._open.values()), None)
        return time.monotonic() - oldest[0] if oldest else 0.0

    def start(self) -> None:
        """Write the first anchor and begin to flush."""
        self._write_anchor()
        self._greenlet = gevent.spawn(self._flush_forever)

    def begin(self, endpoint: str, method: str, account: int = -1, delay_ms: float = UNPLANNED) -> int:
        """Note that a request is about to be sent, `delay_ms` after it was due; returns the token to finish
        it with."""
        token = self._next_token
        self._next_token = token + 1
        now = time.monotonic()
        if now - self._asked_s > SITUATION_AGE_S:
            self._ask(now)
        open_ = self._open
        endpoint = self._names[endpoint]
        open_[token] = (now, endpoint, method, account, self._users, len(open_), self._stage, delay_ms)
        return token

    def finish(
        self,
        token: int,
        outcome: str,
        status: int = 0,
        code: str = "",
        response_bytes: int = -1,
        traits: int = 0,
    ) -> float:
        """Note that a request is over, `traits` as of `recording.rows`; returns its duration in milliseconds.

        A token that is already finished (or was closed as unfinished) is ignored and gives 0.
        """
        pending = self._open.pop(token, None)
        if pending is None:
            return 0.0
        mono_s, endpoint, method, account, users, in_flight, stage, delay_ms = pending
        duration_ms = (time.monotonic() - mono_s) * 1000
        if outcome != "ok":
            self.failed += 1
        # What `Rows.add` does; a call with so many arguments costs as much as all of it.
        rows = self._rows
        at = rows.count
        pack_row(
            rows.buffer, at * ROW_BYTES, mono_s, duration_ms, delay_ms, response_bytes,
            rows.texts[endpoint, method, outcome, code, stage], users, in_flight, account, 1, status, traits,
        )  # fmt: skip
        rows.count = at + 1
        if rows.count == rows.capacity:
            self._write_rows()
        return duration_ms

    def record(
        self, start_s: float, duration_ms: float, endpoint: str, method: str, outcome: str, status: int
    ) -> None:
        """Add a request that was seen only when it was over (a user class that is not ours)."""
        self._ask(time.monotonic())
        self._next_token += 1
        self.failed += outcome != "ok"
        if self._rows.add(
            start_s - self._epoch_s,
            duration_ms,
            self._names[str(endpoint)],
            str(method),
            status,
            outcome,
            "",
            self._users,
            -1,
            -1,
            self._stage,
            -1,
        ):
            self._write_rows()

    def close(self, reason: str) -> int:
        """Write what is left, unfinished requests and the end mark; returns the number of unfinished."""
        if self._closed:
            return 0
        self._closed = True
        if self._greenlet is not None:
            self._greenlet.kill()
        now = time.monotonic()
        self._write_rows()
        self._log.shrink_reserve()
        self._write_open(Kind.SAMPLES, now)
        self._log.give_up_reserve()
        unfinished = self._unfinished = len(self._open)
        self._open.clear()
        self._write_heartbeat(0.0, NOT_BUSY)
        self._write_anchor()
        totals = {"started": self.started, "finished": self.finished, "unfinished": unfinished}
        lost = {"dropped": self.dropped, "failure": self._log.failure}
        self._log.append_json(Kind.END, {"reason": reason, "mono_s": now, **totals, **lost})
        self._log.close()
        return unfinished

    def _ask(self, now: float) -> None:
        situation = self._situation()
        self._users, self._stage, self._asked_s = situation.users_running, situation.stage, now

    def _flush_forever(self) -> None:
        next_sync = next_anchor = next_cpu = next_open = time.monotonic()
        due = time.monotonic() + FLUSH_INTERVAL_S
        processor, busy = Processor(), NOT_BUSY
        while True:
            gevent.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            lag_ms = max(0.0, now - due) * 1000
            due = now + FLUSH_INTERVAL_S
            if now >= next_cpu + CPU_INTERVAL_S:
                busy, next_cpu = processor.look(), now
            self._write_rows()
            self._write_heartbeat(lag_ms, busy)
            if now >= next_open + OPEN_INTERVAL_S:
                self._write_open(Kind.OPEN, now, OPEN_AGE_S)
                next_open = now
            if now >= next_anchor + ANCHOR_INTERVAL_S:
                self._write_anchor()
                next_anchor = now
            if now >= next_sync + SYNC_INTERVAL_S:
                # A real thread: fdatasync may take milliseconds, and gevent cannot switch meanwhile.
                gevent.get_hub().threadpool.spawn(self._log.sync)
                next_sync = now

    def _write_rows(self) -> None:
        count = self._rows.count
        if count > self._budget:
            samples = self._rows.take(self._node, self._epoch_s)
            kept = thinned(samples, self._budget, self._chance, OPEN_AGE_S * 1000)
            self._write_samples(Kind.SAMPLES, kept)
        elif count and not self._log.append(Kind.ROWS, self._rows.packed(self._node, self._epoch_s)):
            self.dropped += count

    def _write_open(self, kind: Kind, now: float, older_than_s: float = 0.0) -> None:
        """Requests in flight, as they would be written if the run ended now."""
        waiting = [pending for pending in self._open.values() if now - pending[0] >= older_than_s]
        if not waiting:
            return
        rows = Rows(len(waiting))
        for mono_s, endpoint, method, account, users, in_flight, stage, delay_ms in waiting:
            rows.add(
                mono_s, (now - mono_s) * 1000, endpoint, method, 0, "unfinished", "",
                users, in_flight, account, stage, -1, delay_ms,
            )  # fmt: skip
        self._write_samples(kind, rows.take(self._node, self._epoch_s))

    def _write_samples(self, kind: Kind, samples: Samples) -> None:
        if not self._log.append(kind, encode_table(samples.to_table())) and kind is Kind.SAMPLES:
            self.dropped += int(samples.weight.sum())

    def _write_heartbeat(self, lag_ms: float, busy: Mapping[str, float]) -> None:
        now = time.monotonic()
        situation = self._situation()
        self._log.append_json(
            Kind.HEARTBEAT,
            {
                "time_s": round(self._clock.epoch(now), 4),
                "in_flight": len(self._open),
                "oldest_s": round(self.oldest_s, 4),
                "users_wanted": situation.users_wanted,
                "users_running": situation.users_running,
                "loop_lag_ms": round(lag_ms, 3),
                **busy,
                "started": self.started,
                "finished": self.finished,
                "failed": self.failed,
                "dropped_rows": self.dropped,
                "names_folded": self._names.folded,
                **self.figures(),
            },
        )

    def _write_anchor(self) -> None:
        clocks = {"wall_s": time.time(), "mono_s": time.monotonic(), "epoch_s": self._clock.now()}
        self._log.append_json(Kind.ANCHOR, {**clocks, **self._whose})
