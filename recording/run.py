"""Run: everything that was recorded of one test, as analysis reads it, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.sample import Samples
from recording.tally import RowsChanged

LACKS = (
    "users",
    "endpoint",
    "message",
    "unfinished",
    "readings",
    "sub_second_time",
    "failed_requests",
    "status",
    "request_times",
    "durations",
    "time_unit",
)
"""What a source may be unable to tell:

    users            active users; load is derived from requests in flight
    endpoint         which endpoint a request went to
    message          what the body of a failed answer said
    unfinished       requests without an answer when the run ended
    readings         health of the load generator
    sub_second_time  starts are whole seconds
    failed_requests  requests without an answer have no row, so there is no error rate
    status           which status or error a failed request had
    request_times    when each request was sent: the file holds sums; neither load nor bursts can be judged
    durations        how long single requests took: no percentiles
    time_unit        whether stamps are seconds or a smaller unit; comes with request_times
"""


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """One failed request kept as an example (at most a few per status, outcome and code).

    Attributes:
        time_s: epoch seconds of the send.
        status: HTTP status, 0 without an answer.
        outcome: see `recording.outcomes.OUTCOMES`.
        code: short failure code, as in the Sample.
        message: the error text of the answer, or of the exception, on one line.
        content_type: of the answer, "" if there was none.
        headers: the few headers that matter to a client (Retry-After, Content-Type, Server).
        body: beginning of the body, scrubbed, at most 2 kB.
        endpoint: name of the request.
    """

    time_s: float
    status: int
    outcome: str
    code: str
    message: str
    endpoint: str
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Readings:
    """What was measured beside the requests: the generator's own figures and the target's metrics.

    Arrays of one length: `time_s` epoch seconds, `value`; and lists of `source` ("generator", "target"),
    `name` (with unit, such as "cpu_percent", "loop_lag_ms", "in_flight", "users_wanted", "users_running"),
    `labels` (for generator readings the node; for the target's the probe, the phase or the region). Names of
    the target's readings: `recording.probes.signals`.
    """

    time_s: NDArray[np.float64]
    source: NDArray[np.str_]
    name: NDArray[np.str_]
    labels: NDArray[np.str_]
    value: NDArray[np.float64]

    def series(self, source: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and values of one reading over all labels, in order of time."""
        rows = (self.source == source) & (self.name == name)
        order = np.argsort(self.time_s[rows], kind="stable")
        return self.time_s[rows][order], self.value[rows][order]

    def last_of_all(self, name: str) -> int | None:
        """What a figure that only grows came to, all load generating processes together; None without any."""
        rows = (self.source == "generator") & (self.name == name) & np.isfinite(self.value)
        nodes = np.unique(self.labels[rows])
        if not len(nodes):
            return None
        return int(sum(self.value[rows & (self.labels == node)].max() for node in nodes))

    def of_node(self, node: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and finite values of one reading of one load generating process, in order of time."""
        rows = (self.source == "generator") & (self.name == name) & (self.labels == node)
        rows &= np.isfinite(self.value)
        order = np.argsort(self.time_s[rows], kind="stable")
        return self.time_s[rows][order], self.value[rows][order]


@dataclass(frozen=True, slots=True)
class LogHealth:
    """What the reader found out about the logs themselves.

    Attributes:
        nodes: load generating processes that wrote a log.
        nodes_without_end: those whose log has no end mark (killed, or still running).
        bad_frames: frames skipped because their checksum or length was wrong.
        missing_frames: gaps in the frame numbers.
        dropped_rows: samples that the recorder itself had to drop (and counted).
        write_failures: why frames could not be written, in the system's words.
        unfinished: requests started and not answered when the run ended.
        torn: nodes whose log breaks off within a frame (each is one of `bad_frames`): damaged, or being
            written right now.
        clock_step_s: by how much a node's wall clock moved against its monotonic clock, at most; times of
            samples do not follow it.
        names_folded: requests whose names were too many to tell apart: their endpoint is `other`.
        repeated_frames: frames that were there more than once (a log copied, or appended to one); each counts
            once.
        repeated_requests: finished requests that were left out with them.
        strangers: files with frames of another run, which were left out.
        stranger_requests: finished requests that were left out with them.
        contested: nodes of which there are two different logs, where nothing tells which is of this run: one
            was taken by its file's name or its place in the file, the others are among `strangers`.
        rows_changed: processes of which samples.parquet holds other requests than were written into it.
        other_run: whether samples.parquet was made of another run than the manifest's.
    """

    nodes: tuple[str, ...] = ()
    nodes_without_end: tuple[str, ...] = ()
    bad_frames: int = 0
    missing_frames: int = 0
    dropped_rows: int = 0
    unfinished: int = 0
    torn: tuple[str, ...] = ()
    clock_step_s: float = 0.0
    names_folded: int = 0
    repeated_frames: int = 0
    repeated_requests: int = 0
    strangers: tuple[str, ...] = ()
    stranger_requests: int = 0
    contested: tuple[str, ...] = ()
    rows_changed: tuple[RowsChanged, ...] = ()
    other_run: bool = False
    write_failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thinned:
    """A run too long to keep every row of it: some rows stand for several requests; see `recording.collect`.

    Sums over whole stretches of time (and endpoint, status, outcome, code, users, node) are exact.

    Attributes:
        origin_s: where the first stretch begins, epoch seconds.
        grid_s: seconds per stretch.
        rows: rows that the source holds.
    """

    origin_s: float
    grid_s: float
    rows: int


@dataclass(frozen=True, slots=True)
class Run:
    """One test as analysis sees it.

    Attributes:
        id: run folder name, or the file's name.
        source: format it was read from: "run_folder", "case_csv", ...
        samples: every request.
        lacks: what this source cannot tell, words of `LACKS`.
        readings: figures beside the requests, if any.
        manifest: the run folder's manifest as a plain mapping; empty for foreign files.
        scenario: the resolved scenario as a plain mapping; empty for foreign files.
        events: rows of events.jsonl: {"time_s", "kind", ...}. Kinds: "stage", "node_joined", "node_lost",
            "node_refused", "interrupted", "fault", "note".
        examples: failed requests kept as examples.
        health: what is known about the logs' completeness; None for foreign files.
        bad_lines: lines of a foreign file that could not be read and were left out.
        length_s: seconds from start to end, where a file of sums tells that and its rows do not.
        thinned: how rows were thinned where the source holds too many; None: all are there.
        ordered: the samples are as `recording.order.in_order` leaves them, and need not be sorted again.
        scenario_changed: the scenario is not the one that the run was made with, or is gone.
    """

    id: str
    source: str
    samples: Samples
    lacks: frozenset[str] = frozenset()
    readings: Readings | None = None
    manifest: dict[str, Any] = field(default_factory=dict)
    scenario: dict[str, Any] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    examples: tuple[ErrorExample, ...] = ()
    health: LogHealth | None = None
    bad_lines: int = 0
    length_s: float | None = None
    thinned: Thinned | None = None
    ordered: bool = False
    scenario_changed: bool = False
