"""Synapse server: installed from PyPI into a venv of its own, run on the lab's embedded PostgreSQL."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import yaml

from benchmarks.synapse_files import (
    ACCOUNTS,
    LOOPBACK,
    Configuration,
    Places,
    homeserver,
    log_config,
    target,
)
from lab.errors import LabError
from lab.processes import Child, Janitor, spawn, wait_for
from lab.servers import PostgreSQL, Server, make_home, tail

PACKAGES = ("matrix-synapse==1.163.2", "psycopg2-binary==2.9.13")
_START_LIMIT_S = 90.0
_STOP_PATIENCE_S = 10.0


def install(folder: Path) -> Path:
    """The Python that has Synapse, in `folder`/venv; made at the first call (20 s, 250 MB).

    Raises:
        LabError: pip could not install it; its log is named.
    """
    python, log = folder / "venv/bin/python", folder / "pip.log"
    done = folder / "venv/installed.txt"
    if done.exists() and done.read_text() == "\n".join(PACKAGES):
        return python
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    with log.open("w") as stream:
        code = subprocess.call(
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES], stdout=stream, stderr=stream
        )
    if code != 0:
        raise LabError(f"Synapse could not be installed; pip's log is {log}.")
    done.write_text("\n".join(PACKAGES))
    return python


@contextmanager
def database_server() -> Iterator[tuple[Server, Janitor]]:
    """A PostgreSQL on a socket, and the janitor that ends it, and all else it is told of, however we end."""
    janitor = Janitor()
    server = None
    try:
        postgres = PostgreSQL(make_home(janitor), janitor)
        postgres.initialise()
        server = postgres.start()
        yield server, janitor
    finally:
        if server is not None and server.child is not None:
            server.child.stop(signal.SIGQUIT, _STOP_PATIENCE_S)
        janitor.finish()


@contextmanager
def running(
    configuration: Configuration, folder: Path, python: Path, database: Server, janitor: Janitor
) -> Iterator[Path]:
    """A Synapse with its accounts; yields the target file that describes it.

    Its secrets and keys are in a folder that goes with it. `folder` keeps the target file, and the accounts
    as long as Synapse runs.

    Raises:
        LabError: Synapse did not start, or refused an account.
    """
    home = make_home(janitor)
    name = "synapse_" + configuration.name.replace("-", "_")
    port, metrics_port = free_ports(2)
    places = Places(home, port, metrics_port, name, socket_folder(database.url))
    secret = secrets.token_urlsafe(32)
    make_database(database.url, name)
    _write(home / "homeserver.yaml", homeserver(configuration, places, secret))
    _write(home / "log.yaml", log_config())
    accounts = folder / "accounts.csv"
    janitor.add(path=str(accounts))
    child = None
    try:
        child = _start(python, home, janitor)
        _wait_until_healthy(child, port, home)
        if configuration.sql:
            with psycopg.connect(f"{database.url} dbname={name}", autocommit=True) as connection:
                connection.execute(configuration.sql.encode())
        write_accounts(accounts, register(port, secret))
        _write(folder / "synapse.yaml", target(places))
        yield folder / "synapse.yaml"
    finally:
        accounts.unlink(missing_ok=True)
        if child is not None:
            child.stop(signal.SIGTERM, _STOP_PATIENCE_S)


def socket_folder(url: str) -> str:
    """The host of a libpq connection string, which for a socket is its folder."""
    return dict(part.split("=", 1) for part in url.split())["host"]


def make_database(url: str, name: str) -> None:
    """An empty database as Synapse demands it: UTF8, sorted by bytes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0".encode()
        )


def register(port: int, secret: str) -> list[tuple[str, str]]:
    """Make the accounts through the admin API; returns names and passwords."""
    accounts = [(f"user{number:03}", secrets.token_urlsafe(12)) for number in range(ACCOUNTS)]
    for name, password in accounts:
        nonce = _ask(port, "/_synapse/admin/v1/register")["nonce"]
        text = "\0".join((nonce, name, password, "notadmin"))
        mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False, "mac": mac}
        _ask(port, "/_synapse/admin/v1/register", body)
    return accounts


def write_accounts(path: Path, accounts: list[tuple[str, str]]) -> None:
    """accounts.csv, for its owner only."""
    path.touch(mode=0o600)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("username", "password"), *accounts])


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start(python: Path, home: Path, janitor: Janitor) -> Child:
    config = home / "homeserver.yaml"
    command: list[str | Path] = [python.absolute(), "-m", "synapse.app.homeserver", "-c", config]
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    keys = spawn("keys", [*command, "--generate-keys"], home / "synapse.log", environment=environment)
    janitor.add_child(keys)
    if keys.popen.wait(_START_LIMIT_S) != 0:
        raise LabError(f"Synapse made no keys: {tail(home / 'synapse.log')}")
    child = spawn("synapse", command, home / "synapse.log", environment=environment, folder=home)
    janitor.add_child(child)
    return child


def _wait_until_healthy(child: Child, port: int, home: Path) -> None:
    def healthy() -> bool:
        with suppress(OSError):
            return bool(_opener().open(f"http://{LOOPBACK}:{port}/health", timeout=2).status == 200)
        return False

    if not wait_for(lambda: healthy() or not child.running(), _START_LIMIT_S, 0.2) or not child.running():
        raise LabError(f"Synapse did not start: {tail(home / 'synapse.log')}")


def _ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with _opener().open(request, timeout=30) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError) as error:
        raise LabError(f"Synapse refused to register an account: {error}") from None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
