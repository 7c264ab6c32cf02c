"""The steps of starting a lab, and of undoing whatever has been started so far.

Order matters for the start-up time: what takes long (initdb, the interpreter of the service) begins first,
everything else happens meanwhile. Each thing that must not stay is told to the janitor before or as it comes
into being.
"""

import datetime as dt
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab import external
from lab.accounts import make_accounts, write_accounts
from lab.errors import LabError
from lab.hashes import hashes_for
from lab.janitor import start_time
from lab.processes import Child, Janitor, own_command, spawn, with_this_package
from lab.servers import (
    POSTGRES_URL,
    VALKEY_URL,
    PostgreSQL,
    Server,
    given_server,
    make_home,
    start_valkey,
    tail,
)
from lab.settings import LabSettings
from lab.state import LabRecord, record_file, runtime_dir, runtime_path, write_record

_START_LIMIT_S = 30.0
# Enough for a request at bcrypt cost 12 to finish and the phase log to be written.
_STOP_PATIENCE_S = 3.0
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_BACKLOG = 4096


class Startup:
    """One lab in the making. `start` once, `stop` at any time after it, even if it failed half way."""

    def __init__(
        self,
        settings: LabSettings,
        asked_for: Mapping[str, Any],
        on_progress: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> None:
        self.children: list[Child] = []
        self.cache_url = ""
        self._settings = settings
        self._asked_for = {name: value for name, value in asked_for.items() if name != "token_secret"}
        self._say = on_progress
        self._environment = environment
        self._janitor: Janitor | None = None
        self._namespace = f"loadverdict_lab_{secrets.token_hex(4)}"
        self._admin_token = secrets.token_urlsafe(32)

    def start(self, state_dir: Path | None, port: int | None, host: str = LOOPBACK) -> LabRecord:
        """Everything up to the first good answer of the service; raises LabError."""
        began = time.monotonic()
        # The first call tries the folder out with a file, which a crash would leave; so it comes before all.
        tempfile.gettempdir()
        with _listen(port, host) as listener:
            port, descriptor = int(listener.getsockname()[1]), listener.fileno()
            janitor = self._janitor = Janitor(with_this_package({**os.environ, **self._environment}))
            folder = _make_state_dir(state_dir, janitor, self._environment)
            service = self._spawn_service(folder, descriptor, janitor)
        hashes, database, cache = self._start_servers(janitor)
        self.cache_url = cache.url
        accounts = folder / "accounts.csv"
        write_accounts(make_accounts(self._settings.seed, self._settings.accounts), accounts)
        phase_log = folder / "phases.jsonl"
        self._configure(
            service,
            hashes=hashes,
            database_url=database.url,
            cache_url=cache.url,
            phase_log=str(phase_log),
            listen_fd=descriptor,
        )
        url = f"http://{LOOPBACK if host == EVERYWHERE else host}:{port}"
        self._wait_until_healthy(service, url, folder)
        self._say(
            f"login service (pid {service.pid}) answers at {url} after {time.monotonic() - began:.1f} s"
        )
        janitor.add(empty=str(runtime_path(self._environment)))
        home = runtime_dir(self._environment)
        janitor.add(path=str(record_file(home, port)))
        record = LabRecord(
            port=port,
            url=url,
            state_dir=str(folder),
            accounts=str(accounts),
            phase_log=str(phase_log),
            started_utc=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            processes=self._processes(janitor),
            description=(
                f"login service (pid {service.pid}) at {url}",
                database.description,
                cache.description,
                f"{self._settings.accounts} accounts in {accounts}",
            ),
            admin_token=self._admin_token,
            asked_for=self._asked_for,
            cleanup=tuple(janitor.tasks),
        )
        write_record(home, record)
        return record

    def stop(self) -> None:
        """Ends the service first (it writes its log), then the servers; the janitor removes the rest."""
        if self._janitor is None:
            return
        by_name = {child.name: child for child in self.children}
        for name, first in (
            ("service", signal.SIGTERM),
            ("valkey", signal.SIGKILL),
            ("postgres", signal.SIGQUIT),
        ):
            if name in by_name:
                by_name[name].stop(first, _STOP_PATIENCE_S)
        self._janitor.finish()
        self._janitor = None

    def _spawn_service(self, folder: Path, descriptor: int, janitor: Janitor) -> Child:
        child = spawn(
            "service",
            own_command("lab.service"),
            folder / "service.log",
            stdin=subprocess.PIPE,
            keep=(descriptor,),
            environment=with_this_package(os.environ),
        )
        self._keep(child, janitor)
        return child

    def _start_servers(self, janitor: Janitor) -> tuple[list[str], Server, Server]:
        database = given_server("PostgreSQL", POSTGRES_URL, self._environment)
        cache = given_server("Valkey", VALKEY_URL, self._environment)
        if database or cache:
            external.check(database.url if database else None, cache.url if cache else None)
            janitor.add(command=own_command("lab.external", self._namespace))
        home = None if database and cache else make_home(janitor)
        postgres = None
        if home and not database:
            postgres = PostgreSQL(home, janitor)
            postgres.initialise()
        if home and not cache:
            cache = start_valkey(home, janitor)
        self._remember(cache)
        hashes = hashes_for(self._settings, self._say)
        if postgres:
            database = postgres.start()
        self._remember(database)
        assert database is not None
        assert cache is not None
        return hashes, database, cache

    def _remember(self, server: Server | None) -> None:
        if server is None:
            return
        if server.child is not None:
            self.children.append(server.child)
        self._say(server.description)

    def _keep(self, child: Child, janitor: Janitor) -> None:
        self.children.append(child)
        janitor.add_child(child)

    def _configure(self, service: Child, **places: object) -> None:
        secret = self._settings.token_secret or secrets.token_urlsafe(48)
        config = {
            "settings": self._settings.model_dump(),
            "namespace": self._namespace,
            "token_secret": secret,
            "admin_token": self._admin_token,
            **places,
        }
        pipe = service.popen.stdin
        assert pipe is not None
        with suppress(BrokenPipeError), pipe:  # if it died, waiting for its health says why
            pipe.write(json.dumps(config).encode())

    def _wait_until_healthy(self, service: Child, url: str, folder: Path) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline and service.running():
            # The socket listens already, so the request waits in its queue until the service is ready.
            with suppress(OSError), opener.open(f"{url}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.02)
        raise LabError(f"the login service did not start: {tail(folder / 'service.log')}")

    def _processes(self, janitor: Janitor) -> dict[str, tuple[int, str]]:
        found = {child.name: (child.pid, child.started) for child in self.children}
        for name, pid in (("supervisor", os.getpid()), ("janitor", janitor.pid)):
            found[name] = (pid, start_time(pid))
        return found


def _listen(port: int | None, host: str) -> socket.socket:
    """A listening socket: whoever has it has the port, so two labs can never share one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port or 0))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise LabError(
            f"port {port} on {host} cannot be used ({error}): choose another with --port, "
            f"leave --port away for a free one, or stop what uses it (`loadverdict lab down --port {port}`)."
        ) from None
    return listener


def _make_state_dir(wanted: Path | None, janitor: Janitor, environment: Mapping[str, str]) -> Path:
    if wanted is None:
        janitor.add(empty=str(runtime_path(environment)))
        return janitor.make_folder(runtime_dir(environment), "state-")
    folder = wanted.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LabError(f"the state folder {folder} is not empty, and a lab removes its own; name another.")
    janitor.add(path=str(folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
