"""Finding, reading and changing labs that somebody has started, from any process of the same user."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab import janitor
from lab.errors import LabError
from lab.faults import apply_faults
from lab.processes import wait_for
from lab.settings import LabSettings, make_settings
from lab.state import LabRecord, read_records, record_file, runtime_dir

_ANSWER_LIMIT_S = 60.0  # reseeding at a new bcrypt cost takes half a minute
_HEALTH_LIMIT_S = 3.0
_ANOTHER_INSTANCE = 421
_STOP_LIMIT_S = 15.0


@dataclass(frozen=True)
class LabStatus:
    """How a lab is at this moment; `health` is None when it does not answer within three seconds."""

    record: LabRecord
    alive: Mapping[str, bool]
    health: Mapping[str, Any] | None

    @property
    def ok(self) -> bool:
        return all(self.alive.values()) and self.health is not None and self.health.get("status") == "ok"

    @property
    def dead(self) -> list[str]:
        return [name for name, alive in self.alive.items() if not alive]


def status(port: int | None = None) -> list[LabStatus]:
    """All labs of this user, or the one at a port; empty when there is none."""
    found = [record for record in read_records(runtime_dir()) if port in (None, record.port)]
    return [LabStatus(record, record.alive(), _health(record)) for record in found]


def down(port: int | None = None) -> list[int]:
    """Stops all labs of this user, or the one at a port; returns the ports of those stopped.

    Raises LabError when a port was named and no lab is there.
    """
    records = [record for record in read_records(runtime_dir()) if port in (None, record.port)]
    if port is not None and not records:
        raise LabError(f"no lab at port {port}; {_running()}")
    for record in records:
        _stop(record)
    return [record.port for record in records]


def settings_of(port: int | None = None) -> LabSettings:
    """The settings that a running lab has now. Raises LabError when it does not answer."""
    return make_settings(_admin(_only(port), None))


def set_faults(faults: str, port: int | None = None, settings: LabSettings | None = None) -> LabSettings:
    """Gives a running lab other faults, and returns what its settings are then.

    `settings` are those that somebody asked for; they win, as in `up`, and are those given to `up` when None.
    All others return to what the faults want. Raises LabError for unknown faults, and for settings that
    need a new lab.
    """
    record = _only(port)
    asked = settings or make_settings(record.asked_for)
    wanted = apply_faults(asked, faults).model_dump(exclude={"token_secret"})
    return make_settings(_admin(record, wanted))


def set_settings(changes: Mapping[str, Any], port: int | None = None) -> LabSettings:
    """Changes single settings of a running lab, and returns all of them. Raises LabError as `set_faults`."""
    make_settings(changes)
    return make_settings(_admin(_only(port), dict(changes)))


def _only(port: int | None) -> LabRecord:
    records = [record for record in read_records(runtime_dir()) if port in (None, record.port)]
    if len(records) != 1:
        where = f" at port {port}" if port is not None else ""
        what = "several labs run" if records else f"no lab{where}"
        raise LabError(f"{what}; {_running()}")
    return records[0]


def _running() -> str:
    ports = [str(record.port) for record in read_records(runtime_dir())]
    return f"name one with --port: {', '.join(ports)}." if ports else "start one with `loadverdict lab up`."


def _admin(record: LabRecord, changes: Mapping[str, Any] | None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{record.url}/admin/settings",
        data=None if changes is None else json.dumps(changes).encode(),
        method="GET" if changes is None else "PUT",
        headers={"Authorization": f"Bearer {record.admin_token}"},
    )
    try:
        found: dict[str, Any] = _asked_first(request)
    except urllib.error.HTTPError as error:
        with error:
            raise LabError(f"lab at port {record.port}: {json.load(error)['error']}") from None
    except (OSError, ValueError) as error:
        raise LabError(
            f"the lab at port {record.port} does not answer ({error}); see `lab status`."
        ) from None
    return found


def _asked_first(request: urllib.request.Request) -> Any:
    """What the first instance answers: others, which the socket may hand the request to, say 421."""
    deadline = time.monotonic() + _ANSWER_LIMIT_S
    while True:
        try:
            return _ask(request, _ANSWER_LIMIT_S)
        except urllib.error.HTTPError as error:
            if error.code != _ANOTHER_INSTANCE:
                raise
            error.close()
        if time.monotonic() > deadline:
            raise TimeoutError("its first instance is busy")
        time.sleep(0.1)


def _health(record: LabRecord) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = _ask(urllib.request.Request(f"{record.url}/health"), _HEALTH_LIMIT_S)
    except urllib.error.HTTPError as error:
        with error:
            return {"status": "degraded", "http_status": error.code}
    except (OSError, ValueError):
        return None
    return found


def _ask(request: urllib.request.Request, limit_s: float) -> Any:
    # No proxy: a proxy of the environment must not see the token, nor could it reach our loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=limit_s) as answer:
        return json.load(answer)


def _stop(record: LabRecord) -> None:
    """Asks the supervisor; if it is gone, its janitor has cleaned up; if both are gone, it is done here."""
    pid, started = record.processes["supervisor"]
    janitor_pid, janitor_started = record.processes["janitor"]
    if started and janitor.start_time(pid) == started:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    file = record_file(runtime_dir(), record.port)
    at_work = janitor.start_time(janitor_pid) == janitor_started or janitor.start_time(pid) == started
    gone = wait_for(
        lambda: not file.exists() and janitor.start_time(janitor_pid) != janitor_started,
        _STOP_LIMIT_S if at_work else 0.0,
        0.05,
    )
    if not gone:
        janitor.clean([dict(task) for task in record.cleanup])
