"""A login service that tells everybody everything: what it is sent comes back, in every dress and place.

All secrets of a run are made of stems that nothing else contains, so that whatever the run leaves behind can
be searched for them.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

USER, PASSWORD = "CanaryUser", "Kan4riPass"
TOKEN, COOKIE, KEY = "Tok3nTok3n", "C00kieC00kie", "St4ticKeyKey"
HOOK, OWN = "W3bhookHook", "0wnK3yOfMine"
STEMS = (USER, PASSWORD, TOKEN, COOKIE, KEY, HOOK, OWN)

# What a terminal, a spreadsheet and a browser would act upon.
HOSTILE = "=HYPERLINK(1)\x1b[2J\x1b]0;owned\x07\x9b31m\u202e<img src=x onerror=\"document.title='owned'\">"


class Sent(NamedTuple):
    """What came with a request."""

    user: str
    password: str
    headers: dict[str, str]

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def everything(self) -> str:
        head = "\r\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"{head}\r\nAuthorization: {self.basic}\r\n\r\n{self.user} {self.password}"


class Said(NamedTuple):
    """An answer."""

    status: str
    body: str
    headers: dict[str, str]


def as_json(status: str, **fields: Any) -> Said:
    return Said(status, json.dumps(fields), {"Content-Type": "application/json"})


def dressed(text: str) -> str:
    raw = text.encode()
    forms = [
        quote(text, safe=""),
        quote_plus(text),
        html.escape(text),
        json.dumps(json.dumps(text)),
        raw.hex(),
    ]
    forms += [base64.b64encode(b"x" * shift + raw).decode() for shift in range(3)]
    return " | ".join([*forms, base64.urlsafe_b64encode(raw).decode(), repr(text), text.upper()])


LEAKS: tuple[Callable[[Sent], Said], ...] = (
    lambda sent: as_json("400 Bad Request", error=f"login failed for {sent.user} with {sent.password}"),
    lambda sent: as_json("401 Unauthorized", error="no", debug={**sent.headers, "Authorization": sent.basic}),
    lambda sent: as_json("422 Unprocessable", detail=dressed(sent.password), more=dressed(sent.user)),
    lambda sent: Said(
        "500 Oops", f"<pre>{html.escape(sent.everything)}</pre>", {"Content-Type": "text/html"}
    ),
    lambda sent: Said(
        f"503 {quote(sent.password)}",
        sent.everything,
        {
            "Content-Type": f"text/plain; sent={quote(sent.password)}",
            "Server": f"front/{quote(sent.password)}",
            "Retry-After": quote(sent.password),
        },
    ),
    lambda sent: as_json("200 OK", access_token=TOKEN, session=COOKIE, you=sent.user),
    lambda sent: Said("302 Found", "", {"Location": f"http://elsewhere.invalid/?p={quote(sent.password)}"}),
    lambda sent: as_json("500 Oops", error=f"upstream said: {sent.everything}"),
    lambda sent: Said("5xx nonsense", sent.everything, {}),
    lambda sent: as_json("409 Conflict", error=f"{HOSTILE} busy", you=sent.user),
)


@dataclass
class Leaky:
    """The running service, and what it was sent."""

    url: str
    logins: int = 0
    asked: int = 0
    hooked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Said:
        """Every third login is let in; whatever follows it is refused with what it came with."""
        with self.lock:
            if path == f"/{HOOK}":
                self.hooked.append(body.decode())
                return as_json("200 OK")
            if method == "GET":
                self.asked += 1
                return as_json(
                    "401 Unauthorized", error=f"unknown: {' '.join(headers.values())}", got=headers
                )
            self.logins += 1
            number = self.logins
        given = json.loads(body)
        if number % 3 == 0:
            said = as_json("200 OK", token=f"{TOKEN}{number}")
            said.headers["Set-Cookie"] = f"sid={COOKIE}{number}; HttpOnly; Path=/"
            return said
        return LEAKS[number // 3 % len(LEAKS)](Sent(given["username"], given["password"], headers))


@contextlib.contextmanager
def leaking() -> Iterator[Leaky]:
    """Serve on a free port of loopback while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = leaky.answer(self.command, self.path, dict(self.headers), body)
            content = said.body.encode()
            lines = [f"HTTP/1.1 {said.status}", *(f"{name}: {value}" for name, value in said.headers.items())]
            head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])
            self.wfile.write(head.encode("latin-1", "replace") + content)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing on the test's own screen."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, request_queue_size = True, 128

        def handle_error(self, *_: Any) -> None:
            """Connections that a killed run leaves behind."""

    with Server(("127.0.0.1", 0), Handler) as server:
        leaky = Leaky(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield leaky
        finally:
            server.shutdown()
            thread.join()


def accounts(count: int = 30) -> str:
    """A CSV of accounts; the passwords hold what has to be escaped in URLs, JSON and HTML."""
    rows = (f'{USER}-{number},"{PASSWORD}{number}&ä +/%<"""' for number in range(count))
    return "\n".join(["username,password", *rows]) + "\n"


def target_yaml(url: str, source: str) -> str:
    """A target file; `source` says where accounts come from."""
    return f"""
base_url: {url}
{source}
cookies: true
requests:
  login:
    method: POST
    path: /login
    json: {{username: "{{username}}", password: "{{password}}"}}
    headers: {{X-Api-Key: {KEY}}}
    expect: {{json_fields: [token]}}
    save: {{token: token}}
    redirects: 3
  me:
    path: /me
    headers: {{Authorization: "Bearer {{token}}", X-Api-Key: {KEY}}}
"""


def needles() -> list[re.Pattern[bytes]]:
    """Each stem as it is, in hex, within base64, and as a failure code would spell it."""
    found = []
    for stem in STEMS:
        raw = stem.encode()
        plain = {
            stem,
            raw.hex(),
            re.sub(r"[^a-z]+", "_", stem.lower()),
            raw.decode().encode("utf-16-le").decode(),
        }
        found += [re.compile(re.escape(form.encode()), re.IGNORECASE) for form in plain]
        for shift in range(3):
            # Without the letters at both ends, which depend on what stands beside.
            core = base64.b64encode(bytes(shift) + raw)[4 * bool(shift) :].rstrip(b"=")[:-1]
            found.append(re.compile(re.escape(core)))
    return found


NEEDLES = needles()


def leaks_in(content: bytes | str) -> list[str]:
    """What of the stems can be found, each with its surroundings."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    found = (needle.search(raw) for needle in NEEDLES)
    return [repr(raw[max(0, match.start() - 40) : match.end() + 20]) for match in found if match]


class ProcessList:
    """Reads the command line of every process, over and over, as another user could."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProcessList:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())
