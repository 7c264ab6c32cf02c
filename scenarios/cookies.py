"""Cookies: what one user was given to keep, where its target asks for that (RFC 6265, for one host)."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from scenarios.received import Headers
from scenarios.target import is_loopback

MAX_COOKIES = 50
"""The least that a browser keeps per host; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class _Cookie:
    """Its value, and until when it is sent (monotonic seconds)."""

    value: str
    until_s: float


class CookieJar:
    """One user's cookies for the one host it talks to: names, values and paths."""

    __slots__ = ("_host", "_is_secure", "_kept")

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        # Browsers too trust this machine without TLS.
        self._is_secure = parts.scheme == "https" or is_loopback(self._host)
        self._kept: dict[tuple[str, str], _Cookie] = {}

    def take(self, headers: Headers, path: str) -> None:
        """Keep what the answer to a request for a path sets, and forget what it takes back."""
        for line in headers.all("Set-Cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, found, value = pair.partition("=")
            said = {
                key.strip().lower(): rest.strip() for key, _, rest in (a.partition("=") for a in attributes)
            }
            if not found or not name.strip() or not self._may_set(said):
                continue
            where = said.get("path", "")
            key = (name.strip(), where if where.startswith("/") else _folder(path))
            self._kept.pop(key, None)
            left_s = _left_s(said)
            if left_s > 0:
                self._kept[key] = _Cookie(value.strip(), time.monotonic() + left_s)
                if len(self._kept) > MAX_COOKIES:
                    del self._kept[next(iter(self._kept))]

    def header(self, path: str) -> str:
        """The Cookie header for a path; empty if there is nothing to send."""
        if not self._kept:
            return ""
        path, now = path.partition("?")[0], time.monotonic()
        fitting = [
            (len(at), name, cookie.value)
            for (name, at), cookie in self._kept.items()
            if cookie.until_s > now and _covers(at, path)
        ]
        fitting.sort(key=lambda cookie: -cookie[0])
        return "; ".join(f"{name}={value}" for _, name, value in fitting)

    def values(self) -> list[str]:
        """What is kept, without names."""
        return [cookie.value for cookie in self._kept.values()]

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()

    def _may_set(self, said: dict[str, str]) -> bool:
        domain = said.get("domain", "").lstrip(".").lower()
        is_ours = not domain or self._host == domain or self._host.endswith("." + domain)
        return is_ours and (self._is_secure or "secure" not in said)


def _covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")


def _folder(path: str) -> str:
    """The path that a cookie without one is for."""
    return path.partition("?")[0].rpartition("/")[0] or "/"


def _left_s(said: dict[str, str]) -> float:
    """How long a cookie is to live; not above 0 if the server takes it back."""
    age = said.get("max-age", "")
    if age.lstrip("-").isdecimal():
        return float(age) if len(age) < 12 else math.inf
    try:
        return parsedate_to_datetime(said["expires"]).timestamp() - time.time()
    except (KeyError, ValueError, OverflowError):
        return math.inf
