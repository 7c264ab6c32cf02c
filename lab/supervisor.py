"""A running lab, and `up`, which starts one. The steps themselves are in startup.py."""

import atexit
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.faults import apply_faults
from lab.settings import LabSettings
from lab.startup import LOOPBACK, Startup
from lab.state import LabRecord


class RunningLab:
    """A lab that runs, as a context manager. Leaving it, or `stop`, ends all processes, removes all files."""

    def __init__(self, startup: Startup, record: LabRecord) -> None:
        self._startup = startup
        self._owner = os.getpid()
        self._stopped = False
        self.record = record
        self.port = record.port
        self.url = record.url
        self.state_dir = Path(record.state_dir)
        self.accounts_path = Path(record.accounts)
        self.phase_log_path = Path(record.phase_log)
        self.cache_url = startup.cache_url  # may hold a password, so it is in no record and no description
        self.pids = {name: pid for name, (pid, _) in record.processes.items()}
        self.description = list(record.description)
        atexit.register(self.stop)

    def dead(self) -> list[str]:
        """Names of the processes that are gone though they should run; each call looks anew."""
        return [child.name for child in self._startup.children if not child.running()]

    def stop(self) -> None:
        """Ends everything; may be called twice. In a fork of the process that started the lab: nothing."""
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped = True
        atexit.unregister(self.stop)
        self._startup.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def up(
    settings: LabSettings | None = None,
    faults: str = "case",
    state_dir: Path | None = None,
    port: int | None = None,
    on_progress: Callable[[str], None] = lambda _text: None,
    environment: Mapping[str, str] | None = None,
    host: str = LOOPBACK,
) -> RunningLab:
    """Starts a lab and returns when it answers.

    Args:
        settings: what somebody asked for; wins over the faults. Default: the system of the case.
        faults: names from `lab.faults`, joined by `+`.
        state_dir: an empty or absent folder for accounts, phase log and service log. Removed at stop.
        port: of the service; a free one when None.
        on_progress: gets a line per step.
        environment: where LAB_POSTGRES_URL, LAB_VALKEY_URL and LAB_STATE_DIR are looked up (os.environ).
        host: IPv4 address to listen on; 0.0.0.0 is every one, for containers.

    Raises:
        LabError: unknown fault, port in use, a server that does not start; nothing is left behind then.
    """
    asked = settings or LabSettings()
    surroundings = os.environ if environment is None else environment
    startup = Startup(apply_faults(asked, faults), asked.asked_for(), on_progress, surroundings)
    with ExitStack() as undo:
        undo.callback(startup.stop)
        record = startup.start(state_dir, port, host)
        undo.pop_all()
    return RunningLab(startup, record)
