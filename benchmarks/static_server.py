"""A server that answers every request with the same bytes, in as little time as Python allows.

    python -m benchmarks.static_server PORT_FILE COUNT_FILE [CPU]

Every packet is taken for as many requests as it holds heads that end; bodies are looked at no further than
that. COUNT_FILE holds the number of requests so far (8 bytes, little endian), while the server runs too.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path

_COUNT = struct.Struct("<q")
BODY = json.dumps({"token": "t" * 40, "user_id": 1, "username": "u"}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: static\r\nContent-Length: %d\r\n\r\n%b"
    % (len(BODY), BODY)
)


def counter(path: Path) -> mmap.mmap:
    """A file of eight bytes that others can read at any time."""
    path.write_bytes(_COUNT.pack(0))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), _COUNT.size)


def counted(path: Path) -> int:
    """Requests so far."""
    return int(_COUNT.unpack(path.read_bytes())[0])


def serve(port_file: Path, count_file: Path) -> None:
    """Serve on a free loopback port until SIGTERM."""
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
    requests = 0
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
                    client.send(ANSWER * heads)
                    continue
            except OSError:
                pass
            poll.unregister(fd)
            clients.pop(fd).close()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
