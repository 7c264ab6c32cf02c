"""Further instances of the service: processes at the same socket, each with its own pool, lock and threads.

The first one starts them, hands their settings on, and ends them. Any of them may be asked for /metrics, so
each leaves its figures in a file beside the phase log, and whoever is asked adds up what all of them say.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.service.config import ServiceConfig
from lab.settings import LabSettings

Change = Callable[[LabSettings], Coroutine[Any, Any, None]]

PUBLISH_EVERY_S = 0.2
_ANSWER_LIMIT_S = 20.0
_STOP_LIMIT_S = 3.0


class Instances:
    """The instances beside the first one."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._others: list[asyncio.subprocess.Process] = []

    async def change(self, settings: LabSettings) -> None:
        """As many as the settings say, with these settings; returns when all of them serve.

        Raises:
            LabError: one of them did not start, or did not take the settings.
        """
        while len(self._others) > settings.instances - 1:
            await self._stop(self._others.pop())
        for process in self._others:
            await self._tell(process, settings.model_dump_json())
        while len(self._others) < settings.instances - 1:
            self._others.append(await self._started(settings))

    async def close(self) -> None:
        while self._others:
            await self._stop(self._others.pop())

    async def _started(self, settings: LabSettings) -> asyncio.subprocess.Process:
        descriptor = self._config.listen_fd
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lab.service",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, pass_fds=(descriptor,),
        )  # fmt: skip
        # Accounts are in the database already.
        config = self._config.model_copy(update={"settings": settings, "hashes": [], "is_first": False})
        try:
            await self._tell(process, config.model_dump_json())
        except BaseException:
            await self._stop(process)
            raise
        return process

    @staticmethod
    async def _tell(process: asyncio.subprocess.Process, line: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
                answer = await process.stdout.readline()
        except (OSError, TimeoutError):
            answer = b""
        if not answer:
            raise LabError("a further instance of the service does not answer.")

    @staticmethod
    async def _stop(process: asyncio.subprocess.Process) -> None:
        """An instance ends when its standard input does, whoever has closed it."""
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Orders:
    """What the first instance says to this one: settings, a line each, until it closes the pipe."""

    def __init__(self, change: Change, end: Callable[[], None]) -> None:
        self._change, self._end = change, end
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        print("ready", flush=True)
        for line in sys.stdin:
            settings = LabSettings.model_validate_json(line)
            asyncio.run_coroutine_threadsafe(self._change(settings), self._loop).result()
            print("done", flush=True)
        self._end()
        # A loop that is stopped by a password or a stall does not hear of it.
        threading.Event().wait(_STOP_LIMIT_S)
        os._exit(0)


class SharedFigures:
    """The figures of all instances in the Prometheus text format."""

    def __init__(self, config: ServiceConfig, text: Callable[[], bytes]) -> None:
        self._folder, self._text = config.phase_log.parent, text
        self._file = self._folder / f"metrics-{os.getpid()}.prom"

    def text(self, instances: int) -> bytes:
        """Ours, and with several instances those of the others as well."""
        if instances == 1:
            return self._text()
        others = [file for file in self._folder.glob("metrics-*.prom") if file != self._file]
        return added([self._text(), *(_read(file) for file in others)])

    async def run(self, settings: Callable[[], LabSettings]) -> None:
        """Keep the file up to date while there are others to read it."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            if settings().instances > 1:
                self._write()

    def close(self) -> None:
        self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        with suppress(OSError):
            fresh.write_bytes(self._text())
            fresh.replace(self._file)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # it has just ended
        return b""


def added(texts: list[bytes]) -> bytes:
    """Samples of one name and labels added up; comments of the first text."""
    comments = [line for line in texts[0].splitlines() if line.startswith(b"#")]
    sums: dict[bytes, float] = {}
    for text in texts:
        for line in text.splitlines():
            if line and not line.startswith(b"#"):
                key, _, value = line.rpartition(b" ")
                sums[key] = sums.get(key, 0.0) + float(value)
    lines = [*comments, *(b"%b %b" % (key, repr(value).encode()) for key, value in sums.items())]
    return b"\n".join(lines) + b"\n"
