"""Where running labs are written down, one file each, so that `down`, `status` and `faults` find them.

The files hold the token for changing the lab; folder and files are for their owner only. The active fault is
not among what they hold: it is asked from the service by those who have the token.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.janitor import start_time

FORMAT = 1
STATE_DIR = "LAB_STATE_DIR"


@dataclass(frozen=True)
class LabRecord:
    """One running lab. `processes` maps a name to pid and start time (see janitor.start_time);
    `asked_for` holds the settings that somebody chose, which later faults must respect;
    `cleanup` is the janitor's list, for when supervisor and janitor have both been killed."""

    port: int
    url: str
    state_dir: str
    accounts: str
    phase_log: str
    started_utc: str
    processes: Mapping[str, tuple[int, str]]
    description: tuple[str, ...]
    admin_token: str = field(repr=False)
    asked_for: Mapping[str, Any] = field(default_factory=dict)
    cleanup: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    def alive(self) -> dict[str, bool]:
        """Which of the processes are still there."""
        return {
            name: bool(started) and start_time(pid) == started
            for name, (pid, started) in self.processes.items()
        }


def runtime_path(environment: Mapping[str, str]) -> Path:
    """The folder of this user's labs, which need not be there yet."""
    if environment.get(STATE_DIR):
        return Path(environment[STATE_DIR]).expanduser().absolute()
    if environment.get("XDG_RUNTIME_DIR") and Path(environment["XDG_RUNTIME_DIR"]).is_dir():
        return Path(environment["XDG_RUNTIME_DIR"]) / "loadverdict-lab"
    return Path(tempfile.gettempdir()) / f"loadverdict-lab-{os.getuid()}"


def runtime_dir(environment: Mapping[str, str] | None = None) -> Path:
    """That folder, made if needed; raises LabError when another user owns it."""
    folder = runtime_path(os.environ if environment is None else environment)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise LabError(
            f"cannot make the folder {folder} ({error.strerror}); set {STATE_DIR} to another."
        ) from None
    # In a shared /tmp somebody else may have put a folder of this name there, to read our tokens.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LabError(f"{folder} does not belong to you; set {STATE_DIR} to a folder of your own.")
    return folder


def record_file(folder: Path, port: int) -> Path:
    return folder / f"lab-{port}.json"


def write_record(folder: Path, record: LabRecord) -> Path:
    """Writes the record with mode 0600 from the first byte on."""
    file = record_file(folder, record.port)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"format": FORMAT, **asdict(record)}, stream, indent=1)
    return file


def read_records(folder: Path) -> list[LabRecord]:
    """All labs written down here, by port; files that cannot be read (half written, older) are left out."""
    found = []
    for file in folder.glob("lab-*.json"):
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            if values.pop("format") != FORMAT:
                continue
            values["processes"] = {name: (pid, ticks) for name, (pid, ticks) in values["processes"].items()}
            found.append(
                LabRecord(**{**values, **{name: tuple(values[name]) for name in ("description", "cleanup")}})
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda record: record.port)
