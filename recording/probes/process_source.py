"""Process source: CPU and memory of a process on this machine, its children included, and of its busiest
thread: an event loop that is full shows there, however many cores are idle."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from recording.probes.told import ProbeError, Told


def _add_wanted(told: Told, pid: int, thread: int, label: dict[str, str]) -> None:
    """`thread_wanted_s`: how long a thread has run or waited for a core that others had (Linux)."""
    try:
        ran_ns, waited_ns = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[:2]
        told.add("thread_wanted_s", (int(ran_ns) + int(waited_ns)) / 1e9, label)
    except (OSError, ValueError):
        told.empty.add("thread_wanted_s")


class ProcessSource:
    """A process by its id, or by the port that it listens on."""

    def __init__(self, pid: int | str | None, port: int | None) -> None:
        self._pid, self._port = pid, port
        self._process: psutil.Process | None = None

    def read(self) -> Told:
        """`cpu_s`, and by thread `thread_s` and `thread_wanted_s`, as counters; `cpu_cores`, `memory_mb`.

        Raises:
            ProbeError: there is no such process, or it may not be looked at.
        """
        told = Told()
        try:
            process = self._process = self._process or self._found()
            family = [process, *process.children(recursive=True)]
            told.add(
                "cpu_cores", float(len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else 0)
            )
            memory = 0.0
            for one in family:
                # A child may end while it is looked at.
                with suppress(psutil.NoSuchProcess):
                    times = one.cpu_times()
                    told.add("cpu_s", times.user + times.system, {"pid": str(one.pid)})
                    memory += one.memory_info().rss / 1e6
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    for thread in one.threads():
                        label = {"id": str(thread.id)}
                        told.add("thread_s", thread.user_time + thread.system_time, label)
                        _add_wanted(told, one.pid, thread.id, label)
            told.add("memory_mb", memory)
            if not process.is_running():
                raise psutil.NoSuchProcess(process.pid)
        except psutil.NoSuchProcess:
            self._process = None
            raise ProbeError("there is no such process") from None
        except psutil.AccessDenied:
            raise ProbeError("may not look at that process; run as its owner") from None
        return told

    def close(self) -> None:
        """Nothing is held open."""

    def _found(self) -> psutil.Process:
        if self._port is not None:
            for one in psutil.net_connections("tcp"):
                local: Any = one.laddr
                listens = one.status == psutil.CONN_LISTEN and local and local.port == self._port
                if listens and one.pid:
                    return psutil.Process(one.pid)
            raise ProbeError(f"no process of ours listens on port {self._port}")
        try:
            return psutil.Process(int(self._pid or 0))
        except ValueError:
            raise ProbeError("'pid' is no number") from None
