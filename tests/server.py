"""A real HTTP server for tests, in a process of its own, that counts what it was asked.

    python tests/server.py PORT_FILE COUNT_FILE MODE

It answers POST /login after 30 ms; every sixth with 503 in mode `mixed`, and in mode `hostile`, where its
text is markup; never in mode `hang`; in mode `echo` with 400 and what it was sent; in mode `slow` after 3 s;
in mode `freeze` nothing is answered from the second to the seventh second after the first request; in mode
`limit` with 503 at once beyond 12 in the last second; in mode `switch` as in `mixed` until PUT /switch says
{"busy": false}; GET /switch tells how it is. In mode `api` POST /form takes a login as a form and
gives a ticket (JSON), a session (cookie) and a trace (header), and GET /items/TICKET wants all three back;
whatever is wrong gets 401. COUNT_FILE holds the number of requests read so far (rewritten 50 times a second
and at the end).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import parse_qsl

OK = json.dumps({"token": "t", "user_id": 1, "username": "u"}).encode()
LIMIT = 12
BUSY = json.dumps({"error": "Service temporarily busy, please retry"}).encode()


def api_answer(head: str, sent: bytes) -> bytes:
    method, path, _ = head.split(" ", 2)
    form = dict(parse_qsl(sent.decode()))
    number = form.get("name", "").removeprefix("user")
    status, body, more = "401 Unauthorized", {"error": "Invalid credentials"}, ""
    if (method, path) == ("POST", "/form") and form.get("secret") == f"pass-word-{number}":
        status, body = "201 Created", {"data": {"tickets": [{"id": f"t{number}"}]}}
        more = f"Set-Cookie: session=s{number}; Path=/; HttpOnly\r\nX-Trace: x{number}\r\n"
    elif method == "GET" and path.startswith("/items/t"):
        number = path.removeprefix("/items/t")
        if f"X-Trace: x{number}\r\n" in head and f"X-Session: s{number}\r\n" in head:
            status, body = "200 OK", {"items": []}
    text = json.dumps(body)
    kind = f"Content-Type: application/json\r\n{more}Content-Length: {len(text)}"
    return f"HTTP/1.1 {status}\r\n{kind}\r\n\r\n{text}".encode()


HOSTILE = json.dumps(
    {"error": "</script><img src=x onerror=\"document.title='owned'\"><b id=owned>Service</b> busy"}
).encode()
REFUSALS = {"mixed": BUSY, "hostile": HOSTILE}


class Server:
    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.requests = 0
        self.first_s = 0.0
        self.busy = True
        self.admitted_s: deque[float] = deque([0.0] * LIMIT, LIMIT)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length")
                    ),
                    0,
                )
                sent = await reader.readexactly(length)
                self.requests += 1
                self.first_s = self.first_s or time.monotonic()
                await self.answer(writer, self.requests, head.decode(), sent)
        writer.close()

    async def answer(self, writer: asyncio.StreamWriter, number: int, head: str, sent: bytes) -> None:
        if self.mode == "hang":
            await asyncio.sleep(3600)
        if self.mode == "switch" and " /switch " in head:
            if head.startswith("PUT"):
                self.busy = json.loads(sent)["busy"]
            body = json.dumps({"busy": self.busy}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return
        over = self.mode == "limit" and time.monotonic() - self.admitted_s[0] < 1
        if self.mode == "limit" and not over:
            self.admitted_s.append(time.monotonic())
        await asyncio.sleep(
            3 if self.mode == "slow" else 0 if over else 0.3 if self.mode == "limit" else 0.03
        )
        if self.mode == "freeze":
            since_s = time.monotonic() - self.first_s
            await asyncio.sleep(7 - since_s if 2 <= since_s < 7 else 0)
        if self.mode == "api":
            writer.write(api_answer(head, sent))
            return
        busy = over or (self.mode in REFUSALS and number % 6 == 0)
        if self.mode == "echo":
            login = json.loads(sent)
            text = f"login failed for {login['username']} with password {login['password']}"
            body = json.dumps({"error": text}).encode()
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            return
        busy = busy or (self.mode == "switch" and self.busy and number % 6 == 0)
        refusal = REFUSALS.get(self.mode, BUSY)
        status, body = (b"503 Service Unavailable", refusal) if busy else (b"200 OK", OK)
        answer = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
            status,
            len(body),
        )
        writer.write(answer + body)
        await writer.drain()


async def main(port_file: Path, count_file: Path, mode: str) -> None:
    server = Server(mode)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    port_file.write_text(str(listening.sockets[0].getsockname()[1]))
    while not stop.is_set():
        count_file.write_text(str(server.requests))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.02)
    count_file.write_text(str(server.requests))
    os._exit(0)  # connections may still be open, on purpose


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
