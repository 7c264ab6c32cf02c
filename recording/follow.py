"""Follow: how a run is getting on, read from its logs while they are being written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recording.folder import RunFolder
from recording.frames import OF_A_BEAT, Kind, log_bytes, scan


@dataclass(frozen=True, slots=True)
class Progress:
    """Totals over all nodes at their latest heartbeat.

    Attributes:
        time_s: epoch seconds of the latest heartbeat; 0 before the first one.
        ended: whether every log seen so far has its end mark.
        settled_s: epoch seconds up to which every request is over and written, so that nothing about that
            time will change any more; 0 before the first heartbeat.
    """

    time_s: float = 0.0
    users_running: int = 0
    in_flight: int = 0
    started: int = 0
    finished: int = 0
    failed: int = 0
    nodes: int = 0
    ended: bool = False
    settled_s: float = 0.0


@dataclass(slots=True)
class _Tail:
    offset: int = 0
    beat: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    @property
    def settled_s(self) -> float:
        """A heartbeat follows the samples it has counted, and knows the oldest request still in flight."""
        return float(self.beat.get("time_s", 0)) - float(self.beat.get("oldest_s", 0))


class Follower:
    """Reads what was appended to a run's logs since the last look."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._tails: dict[Path, _Tail] = {}

    def look(self) -> Progress:
        """The run's progress now."""
        for path in self._folder.samples_dir.glob("*.log"):
            self._read(path, self._tails.setdefault(path, _Tail()))
        tails = list(self._tails.values())
        sums = {
            name: sum(int(tail.beat.get(name, 0)) for tail in tails)
            for name in ("users_running", "in_flight", "started", "finished", "failed")
        }
        return Progress(
            time_s=max((float(tail.beat.get("time_s", 0)) for tail in tails), default=0.0),
            nodes=len(tails),
            ended=bool(tails) and all(tail.ended for tail in tails),
            settled_s=min((tail.settled_s for tail in tails), default=0.0),
            **sums,
        )

    @staticmethod
    def _read(path: Path, tail: _Tail) -> None:
        found = scan(log_bytes(path, tail.offset))
        tail.offset += found.consumed
        for frame in found.of(Kind.HEARTBEAT)[-1:]:
            with suppress(ValueError):  # an intact frame that holds something else
                tail.beat = frame.figures(OF_A_BEAT)
        tail.ended = tail.ended or any(frame.kind is Kind.END for frame in found.frames)
