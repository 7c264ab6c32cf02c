"""The janitor: a process that outlives the supervisor for a moment, to clean up after a crash.

It reads what there is to clean from a pipe, a JSON line each, until the pipe closes or its parent is gone.
Then it kills what still runs, frees shared memory, and removes files. A supervisor that stopped properly has
left nothing, so the janitor finds nothing to do. Standard library only, and it runs as a plain file with
`python -I -S`, which starts in 20 ms.

    {"process": [pid, start time]}   kill its group, if it is still the same process
    {"path": "..."}                  remove, folders with all they hold; last named, first removed
    {"empty": "..."}                 remove this folder if nothing is in it
    {"postgres": "..."}              data directory: its shared memory segment is freed
    {"command": [...]}               run at the end (drops what is in servers that are not ours)
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_PARENT_CHECK_S = 0.5
_IPC_RMID = 0
_SEGMENTS = "/proc/sysvipc/shm"
_KEY_TRIES = 8
_REMOVE_TRIES = 20


def start_time(pid: int) -> str:
    """When a process began, in clock ticks since boot, "" if there is none (or it is a zombie).

    Together with the pid it names a process for certain, since pids are used again.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def kill_group(pid: int, started: str) -> None:
    """Kills a process group, unless its number belongs to a later process by now.

    A leader that died first may leave children in the group, as initdb does.
    """
    if start_time(pid) in ("", started):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def free_shared_memory(data_directory: Path) -> None:
    """Removes the System V segments of a data directory, which a killed PostgreSQL leaves behind.

    PostgreSQL takes the directory's inode as the key, or one of the next numbers when that is in use. Its
    last processes may be attached still; then the segment goes with them.
    """
    try:
        inode = data_directory.stat().st_ino & 0xFFFFFFFF
        rows = [line.split() for line in Path(_SEGMENTS).read_text(encoding="ascii").splitlines()[1:]]
    except OSError:
        return
    for key, segment, creator in ((int(row[0]), int(row[1]), int(row[4])) for row in rows):
        if 0 <= (key & 0xFFFFFFFF) - inode < _KEY_TRIES and not start_time(creator):
            ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)


def clean(tasks: list[dict[str, Any]]) -> None:
    """Does everything on the list: processes first, so that nobody writes new files."""
    processes = [task["process"] for task in tasks if "process" in task]
    for pid, started in processes:
        kill_group(pid, started)
    _wait_until_gone(processes)
    for task in reversed(tasks):
        if "postgres" in task:
            free_shared_memory(Path(task["postgres"]))
        if "command" in task:
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(task["command"], check=False, timeout=20, stdin=subprocess.DEVNULL)
        if "path" in task:
            remove(Path(task["path"]))
        if "empty" in task:
            with suppress(OSError):
                Path(task["empty"]).rmdir()


def remove(path: Path) -> None:
    """Removes a file, or a folder with all it holds, if there is one."""
    if path.is_dir() and not path.is_symlink():
        for _ in range(_REMOVE_TRIES):  # a process that is just dying may still write
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                return
            time.sleep(0.1)
    else:
        with suppress(OSError):
            path.unlink()


def _wait_until_gone(processes: list[tuple[int, str]]) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(
        _group_exists(pid) for pid, started in processes if start_time(pid) in ("", started)
    ):
        time.sleep(0.02)


def _group_exists(pid: int) -> bool:
    """Whether anybody of a process group still runs; dead ones that wait for their parent do not count."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == pid and fields[0] not in "ZX":
                return True
    return False


def read_until_parent_is_gone(descriptor: int) -> list[dict[str, Any]]:
    """All tasks. A fork of the supervisor may keep the pipe open, so the parent is watched as well."""
    parent, buffer = os.getppid(), b""
    while True:
        if select.select([descriptor], [], [], _PARENT_CHECK_S)[0]:
            chunk = os.read(descriptor, 65536)
            if not chunk:
                break
            buffer += chunk
        elif os.getppid() != parent:
            break
    return [json.loads(line) for line in buffer.split(b"\n")[:-1]]


def main() -> None:
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    clean(read_until_parent_is_gone(sys.stdin.fileno()))


if __name__ == "__main__":
    main()
