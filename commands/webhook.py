"""Webhook: tells a chat (Slack, Mattermost and others that take their JSON) the answer in one sentence.

Its address lets anybody write into that chat, so it comes from the environment and is never shown.
"""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from analysis.render.markdown import UNMENTIONED
from recording.errors import UsageError

TIMEOUT_S = 10
MOST_CHARACTERS = 2000
_PRINTABLE = re.compile(r"[!-~]+")


def check_webhook(address: str) -> None:
    """Raise UsageError unless it is an http or https address."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or not _PRINTABLE.fullmatch(address):
        raise UsageError(
            "LOADVERDICT_WEBHOOK must be an http:// or https:// address without user, spaces or letters "
            "beyond ASCII (it is not shown: it is a secret)"
        )


def post(address: str, text: str) -> str | None:
    """Send a text; returns what went wrong in a clause, or None. Never raises: the run is recorded by now."""
    # Slack's own markup: a target's text must not call everybody, or show one link and lead to another.
    safe = (
        text[:MOST_CHARACTERS]
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("@", UNMENTIONED)
    )
    body = json.dumps({"text": safe}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except OSError as error:
        reason = getattr(error, "reason", error)
        return getattr(reason, "strerror", None) or type(reason).__name__
    except (ValueError, http.client.HTTPException) as error:
        return type(error).__name__  # Its text may hold the address.
    return None


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would send what was measured to somebody who was not named."""

    def redirect_request(self, *_: object) -> None:
        """None: not followed."""
        return
