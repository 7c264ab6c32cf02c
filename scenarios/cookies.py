"""Cookies: what one user was given to keep, where its target asks for that."""

from __future__ import annotations

from scenarios.received import Headers

MAX_COOKIES = 50
"""The least that a browser keeps per host."""


class CookieJar:
    """One user's cookies for the one host it talks to: names, values and paths."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def take(self, headers: Headers) -> None:
        """Keep what an answer sets, and forget what it takes back."""
        for line in headers.all("Set-Cookie"):
            pair, *attributes = [part.strip() for part in line.split(";")]
            name, found, value = pair.partition("=")
            if not found or not name:
                continue
            said = {
                key.strip().lower(): rest.strip() for key, _, rest in (a.partition("=") for a in attributes)
            }
            path = said.get("path", "/")
            key = (name.strip(), path if path.startswith("/") else "/")
            self._kept.pop(key, None)
            if not _is_over(said) and len(self._kept) < MAX_COOKIES:
                self._kept[key] = value.strip()

    def header(self, path: str) -> str:
        """The Cookie header for a path; empty if there is nothing to send."""
        if not self._kept:
            return ""
        path = path.partition("?")[0]
        fitting = [(len(at), name, value) for (name, at), value in self._kept.items() if _covers(at, path)]
        fitting.sort(key=lambda cookie: -cookie[0])
        return "; ".join(f"{name}={value}" for _, name, value in fitting)


def _covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.rstrip("/") + "/")


def _is_over(said: dict[str, str]) -> bool:
    """Whether the server takes the cookie back; a life that ends later than the run is no life's end."""
    age = said.get("max-age", "")
    if age.lstrip("-").isdigit():
        return int(age) <= 0
    return "1970" in said.get("expires", "")
