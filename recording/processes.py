"""Processes: whose frames the logs of a run hold, whatever the files are called, and however often.

A process numbers its frames, so one number of one process is one frame: what is there again is left out.
Files that were copied, joined or swapped give the same processes; a log of another run is told apart.

A file is cut into pieces whose numbers grow. Two pieces are of one process if frames of a number that both
have are the same, byte for byte, or if they have none in common and name the same node. Pieces that name the
same node and differ there are of two processes. Anchors name node and run, except in older logs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from recording.frames import FINISHED, RUN_START, Frame, Kind, Scan, log_bytes, scan
from recording.json_values import is_number

Entry = tuple[Frame, pa.Table | None]
"""A frame, and its requests where it holds finished ones and can be read."""

MOST_CLAIMS = 256
"""Processes that a piece is compared with: more that it may belong to can only be made up."""

SLACK_S = 60.0
"""A log without the run's name is of another run if it lies outside of this one by more."""


@dataclass(slots=True)
class _Piece:
    """Frames of one file whose numbers grow.

    Attributes:
        stem: the file's name, without `.log`.
        node: the process, as its frames tell; None if they do not.
        run_start_s: of its run, as its frames tell.
    """

    stem: str
    node: str | None = None
    run_start_s: float | None = None
    entries: list[Entry] = field(default_factory=list)

    def goes_on(self, number: int, node: str | None, run_start_s: float | None) -> bool:
        """Whether a frame that tells this may be the next one."""
        grows = not self.entries or number > self.entries[-1][0].sequence
        return grows and _agree(self.node, node) and _agree(self.run_start_s, run_start_s)

    def add(self, entry: Entry, node: str | None, run_start_s: float | None) -> None:
        """Add a frame, and what it tells."""
        self.entries.append(entry)
        self.node = self.node if node is None else node
        self.run_start_s = self.run_start_s if run_start_s is None else run_start_s


@dataclass(slots=True)
class Process:
    """One load generating process, as far as the logs tell.

    Attributes:
        stems: names of the files that hold its frames, without `.log`.
        told: its node, as its frames tell; None if they do not.
        run_start_s: of its run, as its frames tell.
        entries: its frames in order, each once.
        pieces: stretches of files that they came from.
        bad_frames: damaged stretches of its files.
        torn: whether a file of it ends within a frame.
    """

    stems: list[str]
    told: str | None = None
    run_start_s: float | None = None
    entries: list[Entry] = field(default_factory=list)
    pieces: int = 0
    bad_frames: int = 0
    torn: bool = False
    _known: dict[int, Entry] | None = None

    @property
    def node(self) -> str:
        """Its name: what its frames tell, or that of the file."""
        return self.told or min(self.stems, key=lambda stem: (len(stem), stem))

    @property
    def missing_frames(self) -> int:
        """Numbers that never came."""
        return self.entries[-1][0].sequence + 1 - len(self.entries) if self.entries else 0

    @property
    def is_whole_again(self) -> bool:
        """Whether every frame up to its end mark is there, out of several pieces: no damage cost anything."""
        ended = bool(self.entries) and self.entries[-1][0].kind is Kind.END
        return ended and self.pieces > 1 and not self.missing_frames

    @property
    def requests(self) -> int:
        """Requests that its frames hold."""
        return _requests(self.entries)

    def scan(self) -> Scan:
        """Its frames as those of one log."""
        unread = sum(table is None for frame, table in self.entries if frame.kind in FINISHED)
        frames = [frame for frame, _ in self.entries]
        return Scan(frames, self.bad_frames + unread, self.missing_frames, torn=self.torn)

    def shares(self, piece: _Piece) -> bool | None:
        """Whether a piece holds frames of this process; None if they have no number in common.

        A heartbeat tells nothing: two idle processes may write the same one. Requests tell most.
        """
        known, told = self._by_number(), None
        for frame, _ in piece.entries:
            own = known.get(frame.sequence)
            if own is None or Kind.HEARTBEAT in (frame.kind, own[0].kind):
                continue
            told = own[0] == frame
            if not told or frame.kind in FINISHED:
                return told
        return told

    def take(self, piece: _Piece) -> list[Entry]:
        """Add what is new of a piece; the rest is given back."""
        self.told = self.told or piece.node
        self.run_start_s = piece.run_start_s if self.run_start_s is None else self.run_start_s
        self.pieces += 1
        if piece.stem not in self.stems:
            self.stems.append(piece.stem)
        if not self.entries:
            self.entries = piece.entries
            return []
        known = self._by_number()
        new = [entry for entry in piece.entries if entry[0].sequence not in known]
        again = [entry for entry in piece.entries if entry[0].sequence in known]
        known.update((entry[0].sequence, entry) for entry in new)
        self.entries = [known[number] for number in sorted(known)] if new else self.entries
        return again

    def _by_number(self) -> dict[int, Entry]:
        if self._known is None:
            self._known = {entry[0].sequence: entry for entry in self.entries}
        return self._known


