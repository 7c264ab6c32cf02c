"""Further instances of the service: processes at the same socket, each with its own pool, lock and threads.

The first one starts them, hands their settings on, and ends them. Any of them may be asked for /metrics, so
each leaves its figures in a file beside the phase log, and whoever is asked adds up what all of them say.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import prometheus_client
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from lab.errors import LabError
from lab.processes import own_command
from lab.service.config import ServiceConfig
from lab.settings import LabSettings

Change = Callable[[LabSettings], Coroutine[Any, Any, None]]

PUBLISH_EVERY_S = 0.2
_ANSWER_LIMIT_S = 20.0
_STOP_LIMIT_S = 3.0


class Instances:
    """The instances beside the first one."""

    def __init__(self, config: ServiceConfig, figures: "SharedFigures") -> None:
        self._config, self._figures = config, figures
        self._others: list[asyncio.subprocess.Process] = []

    async def change(self, settings: LabSettings) -> None:
        """As many as the settings say, with these settings; returns when all of them are about to serve.
        What has died since is replaced.

        Raises:
            LabError: one of them did not start, or did not take the settings.
        """
        wanted = settings.instances - 1
        gone, self._others = self._others[wanted:], self._others[:wanted]
        await self._end(gone)
        alive, self._others = [one for one in self._others if one.returncode is None], []
        told = [self._told(process, settings) for process in alive]
        new = [self._started(settings) for _ in range(wanted - len(alive))]
        found = await asyncio.gather(*told, *new, return_exceptions=True)
        self._others = [one for one in found if isinstance(one, asyncio.subprocess.Process)]
        if len(self._others) < wanted:
            raise LabError("a further instance of the service does not answer.")

    async def close(self) -> None:
        others, self._others = self._others, []
        await self._end(others)

    async def _end(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        await asyncio.gather(*map(self._stop, processes))
        for process in processes:
            self._figures.forget(process.pid)

    async def _told(
        self, process: asyncio.subprocess.Process, settings: LabSettings
    ) -> asyncio.subprocess.Process:
        """The instance with new settings. One that does not answer in time is ended: a late answer would be
        taken for that to a later question."""
        try:
            await self._tell(process, settings.model_dump_json())
        except BaseException:
            await self._end([process])
            raise
        return process

    async def _started(self, settings: LabSettings) -> asyncio.subprocess.Process:
        descriptor = self._config.listen_fd
        process = await asyncio.create_subprocess_exec(
            *own_command("lab.service"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, pass_fds=(descriptor,),
        )  # fmt: skip
        # Accounts are in the database already.
        config = self._config.model_copy(update={"settings": settings, "hashes": [], "is_first": False})
        try:
            await self._tell(process, config.model_dump_json())
        except BaseException:
            await self._end([process])
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
        try:
            print("ready", flush=True)
            for line in sys.stdin:
                settings = LabSettings.model_validate_json(line)
                asyncio.run_coroutine_threadsafe(self._change(settings), self._loop).result()
                print("done", flush=True)
        finally:
            # Also where a change failed: an instance with other settings than the rest must not go on.
            self._end()
            # A loop that is stopped by a password or a stall does not hear of it.
            threading.Event().wait(_STOP_LIMIT_S)
            os._exit(0)


class SharedFigures:
    """The figures of all instances in the Prometheus text format."""

    def __init__(self, config: ServiceConfig, text: Callable[[], bytes]) -> None:
        self._folder, self._text = config.phase_log.parent, text
        self._file = self._of(os.getpid())

    def text(self) -> bytes:
        """Ours, and those of every other instance that there is or was."""
        others = [file for file in self._folder.glob("metrics-*.prom") if file != self._file]
        return added([self._text(), *(_read(file) for file in others)]) if others else self._text()

    def forget(self, pid: int) -> None:
        """Of an instance that has ended its totals stay, since they must not fall, and nothing else."""
        with suppress(OSError):
            self._of(pid).write_bytes(added([], [_read(self._of(pid))]))

    def _of(self, pid: int) -> Path:
        return self._folder / f"metrics-{pid}.prom"

    async def run(self, settings: Callable[[], LabSettings]) -> None:
        """Keep the file up to date while there are others to read it."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            if settings().instances > 1:
                self._write()

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


class _Families:
    """Families of samples, as prometheus_client writes them."""

    def __init__(self) -> None:
        self._found: dict[str, Metric] = {}
        self._sums: dict[tuple[str, str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, text: bytes, *, totals_only: bool = False) -> None:
        """Samples of one name and labels are added up; a moment of the past is the earliest."""
        for family in text_string_to_metric_families(text.decode()):
            if totals_only and family.type not in ("counter", "histogram"):
                continue
            self._found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                key = family.name, sample.name, tuple(sorted(sample.labels.items()))
                before = self._sums.get(key)
                earliest = sample.name.endswith("_time_seconds")
                both = min if earliest else float.__add__
                self._sums[key] = sample.value if before is None else both(before, float(sample.value))

    def collect(self) -> Iterable[Metric]:
        for (family, name, labels), value in self._sums.items():
            self._found[family].add_sample(name, dict(labels), value)
        return self._found.values()


def added(texts: Sequence[bytes], ended: Sequence[bytes] = ()) -> bytes:
    """Samples of one name and labels added up; of instances that have ended what only grows."""
    families = _Families()
    for text in texts:
        families.add(text)
    for text in ended:
        families.add(text, totals_only=True)
    return prometheus_client.generate_latest(cast(CollectorRegistry, families))
