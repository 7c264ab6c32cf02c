"""Servers that misbehave, each in one way, on a real socket of this machine.

A `Script` says what the server does with each connection; it runs in a thread, so that no event loop of a
client can wait for the server by accident.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"token": 1}\n'
LONGEST_S = 20.0
CONNECT_S, READ_S, TOTAL_S = 0.6, 0.6, 1.5
"""Limits of the requests that are sent to them."""

Script = Callable[[socket.socket, int], None]
"""What is done with a connection; the number counts the connections from 0."""


def read_head(connection: socket.socket) -> bytes:
    """The head of a request; empty if the client closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    return data


def says(*packets: bytes, pause_s: float = 0.0) -> Script:
    """Answer with these packets, then close."""

    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        for packet in packets:
            connection.sendall(packet)
            time.sleep(pause_s)

    return script


def says_and_hangs(*packets: bytes) -> Script:
    """Answer with these packets and then say nothing more, for ever."""

    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        for packet in packets:
            connection.sendall(packet)
        read_head(connection)

    return script


def half_closes(*packets: bytes) -> Script:
    """Answer with these packets, then FIN, and read on until the client closes."""

    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        for packet in packets:
            connection.sendall(packet)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    return script


def stops_reading(connection: socket.socket, _: int) -> None:
    """Close the client's half of the connection, and answer."""
    read_head(connection)
    connection.shutdown(socket.SHUT_RD)
    connection.sendall(OK)


def drips(packet: bytes, pause_s: float) -> Script:
    """The head at once, then a byte now and then, for ever."""

    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        connection.sendall(packet)
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            time.sleep(pause_s)
            connection.sendall(b"x")

    return script


def resets(connection: socket.socket, _: int) -> None:
    """Read the request, then RST."""
    read_head(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answers_anything(connection: socket.socket, _: int) -> None:
    """Answer in plain HTTP whatever comes, such as the beginning of a TLS handshake."""
    connection.recv(65536)
    connection.sendall(OK)


def closes(connection: socket.socket, _: int) -> None:
    """Read the request, then FIN."""
    read_head(connection)


@contextlib.contextmanager
def serving(script: Script, family: socket.AddressFamily = socket.AF_INET) -> Iterator[str]:
    """A server that does that; its URL."""
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((host, 0))
    listening.listen(64)
    threads: list[threading.Thread] = []

    def work(connection: socket.socket, number: int) -> None:
        connection.settimeout(LONGEST_S)
        with contextlib.suppress(OSError, ValueError):
            script(connection, number)
        connection.close()

    def accept() -> None:
        number = 0
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=work, args=(connection, number), daemon=True))
                threads[-1].start()
                number += 1

    threading.Thread(target=accept, daemon=True).start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listening.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """A port whose queue of new connections is full, so that nobody gets an answer to a SYN."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    waiting = []
    for _ in range(4):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)
        one.connect_ex(listening.getsockname())
        waiting.append(one)
    time.sleep(0.1)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        for one in [*waiting, listening]:
            one.close()


def closed_port() -> str:
    """A URL where nobody listens."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def certificate(folder: Path) -> Path:
    """A certificate for localhost that signs itself, with its key."""
    file = folder / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(file), "-out", str(folder / "c")),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + (folder / "c").read_text())
    return file


def over_tls(file: Path, script: Script, asked_for: Callable[[str], object] | None = None) -> Script:
    """The same behind TLS; `asked_for` is told which host the client wants."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if asked_for is not None:
        context.sni_callback = lambda _, name, __: asked_for(name or "") and None

    def wrapped(connection: socket.socket, number: int) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        script(_OverTls(connection, tls, incoming, outgoing), number)  # type: ignore[arg-type]

    return wrapped


class _OverTls:
    """As much of a socket as the scripts need."""

    def __init__(
        self, raw: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self.raw, self.tls, self.incoming, self.outgoing = raw, tls, incoming, outgoing
        self._do(tls.do_handshake)

    def recv(self, size: int) -> bytes:
        try:
            return self._do(lambda: self.tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, data: bytes) -> None:
        self._do(lambda: self.tls.write(data))

    def shutdown(self, _: int) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.raw.sendall(self.outgoing.read())

    def _do(self, step: Callable[[], object]) -> bytes:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self.raw.sendall(self.outgoing.read())
                data = self.raw.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            else:
                self.raw.sendall(self.outgoing.read())
                return result  # type: ignore[return-value]
