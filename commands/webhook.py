"""Webhook: tells a chat (Slack, Mattermost and others that take their JSON) the answer in one sentence.

Its address lets anybody write into that chat, so it comes from the environment and is never shown.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from recording.errors import UsageError

TIMEOUT_S = 10
MOST_CHARACTERS = 2000


def check_webhook(address: str) -> None:
    """Raise UsageError unless it is an http or https address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "the webhook must be an http:// or https:// address (it is not shown: it is a secret)"
        )


def post(address: str, text: str) -> str | None:
    """Send a text; returns what went wrong in a clause, or None. Never raises: the run is recorded by now."""
    body = json.dumps({"text": text[:MOST_CHARACTERS]}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return getattr(reason, "strerror", None) or type(reason).__name__
    return None


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would send what was measured to somebody who was not named."""

    def redirect_request(self, *_: object) -> None:
        """None: not followed."""
        return
