"""Starting and stopping child processes so that none outlives the lab, however the lab ends."""

import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lab import janitor

# The load generator shares this machine, and its clock matters more than the speed of the service.
NICENESS = 10
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Child:
    """A process that the lab started; `started` tells it from a later one with the same pid."""

    name: str
    popen: "subprocess.Popen[bytes]"
    started: str

    @property
    def pid(self) -> int:
        return self.popen.pid

    def running(self) -> bool:
        return self.popen.poll() is None

    def stop(self, first: signal.Signals, patience_s: float) -> None:
        """Asks with a signal, waits, then kills the whole group."""
        if self.popen.stdin is not None:
            with suppress(OSError):
                self.popen.stdin.close()
        if self.running():
            with suppress(ProcessLookupError):
                self.popen.send_signal(first)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(patience_s)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(5)


def spawn(
    name: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    user: int | None = None,
    stdin: int = subprocess.DEVNULL,
    keep: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Child:
    """Starts a child in a session of its own, at low priority, that gets `death_signal` if we die.

    `user` is a numeric user id to run as with the group of the same number; `keep` are descriptors that it
    inherits. Output goes to `log`, appended.
    """
    with log.open("ab") as stream:
        popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin,
            stdout=stream,
            stderr=stream,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            pass_fds=tuple(keep),
            preexec_fn=_child_setup(death_signal),  # noqa: PLW1509 - two system calls, no locks
            **_as_user(user),
        )
    return Child(name, popen, janitor.start_time(popen.pid))


def own_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of the lab, found without the working folder: others may write
    there."""
    return [sys.executable, "-P", "-m", module, *arguments]


def with_this_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -m lab...` is this very package, wherever it is started."""
    source = str(Path(__file__).resolve().parent.parent)
    # An empty part would mean the working folder.
    found = [source, *environment.get("PYTHONPATH", "").split(os.pathsep)]
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, found))}


def _as_user(user: int | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": ()}


def _child_setup(death_signal: signal.Signals) -> Callable[[], None]:
    # Linux ties the death signal to the thread that started the child, not to the process. In any other
    # thread than the main one it would come too early; then the janitor alone stands guard.
    wanted = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    parent = os.getpid()

    def run() -> None:
        os.nice(NICENESS)
        if wanted:
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return run


class Janitor:
    """Our end of the pipe to the janitor process (see janitor.py)."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(janitor.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=None if environment is None else dict(environment),
        )
        self.pid = self._popen.pid
        self.tasks: list[dict[str, Any]] = []

    def add(self, **task: Any) -> None:
        """Puts something on the list of what must not stay; keys as in janitor.py."""
        self.tasks.append(task)
        # A janitor that somebody killed is missed only if we crash too.
        with suppress(OSError):
            stream: IO[bytes] = self._popen.stdin  # type: ignore[assignment]
            stream.write(json.dumps(task).encode() + b"\n")
            stream.flush()

    def make_folder(self, base: Path, prefix: str) -> Path:
        """A new folder for the owner only. The janitor hears of it first: a crash may come in between."""
        folder = base / f"{prefix}{secrets.token_hex(6)}"
        self.add(path=str(folder))
        folder.mkdir(mode=0o700)
        return folder

    def add_child(self, child: Child) -> None:
        self.add(process=[child.pid, child.started])

    def finish(self) -> None:
        """Lets the janitor do all that is left, and waits for it; does it here if the janitor is gone."""
        with suppress(OSError):
            self._popen.stdin.close()  # type: ignore[union-attr]
        try:
            code = self._popen.wait(30)
        except subprocess.TimeoutExpired:
            code = -1
        if code != 0:
            janitor.clean(self.tasks)


def wait_for(ready: Callable[[], bool], limit_s: float, step_s: float = 0.01) -> bool:
    """Whether `ready` came true within the time, in seconds."""
    deadline = time.monotonic() + limit_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
