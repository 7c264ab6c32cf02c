"""A line that takes its time, that loses connections, that can be cut: a small TCP proxy of its own process.

    python tests/slow_line.py PORT_FILE TO_PORT DELAY_S [--jitter S] [--bytes-per-s N] [--drop SHARE]
                              [--seed N] [--notes FILE]

SIGUSR1 ends every connection and takes no new one; SIGUSR2 takes connections again. FILE gets a line for what
the line did, as it does it: `exchange INJECTED_MS TAKEN_MS` for a request and its answer, `dropped reset` or
`dropped close` for a connection that was ended in place of its first answer; and `asked N S`, `answered N S`,
`left N S` for a request that came in, its answer that went out, and a client that closed, on connection N at
second S of the monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DROPS = ("reset", "close")
"""How a connection is ended."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class Trouble:
    """What a line does to what passes, both ways.

    Attributes:
        delay_s: every packet arrives so much later.
        jitter_s: and up to so much more, drawn anew for each; none overtakes another.
        bytes_per_s: of each connection and direction; a packet arrives with its last byte.
        dropped_share: chance of a connection to be ended in place of its first answer.
        seed: connection n has the same fate and jitter each time.
    """

    delay_s: float
    jitter_s: float = 0.0
    bytes_per_s: float = math.inf
    dropped_share: float = 0.0
    seed: int = 0


class Way:
    """One direction of one connection."""

    def __init__(self, trouble: Trouble, chance: random.Random) -> None:
        self._trouble, self._chance = trouble, chance
        self._free_s = self._last_s = 0.0

    def arrival_s(self, now_s: float, size: int) -> float:
        """When a packet that is handed over now comes out at the other end."""
        trouble = self._trouble
        self._free_s = max(now_s, self._free_s) + size / trouble.bytes_per_s
        wanted_s = self._free_s + trouble.delay_s + self._chance.uniform(0, trouble.jitter_s)
        self._last_s = max(self._last_s, wanted_s)
        return self._last_s


class Connection:
    """One client's connection and its continuation to the server; requests are answered one by one."""

    def __init__(self, trouble: Trouble, number: int, note: Note) -> None:
        chance = random.Random(f"{trouble.seed}/{number}")
        self._dropped_how = chance.choice(DROPS) if chance.random() < trouble.dropped_share else ""
        self._there, self._back = Way(trouble, chance), Way(trouble, chance)
        self._number, self._note = number, note
        self._asked_s: float | None = None
        self._injected_s = 0.0

    async def forward_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the client to the server."""
        await _forward(reader, writer, self._request_arrives_s)
        self._note(f"left {self._number} {asyncio.get_running_loop().time()}")

    async def forward_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the server to the client."""
        if self._dropped_how:
            if await reader.read(1):
                _end(writer, self._dropped_how)
                self._note(f"dropped {self._dropped_how}")
            return
        await _forward(reader, writer, self._answer_arrives_s, self._answered)

    def _request_arrives_s(self, now_s: float, size: int) -> float:
        if self._asked_s is None:
            self._asked_s, self._injected_s = now_s, 0.0
            self._note(f"asked {self._number} {now_s}")
        arrives_s = self._there.arrival_s(now_s, size)
        self._injected_s += arrives_s - now_s
        return arrives_s

    def _answer_arrives_s(self, now_s: float, size: int) -> float:
        arrives_s = self._back.arrival_s(now_s, size)
        self._injected_s += arrives_s - now_s
        return arrives_s

    def _answered(self, now_s: float) -> None:
        if self._asked_s is not None:
            taken_s, self._asked_s = now_s - self._asked_s, None
            self._note(f"answered {self._number} {now_s}")
            self._note(f"exchange {1000 * self._injected_s:.3f} {1000 * taken_s:.3f}")


class SlowLine:
    """Forwards to a port on this machine."""

    def __init__(self, to_port: int, trouble: Trouble, note: Note) -> None:
        self._to_port, self._trouble, self._note = to_port, trouble, note
        self._writers: set[asyncio.StreamWriter] = set()
        self._taken = 0
        self._is_cut = False

    def cut(self) -> None:
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if not self._is_cut:
                connection = Connection(self._trouble, self._taken, self._note)
                self._taken += 1
                there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
                both = {writer, there_writer}
                self._writers |= both
                await asyncio.gather(
                    connection.forward_requests(reader, there_writer),
                    connection.forward_answers(there_reader, writer),
                )
                there_writer.transport.abort()
                self._writers -= both
        writer.transport.abort()


async def _forward(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    arrival_s: Callable[[float, int], float],
    arrived: Callable[[float], None] = lambda _: None,
) -> None:
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            at_s, data = await due.get()
            await asyncio.sleep(at_s - loop.time())
            writer.write(data)
            arrived(loop.time())

    delivering = asyncio.create_task(deliver())
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            now_s = loop.time()
            due.put_nowait((arrival_s(now_s, len(data)), data))
    delivering.cancel()
    writer.transport.abort()


def _end(writer: asyncio.StreamWriter, how: str) -> None:
    """End a connection without a word."""
    if how == "reset":
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def main(port_file: Path, to_port: int, trouble: Trouble, notes: Path | None) -> None:
    with notes.open("w", buffering=1) if notes else contextlib.nullcontext() as file:
        line = SlowLine(to_port, trouble, lambda text: print(text, file=file) if file else None)
        listening = await asyncio.start_server(line.serve, "127.0.0.1", 0)
        for number, action in ((signal.SIGUSR1, line.cut), (signal.SIGUSR2, line.mend)):
            asyncio.get_running_loop().add_signal_handler(number, action)
        port_file.write_text(str(listening.sockets[0].getsockname()[1]))
        await listening.serve_forever()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("port_file", type=Path)
    parser.add_argument("to_port", type=int)
    parser.add_argument("delay_s", type=float)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--bytes-per-s", type=float, default=math.inf)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--notes", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    trouble = Trouble(given.delay_s, given.jitter, given.bytes_per_s, given.drop, given.seed)
    asyncio.run(main(given.port_file, given.to_port, trouble, given.notes))
