"""Redis source: INFO of a Redis or Valkey server, in the few lines of its protocol that this needs."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from recording.probes.told import ProbeError, Told

_MOST_BYTES = 1 << 20


class RedisSource:
    """A connection that is kept; `redis://[user:password@]host[:port]`, `rediss://…` or `unix:///socket`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._left = b""

    def read(self) -> Told:
        """Every figure of INFO, `cmdstat_get:calls=1,usec=2` as cmdstat_get.calls; raises ProbeError."""
        try:
            if self._socket is None:
                self._connect()
            return parse_info(self._call(b"INFO", b"everything").decode("utf-8", "replace"))
        except TimeoutError:
            self.close()
            raise ProbeError("no answer in time") from None
        except OSError as error:
            self.close()
            raise ProbeError((error.strerror or type(error).__name__).lower()) from None

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket, self._left = None, b""

    def _connect(self) -> None:
        url = self._url
        if url.scheme == "unix":
            found = socket.socket(socket.AF_UNIX)
            found.settimeout(self._timeout_s)
            try:
                found.connect(url.path)
            except OSError:
                found.close()
                raise
        else:
            found = socket.create_connection((url.hostname or "", url.port or 6379), self._timeout_s)
            if url.scheme == "rediss":
                found = ssl.create_default_context().wrap_socket(found, server_hostname=url.hostname)
        self._socket = found
        if url.password:
            user = [unquote(url.username).encode()] if url.username else []
            self._call(b"AUTH", *user, unquote(url.password).encode())

    def _call(self, *words: bytes) -> bytes:
        """One command and its simple or bulk answer. What an error says is not passed on: it may quote us."""
        assert self._socket is not None
        parts = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        self._socket.sendall(b"*%d\r\n%b" % (len(words), parts))
        head = self._line()
        if head[:1] == b"-":
            self.close()
            code = head[1:].split(b" ", 1)[0].decode("ascii", "replace")[:20]
            raise ProbeError(f"refused {words[0].decode()} ({code})")
        if head[:1] != b"$":
            return head[1:]
        length = int(head[1:]) if head[1:].isdigit() else -1
        if not 0 <= length <= _MOST_BYTES:
            self.close()
            raise ProbeError("does not speak Redis' protocol")
        while len(self._left) < length + 2:
            self._more()
        body, self._left = self._left[:length], self._left[length + 2 :]
        return body

    def _line(self) -> bytes:
        while b"\r\n" not in self._left:
            if len(self._left) > 4096:
                self.close()
                raise ProbeError("does not speak Redis' protocol")
            self._more()
        line, self._left = self._left.split(b"\r\n", 1)
        return line

    def _more(self) -> None:
        assert self._socket is not None
        more = self._socket.recv(1 << 16)
        if not more:
            self.close()
            raise ProbeError("closed the connection")
        self._left += more


def parse_info(text: str) -> Told:
    """INFO by its field names."""
    told = Told()
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        for part in value.split(",") if "=" in value else ():
            key, _, figure = part.partition("=")
            _add(told, f"{name}.{key}", figure)
        if "=" not in value:
            _add(told, name, value)
    # Over all commands, since what a server spends on each differs by a hundred times.
    for field in ("calls", "usec"):
        for name in [n for n in told.numbers if n.startswith("cmdstat_") and n.endswith(f".{field}")]:
            told.numbers.setdefault(f"cmdstat.{field}", []).extend(
                s._replace(labels={"command": name[8 : -len(field) - 1]}) for s in told.numbers[name]
            )
    return told


def _add(told: Told, name: str, text: str) -> None:
    try:
        told.add(name, float(text))
    except ValueError:
        told.texts[name] = text
