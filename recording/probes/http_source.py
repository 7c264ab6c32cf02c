"""HTTP sources: Prometheus metrics and JSON, read over one connection that is kept, without proxies or
redirects: a probe goes where its file says and nowhere else."""

from __future__ import annotations

import http.client
import json
import math
import re
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from recording.probes.told import ProbeError, Told, flattened

MOST_BYTES = 8 * 1024 * 1024
"""A page of metrics beyond this is not read: it would cost the target more than it tells."""

_LINE = re.compile(r'([A-Za-z_:][\w:.]*)\s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)')
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


class HttpPage:
    """One page of the target."""

    def __init__(self, url: str, headers: dict[str, str], timeout_s: float) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Accept": "*/*", "User-Agent": "loadverdict-probe", **headers}
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)

    def get(self) -> tuple[int, bytes]:
        """Status and body.

        Raises:
            ProbeError: no answer, or too long a one.
        """
        kept = self._connection.sock is not None
        try:
            return self._ask()
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self._connection.close()
            if not kept:
                raise ProbeError(_reason(error)) from error
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            self._connection.close()
            raise ProbeError(_reason(error)) from error
        # The target closed a connection that was idle: that is no failure.
        try:
            return self._ask()
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            self._connection.close()
            raise ProbeError(_reason(error)) from error

    def _ask(self) -> tuple[int, bytes]:
        self._connection.request("GET", self._path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            self._connection.close()
            raise ProbeError(f"the page is larger than {MOST_BYTES >> 20} MB")
        return answer.status, body

    def close(self) -> None:
        self._connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__).lower()


class PrometheusSource:
    """A page of metrics in Prometheus' text format or OpenMetrics."""

    def __init__(self, page: HttpPage, names: Iterable[str]) -> None:
        self._page = page
        self._names = frozenset(names)

    def read(self) -> Told:
        """The metrics asked for; raises ProbeError."""
        status, body = self._page.get()
        if status != 200:
            raise ProbeError(f"answered with status {status}")
        told = parse_metrics(body.decode("utf-8", "replace"), self._names)
        if not told.numbers and not told.empty and not _looks_like_metrics(body):
            raise ProbeError("the answer is no page of metrics")
        return told

    def close(self) -> None:
        self._page.close()


def _looks_like_metrics(body: bytes) -> bool:
    text = body[:4096].decode("utf-8", "replace").lstrip()
    return not text or text.startswith("#") or _LINE.match(text) is not None


def parse_metrics(text: str, names: Iterable[str]) -> Told:
    """Those of the metrics that are asked for; lines that cannot be read are passed over."""
    told, wanted = Told(), frozenset(names)
    for line in text.splitlines():
        # Thousands of lines, a dozen of which matter: look at the name before anything else.
        name = line.split("{", 1)[0].split(" ", 1)[0]
        if name not in wanted:
            continue
        found = _LINE.match(line)
        value = None if found is None else _number(found[3])
        if found is None or value is None:
            told.empty.add(name)
            continue
        labels = {key: _ESCAPE.sub(_unescaped, raw) for key, raw in _LABEL.findall(found[2] or "")}
        told.add(name, value, labels)
    return told


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n"}.get(found[1], found[1])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return {"+Inf": math.inf, "-Inf": -math.inf}.get(text)


class JsonSource:
    """A health endpoint that answers with JSON, whatever its status: 503 with a body says why."""

    def __init__(self, page: HttpPage) -> None:
        self._page = page

    def read(self) -> Told:
        """Everything in the answer; raises ProbeError."""
        status, body = self._page.get()
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise ProbeError(f"answered with status {status} and no JSON") from None
        return flattened(value, Told())

    def close(self) -> None:
        self._page.close()
