"""Message: one answer, put together from the packets in which it comes."""

from __future__ import annotations

import zlib

import httptools

from scenarios.lean.failed import FailedError

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_HEAD_BYTES = 256 * 1024
MAX_INTERIM = 20
"""Answers of class 1xx before the one that counts."""

MAX_ENCODINGS = 5
MAX_MEMBERS = 1_000
"""Of one gzip body: each costs a copy of what follows it."""

_IN_ONE_PIECE = {b"gzip": 31, b"x-gzip": 31, b"deflate": 47}


class Message:
    """Reads the answers of one link, one after another.

    Attributes:
        headers: names and values as they came.
        is_complete: the whole answer is here.
        keep_alive: whether the link can be used again.
        begun: whether any byte of an answer is here.
    """

    __slots__ = (
        "_body", "_encoding", "_head_done", "_interim", "_is_head", "_max_bytes", "_parser", "_received",
        "_size", "_surplus", "begun", "headers", "is_complete", "keep_alive", "status",
    )  # fmt: skip

    def __init__(self, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_bytes = max_bytes
        self._parser = httptools.HttpResponseParser(self)
        self.begin(is_head=False)

    def begin(self, is_head: bool) -> None:
        """Get ready for the next answer."""
        self.headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._encoding = b""
        self._size = self._received = self._interim = 0
        self._is_head = is_head
        self._head_done = self._surplus = self.begun = self.is_complete = False
        self.keep_alive = True
        self.status = 0

    def feed(self, data: bytes) -> None:
        """Take a packet.

        Raises:
            FailedError: what came is no answer (`bad_response`).
        """
        self.begun = True
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete(keep_alive=False)
        except httptools.HttpParserError as error:
            if not self.is_complete:
                cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
                failed = cause if isinstance(cause, FailedError) else FailedError("bad_response", "bad_http")
                raise failed from error
            self.keep_alive = False  # rubbish behind a whole answer
        if self._surplus:
            self.keep_alive = False
        if self._received > MAX_HEAD_BYTES and not self.is_complete:
            self._check_size()

    def end(self) -> None:
        """The server has closed.

        Raises:
            FailedError: there was more to come (`closed_early`).
        """
        if not self._head_done or not self._lasts_until_close():
            raise FailedError("closed_early")
        self._complete(keep_alive=False)

    def body(self) -> bytes:
        """The body, decompressed.

        Raises:
            FailedError: it cannot be, or is too large.
        """
        body = bytes(self._body)
        return self._decoded(body) if self._encoding and body else body

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody asked for, if ours is complete already."""
        if self.is_complete:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. Trailers, which come behind the body, must not pass for headers."""
        if self._head_done:
            return
        self.headers.append((name, value))
        if len(name) == 16 and name.lower() == b"content-encoding":
            self._encoding = b"%b,%b" % (self._encoding, value.lower())
        elif len(name) == 17 and name.lower() == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise FailedError("bad_response", "unknown_encoding")

    def on_headers_complete(self) -> None:
        """The head is here: interim answers are not the one we wait for."""
        if self.is_complete:
            return
        status = self._parser.get_status_code()
        if status < 100:
            raise FailedError("bad_response", "bad_http")
        if status < 200 and status != 101:
            return
        self.status = status
        self._head_done = True
        if self._is_head:
            # A parser cannot know that no body follows: this link ends here.
            self._complete(keep_alive=False)

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self.is_complete:
            return
        self._size += len(data)
        if self._size > self._max_bytes:
            # At once: the exception's traceback is a cycle, and those are looked for seldom during a run.
            self._body = bytearray()
            raise FailedError("bad_response", "body_too_large")
        self._body += data

    def on_message_complete(self) -> None:
        """The answer ends here, or only an interim one did."""
        if self._head_done:
            if not self.is_complete:
                self._complete(keep_alive=self._parser.should_keep_alive())
            return
        self._interim += 1
        if self._interim > MAX_INTERIM:
            raise FailedError("bad_response", "bad_http")
        self.headers = []
        self._encoding = b""

    def _complete(self, keep_alive: bool) -> None:
        self.status = self.status or self._parser.get_status_code()
        self._head_done = self.is_complete = True
        self.keep_alive = keep_alive

    def _check_size(self) -> None:
        """Head, trailers and the bytes between chunks have their limit too."""
        if not self._head_done:
            raise FailedError("bad_response", "head_too_large")
        if self._received > MAX_HEAD_BYTES + 2 * self._max_bytes:
            raise FailedError("bad_response", "body_too_large")

    def _lasts_until_close(self) -> bool:
        """Whether nothing in the head says where the body ends."""
        return not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    def _decoded(self, body: bytes) -> bytes:
        encodings = [one.strip() for one in self._encoding.split(b",")]
        encodings = [one for one in encodings if one not in (b"", b"identity")]
        if len(encodings) > MAX_ENCODINGS:
            raise FailedError("bad_response", "unknown_encoding")
        for encoding in reversed(encodings):
            bits = _IN_ONE_PIECE.get(encoding)
            if bits is None:
                raise FailedError("bad_response", "unknown_encoding")
            body = _inflated(body, bits, self._max_bytes)
        return body


def _inflated(body: bytes, bits: int, max_bytes: int) -> bytes:
    """Decompressed, members that follow one another included.

    Some servers send bare deflate where the standard asks for zlib's wrapping; both are taken.
    """
    if bits != 31 and not _has_zlib_head(body):
        bits = -15
    parts: list[bytes] = []
    size = 0
    try:
        while body:
            if len(parts) == MAX_MEMBERS:
                raise FailedError("bad_response", "bad_encoding")
            one = zlib.decompressobj(bits)
            parts.append(one.decompress(body, max_bytes + 1 - size))
            size += len(parts[-1])
            if size > max_bytes:
                parts.clear()  # as in `on_body`
                raise FailedError("bad_response", "body_too_large")
            if not one.eof:
                raise FailedError("bad_response", "bad_encoding")
            body = one.unused_data if bits == 31 else b""
            body = body.lstrip(b"\0") if body[:1] == b"\0" else body
    except zlib.error as error:
        raise FailedError("bad_response", "bad_encoding") from error
    return b"".join(parts)


def _has_zlib_head(body: bytes) -> bool:
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
