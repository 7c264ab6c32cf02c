"""Redirects: the request that follows an answer which sends the client elsewhere, on the same host only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from scenarios.prepared import filled
from scenarios.received import Headers, Received
from scenarios.request import Expect, Request

_STATUSES = frozenset({301, 302, 303, 307, 308})
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")


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
    except ValueError:
        return None
    home = urlsplit(base_url)
    if (target.scheme, target.netloc) != (home.scheme, home.netloc):
        return None
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    to_get = received.status == 303 or (received.status in (301, 302) and request.method == "POST")
    method = "GET" if to_get and request.method != "HEAD" else request.method
    body = None if to_get else request.json_body
    return Request(
        method=method,
        path=path,
        json=body,
        form=None if to_get else request.form,
        headers=request.headers,
        expect=Expect(),
        save={},
        redirects=request.redirects,
    )
