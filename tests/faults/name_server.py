"""A name server that takes its time, on a loopback address of its own. Only root may listen on port 53."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ADDRESS = "127.0.0.9"
_IPV4 = b"\x00\x01"
_HEAD_BYTES = 12


def answer_to(query: bytes) -> bytes:
    """127.0.0.1 for whatever name is asked for, and no address of IPv6."""
    end = query.index(b"\x00", _HEAD_BYTES) + 5
    question = query[_HEAD_BYTES:end]
    is_ipv4 = question[-4:-2] == _IPV4
    head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if is_ipv4 else b"\x00\x00") + b"\x00\x00\x00\x00"
    # The name as in the question, IPv4, Internet, to be asked for again at once.
    address = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + socket.inet_aton("127.0.0.1")
    return head + question + (address if is_ipv4 else b"")


@contextmanager
def slow_name_server(takes_s: float) -> Iterator[None]:
    """Answers each question after so long, however many there are."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((ADDRESS, 53))

        def tell(query: bytes, asker: object) -> None:
            with suppress(OSError):  # it may be closed by then
                listening.sendto(answer_to(query), asker)  # type: ignore[arg-type]

        def listen() -> None:
            while True:
                query, asker = listening.recvfrom(512)
                if not query:
                    return  # it was shut down
                timer = threading.Timer(takes_s, tell, (query, asker))
                timer.daemon = True
                timer.start()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield
        finally:
            with suppress(OSError):  # not connected, which does not keep it from waking who listens
                listening.shutdown(socket.SHUT_RD)
            listener.join(5)
