"""Addresses: which ones the name of a host stands for now."""

from __future__ import annotations

import socket
import threading

LIMIT_S = 5.0
"""The system's resolver has no limit that could be set: it asks a silent server for half a minute."""


def look_up(host: str) -> list[str]:
    """The addresses of a host, each once, as the system knows them.

    Raises:
        TimeoutError: nobody told within the limit.
        OSError: it has none, or no name server could be asked (`errno` of `socket.gaierror`).
        UnicodeError: "a..b" cannot be a name.
    """
    found: list[str] = []
    problems: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            told = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            problems.append(error)
        else:
            found.extend(dict.fromkeys(str(address[0]) for *_, address in told))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(LIMIT_S)
    if asking.is_alive():
        raise TimeoutError
    if problems:
        raise problems[0]
    return found


def addresses_of(host: str) -> list[str]:
    """The same; none where they cannot be known."""
    try:
        return look_up(host)
    except (OSError, UnicodeError):
        return []
