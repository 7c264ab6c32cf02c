"""Redirects: the request that follows an answer which sends the client elsewhere, on the same host only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from scenarios.prepared import filled
from scenarios.received import Headers, Received
from scenarios.request import Expect, Request

_STATUSES = frozenset({301, 302, 303, 307, 308})
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")
_PORTS = {"http": 80, "https": 443}


def redirected(
    request: Request, received: Received, base_url: str, variables: Mapping[str, str]
) -> Request | None:
    """What to send next; None if the answer is no redirect or leads to another host: then it stands.

    As browsers do, 303 always and 301 and 302 after POST turn into a GET without a body.
    """
    location = Headers(received.headers).get("Location") if received.status in _STATUSES else None
    if location is None or _UNSENDABLE.search(location.strip()):
        return None
    try:
        target = urlsplit(urljoin(base_url + filled(request.path, variables), location.strip()))
        if _place(target) != _place(urlsplit(base_url)):
            return None
    except ValueError:
        return None
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    # What the server names in braces is no variable of ours: it must not make us send a password there.
    path = path.replace("{", "%7B").replace("}", "%7D")
    to_get = received.status == 303 or (received.status in (301, 302) and request.method == "POST")
    method = "GET" if to_get and request.method != "HEAD" else request.method
    body = None if to_get else request.json_body
    headers = request.headers
    if to_get:
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
    return Request(
        method=method,
        path=path,
        json=body,
        form=None if to_get else request.form,
        headers=headers,
        expect=Expect(),
        save={},
        redirects=request.redirects,
    )


def _place(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Where a URL leads; ValueError for a port that is none."""
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
