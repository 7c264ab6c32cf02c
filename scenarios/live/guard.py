"""Guard of the web page: only somebody who sits before it may start, stop or read anything there.

Locust answers every origin, and a browser sends any page's requests to 127.0.0.1: without this, whatever page
an engineer has open could start load. A browser says from where a request comes (Sec-Fetch-Site, Origin), and
no page can make it lie; programs that are no browser say nothing and are let through.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Response, jsonify, make_response, request

from scenarios.target import is_loopback

READING = "loadverdict_live."
"""Endpoints of our own: they change nothing, and no other origin may read or frame them."""

OPENED = {"locust.index", "locust.login"}
"""Where a link from elsewhere may lead."""


ENV_NAMES = "LOADVERDICT_WEB_NAMES"
"""Names, with commas between, by which the page may be opened beside those of this machine."""


def add_guard(web_ui: Any) -> None:
    """Refuse what other pages send to Locust's web UI, and close its answers to them."""
    names = {name.strip().lower() for name in os.environ.get(ENV_NAMES, "").split(",")} - {""}

    @web_ui.app.before_request  # type: ignore[untyped-decorator]
    def refuse_strangers() -> Response | None:
        # A foreign name that is made to lead here (DNS rebinding) is its page's own origin. Behind a login it
        # gains nothing: the session's cookie belongs to another name.
        host = urlsplit(f"//{request.host}").hostname or ""
        if not web_ui.web_login and host not in names and not _is_address(host) and not is_loopback(host):
            return _refused(
                f"this page is not known as {host[:100]}: open it by its address, as 127.0.0.1, or put the "
                f"name into the environment variable {ENV_NAMES}"
            )
        if is_foreign() and not (request.endpoint or "").startswith(READING):
            return _refused(
                "this page takes no orders from other pages: open it by itself (behind a proxy: use TLS, "
                "and let the Host header pass)"
            )
        return None

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def close_to_other_origins(response: Response) -> Response:
        # Flask-CORS opens an answer that names no origin.
        response.headers.setdefault("Access-Control-Allow-Origin", request.host_url.rstrip("/"))
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response


def _is_address(host: str) -> bool:
    """Whether a host is an IP address: nobody else can make that lead here."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_foreign() -> bool:
    """Whether another page sent this request; a link that leads to a page is none."""
    headers = request.headers
    if request.method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate" and request.endpoint in OPENED:
        return False
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def _refused(why: str) -> Response:
    return make_response(jsonify({"error": why}), 403)
