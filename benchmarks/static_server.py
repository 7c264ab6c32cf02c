"""A server that answers every request with the same bytes, in as little time as Python allows.

    python -m benchmarks.static_server PORT_FILE COUNT_FILE [CPU]

Every packet is taken for as many requests as it holds heads that end; bodies are looked at no further than
that. COUNT_FILE holds the number of requests once SIGTERM has ended it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

BODY = json.dumps({"token": "t" * 40, "user_id": 1, "username": "u"}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: static\r\nContent-Length: %d\r\n\r\n%b"
    % (len(BODY), BODY)
)


def serve(port_file: Path, count_file: Path) -> None:
    """Serve on a free loopback port until SIGTERM."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setblocking(False)
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
                client, _ = listening.accept()
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
                    client.send(ANSWER * heads)
                    continue
            except OSError:
                pass
            poll.unregister(fd)
            clients.pop(fd).close()
    count_file.write_text(str(requests))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        os.sched_setaffinity(0, {int(sys.argv[3])})
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
