"""Sorted logs: every frame of the logs to the process that wrote it, once; what is of another run is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from recording.frames import Scan, log_bytes, scan
from recording.processes import Entry, Piece, Process, agree, pieces_of, requests_in

MOST_CLAIMS = 256
"""Processes that a piece is compared with: more that it may belong to can only be made up."""

SLACK_S = 60.0
"""A log without the run's name is of another run if it lies outside of this one by more."""


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
        for piece in pieces_of(path.stem, one):
            process = _owner(found.processes, owners[-1] if owners else None, piece)
            again = process.take(piece)
            found.repeated_frames += len(again)
            found.repeated_requests += requests_in(again)
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


def _owner(processes: list[Process], before: Process | None, piece: Piece) -> Process:
    """The process whose frames a piece holds, be it a new one.

    Args:
        processes: those that are known; a new one is added.
        before: that of the piece before it in the same file.
        piece: the piece.
    """
    claims = [
        process
        for process in processes
        if agree(process.told, piece.node) and agree(process.run_start_s, piece.run_start_s)
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
    return [process for process in processes if agree(process.run_start_s, own)]


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
