"""A line between master and workers that takes its time and can be cut: a small TCP proxy of its own process.

    python tests/slow_line.py PORT_FILE TO_PORT DELAY_S

SIGUSR1 ends every connection and takes no new one; SIGUSR2 takes connections again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path


class SlowLine:
    """Forwards to a port on this machine, every packet `delay_s` later."""

    def __init__(self, to_port: int, delay_s: float) -> None:
        self._to_port, self._delay_s = to_port, delay_s
        self._writers: set[asyncio.StreamWriter] = set()
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
                there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
                self._writers |= {writer, there_writer}
                await asyncio.gather(self._forward(reader, there_writer), self._forward(there_reader, writer))
        writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                at_s, data = await due.get()
                await asyncio.sleep(at_s - loop.time())
                writer.write(data)

        delivering = asyncio.create_task(deliver())
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                due.put_nowait((loop.time() + self._delay_s, data))
        delivering.cancel()
        writer.transport.abort()


async def main(port_file: Path, to_port: int, delay_s: float) -> None:
    line = SlowLine(to_port, delay_s)
    listening = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    for number, action in ((signal.SIGUSR1, line.cut), (signal.SIGUSR2, line.mend)):
        asyncio.get_running_loop().add_signal_handler(number, action)
    port_file.write_text(str(listening.sockets[0].getsockname()[1]))
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
