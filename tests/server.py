"""A real HTTP server for tests, in a process of its own, that counts what it was asked.

    python tests/server.py PORT_FILE COUNT_FILE MODE [LEDGER_FILE]

It answers POST /login after 30 ms; every sixth with 503 in mode `mixed`, and in mode `hostile`, where its
text is markup; never in mode `hang`; in mode `echo` with 400 and what it was sent; in mode `slow` after 3 s;
in mode `even` after 0.3 s; in mode `freeze` nothing is answered from the second to the seventh second after
the first request; in mode `limit` with 503 at once beyond 12 in the last second; in mode `switch` as in
`mixed` until PUT /switch says {"busy": false}; GET /switch tells how it is. In mode `unruly` what it does
goes round (`UNRULY`); in mode `unique` it answers 500, each time with another text of 1 kB, in mode `huge` of
1 MB, in mode `unique at once` of 40 letters and without a wait; in mode `bomb`, after 30 requests, with
bodies of 100 MB, plain or packed; in mode `close` it closes after each answer. In mode `api` POST /form takes
a login as a form and gives a ticket (JSON), a session (cookie) and a trace (header), and GET /items/TICKET
wants all three back; whatever is wrong gets 401. COUNT_FILE holds the number of requests read so far
(rewritten 50 times a second and at the end). LEDGER_FILE gets a line per answered login: seconds of the
monotonic clock, which all processes of a machine share, and the user's name. PORT_FILE may name the port to
listen on.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import random
import signal
import socket
import struct
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import parse_qsl

OK = json.dumps({"token": "t", "user_id": 1, "username": "u"}).encode()
LIMIT = 12
TAKES_S = {"slow": 3, "even": 0.3, "limit": 0.3, "unique at once": 0}
UNIQUE_LETTERS = {"unique": 1_000, "huge": 1_000_000, "unique at once": 40}
LETTERS = str.maketrans("0123456789", "ghijklmnop")
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


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
UNRULY = (
    "ok",
    "reset",
    "close",
    "cut",
    "garbage",
    "bad chunk",
    "drip",
    "silence",
    "half-close",
    "head",
    "half a head",
)
"""What is done with request n: the one at n modulo their number."""
BEGINNINGS = {"silence": b"", "head": HEAD + b"Content-Length: 1000\r\n\r\n", "half a head": HEAD[:30]}
"""What is said before nothing more is."""
DRIP_S, SILENCE_S = 0.3, 10
BOMB_AFTER, BOMB_BYTES = 30, 100_000_000


async def misbehave(how: str, writer: asyncio.StreamWriter) -> None:
    """Answer a request as none should be, and close."""
    if how == "reset":
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif how == "cut":
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n{")
    elif how == "garbage":
        writer.write(b"\x00\xff SSH-2.0-OpenSSH_9.2\r\n\r\n")
    elif how == "bad chunk":
        writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n")
    elif how == "drip":
        writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(DRIP_S)
    elif how == "half-close":
        writer.write_eof()
        await asyncio.sleep(SILENCE_S)
    elif how in BEGINNINGS:
        writer.write(BEGINNINGS[how])
        await writer.drain()
        await asyncio.sleep(SILENCE_S)
    writer.close()


async def explode(writer: asyncio.StreamWriter, *, packed: bool) -> None:
    """A body of `BOMB_BYTES`, for the reader or on the line too."""
    if packed:
        body = gzip.compress(b" " * BOMB_BYTES)
        writer.write(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    else:
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % BOMB_BYTES)
        for _ in range(100):
            writer.write(b" " * (BOMB_BYTES // 100))
            await writer.drain()
    await writer.drain()


class Server:
    def __init__(self, mode: str, ledger: Path | None) -> None:
        self.mode = mode
        self.ledger = ledger.open("w", buffering=1) if ledger else None
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
                if self.ledger is not None:
                    self.ledger.write(f"{time.monotonic()} {json.loads(sent)['username']}\n")
                if self.mode == "close":
                    break
        writer.close()

    async def answer(self, writer: asyncio.StreamWriter, number: int, head: str, sent: bytes) -> None:
        if self.mode == "hang":
            await asyncio.sleep(3600)
        how = UNRULY[number % len(UNRULY)]
        if self.mode == "unruly" and how != "ok":
            await misbehave(how, writer)
            return
        if self.mode == "bomb" and number > BOMB_AFTER:
            await explode(writer, packed=bool(number % 2))
            return
        if self.mode == "switch" and " /switch " in head:
            if head.startswith("PUT"):
                self.busy = json.loads(sent)["busy"]
            body = json.dumps({"busy": self.busy}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return
        over = self.mode == "limit" and time.monotonic() - self.admitted_s[0] < 1
        if self.mode == "limit" and not over:
            self.admitted_s.append(time.monotonic())
        await asyncio.sleep(0 if over else TAKES_S.get(self.mode, 0.03))
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
        if self.mode in UNIQUE_LETTERS:
            # Letters only: what differs by numbers is the same text to a reader.
            letters = random.Random(number).randbytes(UNIQUE_LETTERS[self.mode] // 2).hex().translate(LETTERS)
            body = json.dumps({"error": letters}).encode()
            writer.write(b"HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\n")
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


def write_count(count_file: Path, requests: int) -> None:
    """In one step: whoever reads meanwhile must not find an empty file."""
    whole = count_file.with_suffix(".new")
    whole.write_text(str(requests))
    whole.replace(count_file)


async def main(port_file: Path, count_file: Path, mode: str, ledger: Path | None = None) -> None:
    server = Server(mode, ledger)
    port = int(port_file.read_text()) if port_file.exists() else 0
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port, backlog=512)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    port_file.write_text(str(listening.sockets[0].getsockname()[1]))
    while not stop.is_set():
        write_count(count_file, server.requests)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.02)
    write_count(count_file, server.requests)
    os._exit(0)  # connections may still be open, on purpose


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], *map(Path, sys.argv[4:])))
