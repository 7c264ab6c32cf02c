"""Session: the lean client of one process, and of each of its users."""

from __future__ import annotations

import errno
import math
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from recording.rows import traits
from recording.sample import size_class
from scenarios.lean.deadlines import Deadlines
from scenarios.lean.failed import ExpiredError, FailedError, failure_of
from scenarios.lean.link import NEXT_READ, Link, TlsLink, resolved
from scenarios.lean.message import MAX_BODY_BYTES, Message
from scenarios.prepared import Prepared, UnsendableError
from scenarios.received import Received
from scenarios.scenario import Timeouts

_GONE = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN})

LARGE_BYTES = 65_536
"""Requests above this may not fit into the socket's buffer."""

KEPT_CLOSED = "kept_connection_closed"
"""Code of a request on whose kept connection the server hung up before any byte of the answer. Browsers send
it once more; here that would be one request in the record and two at the target."""


class LeanClient:
    """What the users of one process share: the target's addresses, TLS settings and deadlines."""

    def __init__(
        self,
        base_url: str,
        timeouts: Timeouts,
        *,
        fresh: bool = False,
        context: ssl.SSLContext | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        """Prepare for a target.

        Args:
            base_url: scheme, host and port.
            timeouts: limits of each request.
            fresh: a connection for each request, in place of one per user.
            context: TLS settings; certificates are checked against the system's authorities by default.
            max_body_bytes: larger answers are `bad_response`.
        """
        parts = urlsplit(base_url)
        is_tls = parts.scheme == "https"
        self.connect_s, self.read_s = timeouts.connect_s, timeouts.read_s
        self.fresh = fresh
        self.max_body_bytes = max_body_bytes
        self._deadlines = Deadlines()
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if is_tls else 80)
        self._context = (context or ssl.create_default_context()) if is_tls else None
        self._addresses: list[tuple[int, Any]] = []

    def user(self) -> LeanSession:
        """A client for one more user."""
        return LeanSession(self)

    def close(self) -> None:
        """Stop watching deadlines."""
        self._deadlines.close()

    def connect(self, deadline_s: float) -> Link:
        """A new connection to the first address that takes one.

        Raises:
            FailedError, OSError
        """
        within = min(time.monotonic() + self.connect_s, deadline_s)
        if not self._addresses:
            self._addresses = resolved(self._host, self._port, max(0.001, within - time.monotonic()))
        places = self._addresses  # other users may meanwhile put another one first
        for place in places:
            try:
                link = self._connected(*place, within)
            except ExpiredError:
                raise FailedError("connect_timeout") from None
            except OSError:
                if place is places[-1]:
                    raise
                continue
            if place is not places[0]:
                self._addresses = [place, *(other for other in places if other is not place)]
            return link
        raise FailedError("dns")

    def _connected(self, family: int, address: Any, deadline_s: float) -> Link:
        if self._context is None:
            link = Link(self._deadlines, family)
        else:
            link = TlsLink(self._deadlines, family, self._context, self._host)
        try:
            link.open(address, deadline_s)
        except BaseException:
            link.close()
            raise
        return link


class LeanSession:
    """One user's client: at most one connection, kept from request to request."""

    __slots__ = ("_client", "_link", "_message", "_opened_s", "_traits")

    def __init__(self, client: LeanClient) -> None:
        self._client = client
        self._link: Link | None = None
        self._message: Message | None = None
        self._opened_s = 0.0
        self._traits = 0

    def exchange(
        self,
        prepared: Prepared,
        variables: Mapping[str, str],
        cookies: str = "",
        deadline_s: float = math.inf,
    ) -> Received:
        """Send one request and wait for its answer; see `scenarios.received.Sender`."""
        self._traits = 0
        try:
            data = prepared.message(variables, cookies)
            return self._attempt(prepared, data, deadline_s)
        except UnsendableError:
            raise
        except FailedError as failed:
            return Received(outcome=failed.outcome, code=failed.code, traits=self._traits)
        except OSError as error:
            found = failure_of(error)
            return Received(outcome=found.outcome, code=found.code, traits=self._traits)
        except Exception as error:  # whatever it is, the request must not vanish
            return Received(outcome="generator", code=type(error).__name__)

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()
        self._link = self._message = None

    def _attempt(self, prepared: Prepared, data: bytes, deadline_s: float) -> Received:
        """Send it, once; afterwards the link is ready for the next request, or closed."""
        keep = False
        try:
            kept = self._ready(deadline_s, len(data))
            link, message = self._link, self._message
            assert link is not None
            assert message is not None
            message.begin(prepared.is_head)
            try:
                self._converse(link, message, data, deadline_s)
            except (OSError, FailedError) as error:
                failed = failure_of(error) if isinstance(error, OSError) else error
                if kept and not message.begun and failed.outcome in ("reset", "closed_early"):
                    raise FailedError(failed.outcome, KEPT_CLOSED) from None
                raise
            body = message.body()
            keep = message.keep_alive and not self._client.fresh
            return Received(message.status, message.headers, body, traits=self._traits)
        finally:
            if not keep:
                self.close()

    def _ready(self, deadline_s: float, request_bytes: int) -> bool:
        """Have a connection; True if it is one that was kept."""
        if self._link is not None and self._link.is_usable():
            age_s = time.monotonic() - self._opened_s
            self._traits = traits(size_class(age_s) + 1, request_bytes)
            return True
        self.close()
        self._traits = traits(0, request_bytes)
        self._link = self._client.connect(deadline_s)
        self._opened_s = time.monotonic()
        self._message = Message(self._client.max_body_bytes)
        return False

    def _converse(self, link: Link, message: Message, data: bytes, deadline_s: float) -> None:
        read_s = self._client.read_s
        try:
            until = min(time.monotonic() + read_s, deadline_s)
            broken = _sent(link, data, until)
            if len(data) > LARGE_BYTES:  # sending took its own time
                until = min(time.monotonic() + read_s, deadline_s)
            packet = link.receive(until)
            if broken and not packet:
                raise broken
            while True:
                if packet:
                    message.feed(packet)
                else:
                    message.end()
                if message.is_complete:
                    return
                now = time.monotonic()
                if now >= deadline_s:  # a server that never pauses reaches no limit of a wait
                    raise FailedError("total_timeout")
                until = min(now + read_s, deadline_s)
                packet = link.receive(until, NEXT_READ)
        except ExpiredError:
            if until >= deadline_s:
                raise FailedError("total_timeout") from None
            raise FailedError("body_timeout" if message.begun else "first_byte_timeout") from None


def _sent(link: Link, data: bytes, until: float) -> OSError | None:
    """Send; None if all of it is gone.

    A server may answer a large request and close before it has read all of it: the answer is still there.
    """
    try:
        link.send(data, until)
    except OSError as error:
        if error.errno in _GONE and len(data) > LARGE_BYTES:
            return error
        raise
    return None
