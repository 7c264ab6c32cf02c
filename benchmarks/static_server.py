"""A server that answers every request with the same bytes, in as little time as Python allows.

    python -m benchmarks.static_server PORT_FILE COUNT_FILE [--cpu N] [--half-fail]

Every packet is taken for as many requests as it holds heads that end; bodies are looked at no further than
that. COUNT_FILE holds the number of requests so far (8 bytes, little endian), while the server runs too.
With `--half-fail` every second request is answered with 503.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import select
import signal
import socket
import struct
from itertools import cycle, islice
from pathlib import Path

_COUNT = struct.Struct("<q")
BODY = json.dumps({"token": "t" * 40, "user_id": 1, "username": "u"}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: static\r\nContent-Length: %d\r\n\r\n%b"
    % (len(BODY), BODY)
)
FAILING = json.dumps({"error": "Service temporarily busy, please retry"}).encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(FAILING), FAILING)
)


def counter(path: Path) -> mmap.mmap:
    """A file of eight bytes that others can read at any time."""
    path.write_bytes(_COUNT.pack(0))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), _COUNT.size)


def counted(path: Path) -> int:
    """Requests so far."""
    return int(_COUNT.unpack(path.read_bytes())[0])


def serve(port_file: Path, count_file: Path, answers: tuple[bytes, ...] = (ANSWER,)) -> None:
    """Serve on a free loopback port until SIGTERM, with these answers in turn."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setblocking(False)
    count = counter(count_file)
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    port_file.write_text(str(listening.getsockname()[1]))
    poll = select.epoll()
    door = listening.fileno()
    poll.register(door, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    requests, turns = 0, cycle(answers)
    while running:
        for fd, _ in poll.poll(0.2):
            if fd == door:
                try:
                    client, _ = listening.accept()
                except OSError:
                    continue  # whoever knocked has gone
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                poll.register(client.fileno(), select.EPOLLIN)
                continue
            client = clients[fd]
            try:
                data = client.recv(65536)
                if data:
                    heads = data.count(b"\r\n\r\n")
                    requests += heads
                    _COUNT.pack_into(count, 0, requests)
                    client.send(b"".join(islice(turns, heads)))
                    continue
            except OSError:
                pass
            poll.unregister(fd)
            clients.pop(fd).close()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port_file", type=Path)
    parser.add_argument("count_file", type=Path)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--half-fail", action="store_true")
    given = parser.parse_args()
    if given.cpu is not None:
        os.sched_setaffinity(0, {given.cpu})
    serve(given.port_file, given.count_file, (ANSWER, REFUSAL) if given.half_fail else (ANSWER,))


if __name__ == "__main__":
    main()