@dataclass(slots=True)
class Sorted:
    """The logs of a run, sorted out.

    Attributes:
        processes: those of this run, by name.
        repeated_frames: frames that were there already, and were left out.
        repeated_requests: finished requests in those.
        strangers: names of the files that hold frames of other runs, which were left out.
        stranger_requests: finished requests in those.
        contested: nodes that several processes claim to be, where nothing tells which is of this run.
    """

    processes: list[Process] = field(default_factory=list)
    repeated_frames: int = 0
    repeated_requests: int = 0
    strangers: tuple[str, ...] = ()
    stranger_requests: int = 0
    contested: tuple[str, ...] = ()


def sorted_out(paths: Iterable[Path], manifest: Mapping[str, Any]) -> Sorted:
    """Read logs and find out whose frames they hold. Damage is counted, never raised.

    Raises:
        UsageError: a log cannot be read at all.
    """
    found = Sorted()
    files: list[tuple[Scan, list[Process]]] = []
    empty: list[tuple[Scan, Process]] = []
    for path in paths:
        one = scan(log_bytes(path))
        owners: list[Process] = []
        for piece in _pieces(path.stem, one):
            process = _owner(found.processes, owners[-1] if owners else None, piece)
            again = process.take(piece)
            found.repeated_frames += len(again)
            found.repeated_requests += _requests(again)
            owners.append(process)
        one.frames = []  # or those that were left out would stay in memory
        if owners:
            files.append((one, owners))
        else:
            empty.append((one, Process([path.stem])))
    for one, process in empty:
        same = [known for known in found.processes if known.node == process.node]
        if not same:
            found.processes.append(process)
        files.append((one, same[:1] or [process]))
    for one, owners in files:
        if not all(process.is_whole_again for process in owners):
            owners[-1].bad_frames += one.bad_frames
            owners[-1].torn |= one.torn
    _leave_out_strangers(found, manifest)
    return found


def _pieces(stem: str, one: Scan) -> list[_Piece]:
    pieces = [_Piece(stem)]
    for frame in one.frames:
        table = _table(frame) if frame.kind in FINISHED else None
        node, run_start_s = _told(frame, table)
        if not pieces[-1].goes_on(frame.sequence, node, run_start_s):
            pieces.append(_Piece(stem))
        pieces[-1].add((frame, table), node, run_start_s)
    return [piece for piece in pieces if piece.entries]


def _table(frame: Frame) -> pa.Table | None:
    """The requests of a frame; None for an intact one that holds something else: it counts as damaged."""
    try:
        return frame.table()
    except ValueError:
        return None


def _told(frame: Frame, table: pa.Table | None) -> tuple[str | None, float | None]:
    """Node and start of the run that a frame is of, as far as it tells."""
    if table is not None:
        column = table.column("node")
        names = column.chunk(0).dictionary if column.num_chunks == 1 else None
        return (names[0].as_py() if names is not None and len(names) == 1 else None), None
    if frame.kind is not Kind.ANCHOR:
        return None, None
    try:
        value = frame.json()
    except ValueError:
        return None, None
    node, start_s = value.get("node"), value.get(RUN_START)
    return (node if isinstance(node, str) and node else None), (start_s if is_number(start_s) else None)


