"""Link: one TCP connection of one user, read and written without blocking the others.

Its watcher stays with the event loop as long as the connection lives: that costs nothing per request, and a
connection that the server closes between two requests is known before the next one is sent.
"""

from __future__ import annotations

import errno
import math
import select
import socket
import ssl
from typing import Any

import gevent
from gevent.monkey import get_original
from greenlet import getcurrent

from scenarios.lean.deadlines import Deadlines
from scenarios.lean.failed import ExpiredError, FailedError
from scenarios.lookups import SILENT

_READ, _WRITE = 1, 2
_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)
FIRST_READ = 16_384
NEXT_READ = 262_144

# The interpreter's own socket: gevent's waits and timers are replaced by what is below.
_Socket: Any = get_original("socket", "socket")
_Poll: Any = get_original("select", "poll")


class Link:
    """A plain connection.

    Attributes:
        deadline_s: when the present wait ends, monotonic seconds.
        look_s: see `Deadlines`.
        is_stale: the server has closed it, or said something unasked, while nobody waited.
    """

    __slots__ = (
        "_deadlines", "_hub", "_io", "_poll", "_socket", "_waiter", "deadline_s", "is_stale", "look_s",
    )  # fmt: skip

    def __init__(self, deadlines: Deadlines, family: int) -> None:
        self._deadlines = deadlines
        self._hub = gevent.get_hub()
        self._waiter: Any = None
        self.deadline_s = self.look_s = math.inf
        self.is_stale = False
        self._socket = _Socket(family, socket.SOCK_STREAM)
        self._io = self._hub.loop.io(self._socket.fileno(), _READ)
        self._poll = _Poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)

    def open(self, address: Any, deadline_s: float) -> None:
        """Connect.

        Raises:
            OSError: with the number of what went wrong.
            ExpiredError: not by then.
        """
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = self._socket.connect_ex(address)
        if error not in _UNDER_WAY:
            raise OSError(error, "connect")
        if error:
            expired = self._wait_writable(deadline_s)
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "connect")
            if expired and not self._is_connected():
                raise ExpiredError
        self._io.start(self._on_readable)

    @property
    def is_waiting(self) -> bool:
        """Whether somebody waits for the server."""
        return self._waiter is not None

    def is_usable(self) -> bool:
        """Whether another request can be sent: the server has not closed it and has said nothing unasked.

        Asked of the socket too: the event loop may not have had a turn since the answer.
        """
        return not (self.is_stale or self._poll.poll(0))

    def send(self, data: bytes, deadline_s: float) -> None:
        """Send all of it; raises OSError or ExpiredError."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:], deadline_s)

    def receive(self, deadline_s: float, size: int = FIRST_READ) -> bytes:
        """Wait for a packet; empty once the server has closed. Raises OSError or ExpiredError."""
        while True:
            expired = self._wait(deadline_s)
            try:
                # In any case: a process that was stalled sees deadlines before what came in time.
                data: bytes = self._socket.recv(size)
            except BlockingIOError:
                if expired:
                    raise ExpiredError from None
                continue
            return data

    def expire(self) -> None:
        """Wake whoever waits: it waited too long."""
        self._wake(True)

    def close(self) -> None:
        """Close; calling it twice is harmless."""
        if self._io is not None:
            self._io.stop()
            self._io.close()
            self._io = None
            self._socket.close()
            self.is_stale = True

    def _send_rest(self, data: memoryview, deadline_s: float) -> None:
        self._io.stop()
        try:
            while data:
                expired = self._wait_writable(deadline_s)
                try:
                    data = data[self._socket.send(data) :]
                except BlockingIOError:
                    if expired:
                        raise ExpiredError from None
        finally:
            self._io.start(self._on_readable)

    def _is_connected(self) -> bool:
        try:
            self._socket.getpeername()
        except OSError:
            return False
        return True

    def _wait_writable(self, deadline_s: float) -> bool:
        watcher = self._hub.loop.io(self._socket.fileno(), _WRITE)
        watcher.start(self._wake, False)
        try:
            return self._wait(deadline_s)
        finally:
            watcher.stop()
            watcher.close()

    def _wait(self, deadline_s: float) -> bool:
        """Wait for the socket; True if the deadline came first."""
        self.deadline_s = deadline_s
        if deadline_s < self.look_s:
            self._deadlines.watch(self)
        self._waiter = getcurrent()
        try:
            expired: bool = self._hub.switch()
        finally:
            self._waiter = None
        return expired

    def _on_readable(self) -> None:
        if self._waiter is None:
            self.is_stale = True
            self._io.stop()
        else:
            self._waiter.switch(False)

    def _wake(self, expired: bool) -> None:
        if self._waiter is not None:
            self._waiter.switch(expired)


class TlsLink(Link):
    """The same with TLS: the handshake belongs to connecting."""

    __slots__ = ("_in", "_out", "_tls")

    def __init__(self, deadlines: Deadlines, family: int, context: ssl.SSLContext, host: str) -> None:
        super().__init__(deadlines, family)
        self._in: Any = ssl.MemoryBIO()
        self._out: Any = ssl.MemoryBIO()
        self._tls: Any = context.wrap_bio(self._in, self._out, server_hostname=host)

    def open(self, address: Any, deadline_s: float) -> None:
        """Connect and shake hands; raises ssl.SSLError where the server cannot be trusted."""
        super().open(address, deadline_s)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(deadline_s)
                self._fill(deadline_s)
            except ssl.SSLError:
                self._flush(deadline_s)  # tells the server why
                raise
            else:
                self._flush(deadline_s)
                return

    def is_usable(self) -> bool:
        """The same; nor may anything be left of what was received before."""
        return not (self._in.pending or self._tls.pending()) and super().is_usable()

    def close(self) -> None:
        """Close, and free TLS's buffers: a list of deadlines may hold this link for a while."""
        super().close()
        self._in = self._out = self._tls = None

    def send(self, data: bytes, deadline_s: float) -> None:
        """Send all of it; raises OSError or ExpiredError."""
        self._tls.write(data)
        self._flush(deadline_s)

    def receive(self, deadline_s: float, size: int = FIRST_READ) -> bytes:
        """Wait for decrypted bytes; empty once the server has closed.

        Raises:
            OSError, ExpiredError
            FailedError: the connection ends without TLS's own end mark, so nobody knows whether that is all.
        """
        while True:
            try:
                data: bytes = self._tls.read(size)
            except ssl.SSLWantReadError:
                if self._in.eof:
                    raise FailedError("closed_early") from None
                self._flush(deadline_s)
                self._fill(deadline_s)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                raise FailedError("closed_early") from None
            else:
                return data

    def _fill(self, deadline_s: float) -> None:
        data = super().receive(deadline_s)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _flush(self, deadline_s: float) -> None:
        data = self._out.read()
        if data:
            super().send(data, deadline_s)


def resolved(host: str, port: int, within_s: float) -> list[tuple[int, Any]]:
    """Family and address of each place a name stands for.

    Raises:
        FailedError: outcome `dns`; its code is `SILENT` where the limit ended the wait.
    """
    try:
        with gevent.Timeout(within_s, FailedError("dns", SILENT)):
            found = gevent.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FailedError("dns") from error
    return [(int(family), address) for family, _, _, _, address in found]
