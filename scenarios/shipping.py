"""Shipping: a worker on another machine keeps its log, and copies it to the run folder of the master.

The copy goes through Locust's own messages in chunks that name their offset. The master appends a chunk only
where its copy ends, and answers with how far it has come; what it has not confirmed for a while is sent
again. So the copy is always a beginning of the original, whatever the connection does meanwhile, and the
numbers of the frames inside tell what is missing if the rest never comes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent

from recording.folder import RunFolder, make_folder

CHUNK_BYTES = 256 * 1024
WINDOW_BYTES = 8 * CHUNK_BYTES
"""Sent and not confirmed, at most: bounds what queues up in a slow connection."""

INTERVAL_S = 0.2
RESEND_S = 3.0
"""Without any confirmation for so long, what was not confirmed is sent again."""

Send = Callable[[dict[str, Any]], None]


def is_shared(folder: Path, start_s: float) -> bool:
    """Whether the run folder that the master named is here too: on one machine, or one file system."""
    try:
        manifest = json.loads(RunFolder(folder).manifest_json.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("start_s") == start_s


def own_folder(runs: Path, run_id: str, node: str) -> Path:
    """A folder of this machine for a worker's part of a run; made if needed.

    Raises:
        FileExistsError: it holds a log already.
    """
    folder = RunFolder(runs / f"{run_id}-{node}")
    make_folder(runs)
    for made in (folder.path, folder.samples_dir):
        made.mkdir(mode=0o700, exist_ok=True)
    if any(folder.samples_dir.iterdir()):
        raise FileExistsError(str(folder.path))
    return folder.path


def _files(folder: RunFolder, node: str) -> dict[str, Path]:
    """What of a worker is copied, by the name it travels under."""
    return {"log": folder.log_path(node), "examples": folder.errors_jsonl}


@dataclass(slots=True)
class _Progress:
    """How far one file has come, in bytes: sent, and confirmed by the master."""

    sent: int = 0
    confirmed: int = 0


class Shipper:
    """The worker's side: follows its own files as they grow."""

    def __init__(self, folder: RunFolder, node: str, send: Send) -> None:
        self._paths = _files(folder, node)
        self._progress = {file: _Progress() for file in self._paths}
        self._node = node
        self._send = send
        self._moved_s = time.monotonic()
        self._greenlet = gevent.spawn(self._ship_forever)

    def confirm(self, file: str, offset: int) -> None:
        """The master has this much of a file."""
        progress = self._progress[file]
        if offset > progress.confirmed:
            progress.confirmed, self._moved_s = offset, time.monotonic()
        progress.sent = max(progress.sent, offset)

    def finish(self, limit_s: float) -> int:
        """Ship what is left; returns the bytes that the master has not confirmed when the time is over."""
        deadline = time.monotonic() + limit_s
        while self._left() and time.monotonic() < deadline:
            gevent.sleep(INTERVAL_S / 4)
            self._ship()
        self._greenlet.kill()
        return self._left()

    def _left(self) -> int:
        return sum(_size(path) - self._progress[file].confirmed for file, path in self._paths.items())

    def _ship_forever(self) -> None:
        while True:
            self._ship()
            gevent.sleep(INTERVAL_S)

    def _ship(self) -> None:
        now = time.monotonic()
        if all(progress.sent == progress.confirmed for progress in self._progress.values()):
            self._moved_s = now  # nothing under way: the wait for an answer begins with what is sent next
        elif now - self._moved_s > RESEND_S:
            self._moved_s = now
            for progress in self._progress.values():
                progress.sent = progress.confirmed
        for file, path in self._paths.items():
            self._ship_file(file, path)

    def _ship_file(self, file: str, path: Path) -> None:
        progress, size = self._progress[file], _size(path)
        if size <= progress.sent:
            return
        with path.open("rb") as stream:
            while progress.sent < size and progress.sent - progress.confirmed < WINDOW_BYTES:
                stream.seek(progress.sent)  # whoever else ships may have moved it while a send was waiting
                data = stream.read(min(CHUNK_BYTES, size - progress.sent))
                offset = progress.sent
                progress.sent += len(data)
                self._send({"node": self._node, "file": file, "offset": offset, "data": data})


class Receiver:
    """The master's side: keeps the copies."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._received: dict[tuple[str, str], int] = {}
        self.moved_s = time.monotonic()

    def take(self, sender: str, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """Append a chunk where it fits; returns what to confirm.

        Args:
            sender: the worker that it came from, whatever it calls itself.
            chunk: what it sent.

        Raises:
            KeyError, ValueError: no chunk of this worker's log.
        """
        node, file, data = chunk["node"], str(chunk["file"]), chunk["data"]
        path = _files(self._folder, sender).get(file)
        # A number in the place of the data would become so many zeros.
        if node != sender or path is None or not isinstance(data, bytes) or len(data) > CHUNK_BYTES:
            raise ValueError("a worker sent something that is no part of its log")
        key = (sender, file)
        received = self._received.setdefault(key, 0)
        if chunk["offset"] == received:
            with path.open("ab") as stream:
                stream.write(data)
            self._received[key] = received + len(data)
            self.moved_s = time.monotonic()
        return {"file": file, "offset": self._received[key]}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