def _agree(one: object, other: object) -> bool:
    """Whether both may be the same: one that is not told may be anything."""
    return one is None or other is None or one == other


def _owner(processes: list[Process], before: Process | None, piece: _Piece) -> Process:
    """The process whose frames a piece holds, be it a new one.

    Args:
        processes: those that are known; a new one is added.
        before: that of the piece before it in the same file.
        piece: the piece.
    """
    claims = [
        process
        for process in processes
        if _agree(process.told, piece.node) and _agree(process.run_start_s, piece.run_start_s)
    ][:MOST_CLAIMS]
    shared = [process.shares(piece) for process in claims]
    if True in shared:
        return claims[shared.index(True)]
    apart = [process for process, same in zip(claims, shared, strict=True) if same is None]
    if before is not None and any(process is before for process in apart):
        return before
    for process in apart:
        if piece.node is not None and process.told == piece.node:
            return process
    if len(claims) == MOST_CLAIMS:
        return claims[-1]
    processes.append(Process([piece.stem]))
    return processes[-1]


def _requests(entries: Iterable[Entry]) -> int:
    tables = [table for _, table in entries if table is not None and table.num_rows]
    return sum(pc.sum(table.column("weight")).as_py() for table in tables)


def _leave_out_strangers(found: Sorted, manifest: Mapping[str, Any]) -> None:
    own = _of_the_run(found.processes, manifest)
    own = _within(own, manifest)
    chosen: dict[str, Process] = {}
    contested = set()
    for process in sorted(own, key=_trust, reverse=True):
        best = chosen.setdefault(process.node, process)
        if best is not process and (best.run_start_s is None or process.run_start_s is not None):
            contested.add(best.node)
    kept = {id(process) for process in chosen.values()}
    strangers = [process for process in found.processes if id(process) not in kept]
    found.processes = sorted(chosen.values(), key=lambda process: process.node)
    found.strangers = tuple(sorted({f"{stem}.log" for process in strangers for stem in process.stems}))
    found.stranger_requests = sum(process.requests for process in strangers)
    found.contested = tuple(sorted(contested))


def _trust(process: Process) -> tuple[bool, bool]:
    """Who of several that claim a node is taken: one that tells its run, or has its file; else the first."""
    return process.run_start_s is not None, process.node in process.stems


def _of_the_run(processes: list[Process], manifest: Mapping[str, Any]) -> list[Process]:
    """Without those that name another run. Without a manifest the run that most of them name is this one."""
    starts = Counter(process.run_start_s for process in processes if process.run_start_s is not None)
    own = manifest.get("start_s", starts.most_common(1)[0][0] if starts else None)
    return [process for process in processes if _agree(process.run_start_s, own)]


def _within(processes: list[Process], manifest: Mapping[str, Any]) -> list[Process]:
    """Without those that name no run (older logs) and that the manifest of a run that is over rules out.

    If that is all of them the manifest itself is in doubt, and none is left out.
    """
    nodes, start_s, end_s = manifest.get("nodes"), manifest.get("start_s"), _end_s(manifest)
    if end_s is None:
        return processes

    def fits(process: Process) -> bool:
        if process.run_start_s is not None or process.told is None:
            return True
        first_s, last_s = _span_s(process.entries)
        early = start_s is not None and last_s < start_s - SLACK_S
        late = start_s is not None and first_s > end_s + SLACK_S
        return not early and not late and (not nodes or process.told in nodes)

    return [process for process in processes if fits(process)] or processes


def _end_s(manifest: Mapping[str, Any]) -> float | None:
    try:
        return datetime.fromisoformat(str(manifest.get("end_utc"))).timestamp()
    except (ValueError, OverflowError):
        return None


def _span_s(entries: Sequence[Entry]) -> tuple[float, float]:
    """The first and the last send; what lies anywhere where there is none."""
    tables = [table for _, table in entries if table is not None and table.num_rows]
    if not tables:
        return float("-inf"), float("inf")
    ends = (pc.min_max(table.column("start_s")).as_py() for table in (tables[0], tables[-1]))
    first, last = ends
    return first["min"], last["max"]
