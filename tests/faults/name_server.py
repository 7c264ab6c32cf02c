"""Name servers that take their time, or never answer, on a loopback address of their own.

Only root may listen on port 53.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

ADDRESS = "127.0.0.9"
_IPV4 = b"\x00\x01"
_HEAD_BYTES = 12


def question_of(query: bytes) -> bytes:
    """The name, and what is asked of it."""
    return query[_HEAD_BYTES : query.index(b"\x00", _HEAD_BYTES) + 5]


def is_ipv4(query: bytes) -> bool:
    """Whether the address of IPv4 is asked for."""
    return question_of(query)[-4:-2] == _IPV4


def answer_to(query: bytes) -> bytes:
    """127.0.0.1 for whatever name is asked for, and no address of IPv6."""
    question = question_of(query)
    found = is_ipv4(query)
    head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + b"\x00\x00\x00\x00"
    # The name as in the question, IPv4, Internet, to be asked for again at once.
    address = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + socket.inet_aton("127.0.0.1")
    return head + question + (address if found else b"")


Asker = tuple[str, int]
"""Address and port that a question came from."""


@contextmanager
def slow_name_server(takes_s: float) -> Iterator[None]:
    """Answers each question after so long, however many there are."""

    def tell(listening: socket.socket, query: bytes, asker: Asker) -> None:
        with suppress(OSError):  # it may be closed by then
            listening.sendto(answer_to(query), asker)

    def hear(listening: socket.socket, query: bytes, asker: Asker) -> None:
        timer = threading.Timer(takes_s, tell, (listening, query, asker))
        timer.daemon = True
        timer.start()

    with _name_server(hear):
        yield


@contextmanager
def silent_name_server() -> Iterator[set[tuple[Asker, bytes]]]:
    """Answers nobody; gives one entry for each lookup that has asked it, however often it asked again."""
    lookups: set[tuple[Asker, bytes]] = set()

    def hear(_: socket.socket, query: bytes, asker: Asker) -> None:
        if is_ipv4(query):  # each lookup asks for IPv6 too
            lookups.add((asker, query[:2]))

    with _name_server(hear):
        yield lookups


@contextmanager
def _name_server(hear: Callable[[socket.socket, bytes, Asker], None]) -> Iterator[None]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((ADDRESS, 53))

        def listen() -> None:
            while True:
                query, asker = listening.recvfrom(512)
                if not query:
                    return  # it was shut down
                hear(listening, query, asker)

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
        finally:
            with suppress(OSError):  # not connected, which does not keep it from waking who listens
                listening.shutdown(socket.SHUT_RD)
            listener.join(5)
