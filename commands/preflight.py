"""Preflight: everything that can be known to be wrong before the first request is sent."""

from __future__ import annotations

import http.client
import shlex
import shutil
import socket
import ssl
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from commands.in_git import is_in_git
from recording.errors import NoDataError, UsageError
from recording.folder import is_there
from recording.scrub import on_screen
from scenarios.accounts import EXPECTED, is_open_to_all
from scenarios.addresses import LIMIT_S, look_up
from scenarios.behaviour import behaviour_file
from scenarios.scenario import Scenario
from scenarios.target import Target
from scenarios.written_secrets import written_secrets

TIMEOUT_S = 5

IN_A_REQUEST, IN_A_PROBE = "write {password}, with accounts", "write ${VARIABLE} in a probe"
"""What to write in the place of a secret."""

SHOWN_KEYS = 3
"""More keys with a secret in one file are counted, not listed."""

LEAST_FREE_BYTES = 4_000_000
"""For the files of a short run; a request takes some 100 bytes."""


def check_before_load(scenario: Scenario, target: Target, processes: int, *, to_run: bool = True) -> None:
    """Raise if the run could not measure anything; warn of accounts and keys that others can read.

    With `to_run` the scenario is about to run; on the web page another one may still be chosen.

    Raises:
        UsageError: requests, accounts or options do not fit together.
        RefusedError: load may not go there.
        NoDataError: the target does not answer.
    """
    target.check_against(scenario)
    target.check_allowed(scenario if to_run else None)
    if scenario.max_requests is not None and processes > 1:
        raise UsageError(f"scenario {scenario.name!r} counts its requests; run it with one process")
    _warn_of_secrets(scenario, target)
    if target.uses_accounts(scenario):
        _check_accounts(scenario, target, processes)
    _check_reachable(target)


def check_room(runs_dir: Path) -> None:
    """Raise if the disk that takes the runs is as good as full.

    Raises:
        UsageError: it is.
    """
    there = next(place for place in (runs_dir, *runs_dir.parents) if is_there(place))
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        return  # whoever makes the folder says what is wrong with it
    if free < LEAST_FREE_BYTES:
        raise UsageError(
            f"only {free / 1e6:.1f} MB are free in {there}, and a run needs at least "
            f"{LEAST_FREE_BYTES / 1e6:.0f} MB; make room, or choose another place with --run-dir"
        )


def _check_accounts(scenario: Scenario, target: Target, processes: int) -> None:
    if target.accounts is None and target.accounts_env is None:
        raise UsageError(
            f"target {target.name!r} needs 'accounts: FILE' or 'accounts_env: VARIABLE' ({EXPECTED}), "
            f"because scenario {scenario.name!r} logs in"
        )
    accounts = len(target.read_accounts())
    peak = scenario.schedule().peak_users
    if scenario.accounts != "shared" and accounts // processes < -(-peak // processes):
        raise UsageError(
            f"scenario {scenario.name!r} has up to {peak} users, each with an account of its own, but "
            f"{target.accounts or target.accounts_env} holds {accounts}; add accounts or set "
            "'accounts: shared'"
        )
    if target.accounts is not None:
        _warn_of_readers(target.accounts)


@cache
def _warn_of_readers(accounts: Path) -> None:
    """Once per command, however many runs it makes."""
    if is_open_to_all(accounts):
        _warn(
            f"everybody on this machine can read the passwords in {accounts}: "
            f"chmod 600 {shlex.quote(str(accounts))}"
        )
    if is_in_git(accounts):
        _warn(
            f"whoever gets the Git repository gets the passwords in {accounts}: take the file out of it "
            "('git rm --cached', .gitignore) and change them"
        )


def _warn_of_secrets(scenario: Scenario, target: Target) -> None:
    for path in (target.file, *map(behaviour_file, scenario.behaviour_names())):
        if path is not None:
            _warn_of_secrets_in(path)


@cache
def _warn_of_secrets_in(path: Path) -> None:
    """Once per command, and only where others get the file: it is the only place for the key of a service
    that the users of a scenario do not log in to."""
    keys = written_secrets(path)
    if not keys or not (is_open_to_all(path) or is_in_git(path)):
        return
    more = f" and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    instead = dict.fromkeys(IN_A_PROBE if key.startswith("probes.") else IN_A_REQUEST for key in keys)
    _warn(
        f"others can read the secret in {path} ({', '.join(keys[:SHOWN_KEYS])}{more}): "
        f"{', or '.join(instead)}, or keep "
        f"the file to yourself (chmod 600 {shlex.quote(str(path))}, and not in Git)"
    )


def _warn(text: str) -> None:
    print(f"loadverdict: warning: {on_screen(text)}", file=sys.stderr)


def _check_resolved(host: str, where: str) -> None:
    try:
        look_up(host)
    except (OSError, UnicodeError) as error:
        if isinstance(error, TimeoutError) or getattr(error, "errno", None) == socket.EAI_AGAIN:
            raise NoDataError(
                f"{where}: nobody told within {LIMIT_S:g} s which address {host!r} has; is the name server "
                "(/etc/resolv.conf) reachable?"
            ) from error
        reason = getattr(error, "strerror", None) or error
        raise NoDataError(
            f"{where}: the name {host!r} has no address ({reason}); is it spelled right?"
        ) from error


def _check_reachable(target: Target) -> None:
    """Ask the health path, or only connect where the target names none."""
    parts = urlsplit(target.base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    where = f"target {target.name!r} at {target.base_url}"
    try:
        _check_resolved(host, where)
        if target.health is None:
            socket.create_connection((host, port), TIMEOUT_S).close()
            return
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(host, port, timeout=TIMEOUT_S)
        connection.request("GET", target.health)
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise NoDataError(f"{where} does not answer: {reason}; is it running?") from error
    if status >= 500:
        raise NoDataError(f"{where}: {target.health} answers {status}; it is not healthy before any load")
