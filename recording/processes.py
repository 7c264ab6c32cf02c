"""Processes: whose frames the logs of a run hold, whatever the files are called, and however often.

A process numbers its frames, so one number of one process is one frame: what is there again is left out.
Files that were copied, joined or swapped give the same processes; a log of another run is told apart.

A file is cut into pieces whose numbers grow. Two pieces are of one process if frames of a number that both
have are the same, byte for byte, or if they have none in common and name the same node. Pieces that name the
same node and differ there are of two processes. Anchors name node and run, except in older logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from recording.frames import FINISHED, RUN_START, Frame, Kind, Scan
from recording.json_values import is_number

Entry = tuple[Frame, pa.Table | None]
"""A frame, and its requests where it holds finished ones and can be read."""


@dataclass(slots=True)
class Piece:
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
        return grows and agree(self.node, node) and agree(self.run_start_s, run_start_s)

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
        return requests_in(self.entries)

    def scan(self) -> Scan:
        """Its frames as those of one log."""
        unread = sum(table is None for frame, table in self.entries if frame.kind in FINISHED)
        frames = [frame for frame, _ in self.entries]
        return Scan(frames, self.bad_frames + unread, self.missing_frames, torn=self.torn)

    def shares(self, piece: Piece) -> bool | None:
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

    def take(self, piece: Piece) -> list[Entry]:
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


def pieces_of(stem: str, one: Scan) -> list[Piece]:
    """A file's frames, cut where the numbers do not grow or where node or run change; none without frames."""
    pieces = [Piece(stem)]
    for frame in one.frames:
        table = table_of(frame) if frame.kind in FINISHED else None
        node, run_start_s = _told(frame, table)
        if not pieces[-1].goes_on(frame.sequence, node, run_start_s):
            pieces.append(Piece(stem))
        pieces[-1].add((frame, table), node, run_start_s)
    return [piece for piece in pieces if piece.entries]


def table_of(frame: Frame) -> pa.Table | None:
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


def agree(one: object, other: object) -> bool:
    """Whether both may be the same: one that is not told may be anything."""
    return one is None or other is None or one == other


def requests_in(entries: Iterable[Entry]) -> int:
    """Finished requests that frames hold, each row as many as it stands for."""
    tables = [table for _, table in entries if table is not None and table.num_rows]
    return sum(pc.sum(table.column("weight")).as_py() for table in tables)
