"""The edge of the service: what happens to every request before and after its route.

Plain ASGI, because the ready-made middleware class of Starlette costs a task per request.
"""

import asyncio
import re
import time
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.service.answers import rate_limited
from lab.service.core import Service
from lab.service.phase_log import LoginPhases

LOGIN, ME = "login", "me"
_ENDPOINTS = {"/api/auth/login": LOGIN, "/api/me": ME, "/health": "health", "/metrics": "metrics"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Edge:
    """Counts arrivals and answers, names the request, limits the rate, adds the client's latency."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/admin/"):
            await self._app(scope, receive, send)
            return
        endpoint = _ENDPOINTS.get(scope["path"], "other")
        # Counted before anything can go wrong: it must equal what a load generator has sent.
        self._service.metrics.started.labels(endpoint).inc()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answered = 0

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                delay_s = self._service.client_delay_s()
                if delay_s:
                    await asyncio.sleep(delay_s)
                answered = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._limited(endpoint, request_id)(scope, receive, answer)
        finally:
            self._service.metrics.finished.labels(endpoint, str(answered or 500)).inc()

    def _limited(self, endpoint: str, request_id: str) -> ASGIApp:
        limit = self._service.limit
        wait_s = limit.wait_s() if limit and endpoint in (LOGIN, ME) else 0
        if not wait_s:
            return self._app
        refused = rate_limited(wait_s)
        if endpoint == LOGIN:
            phases = LoginPhases(request_id, refused.phase, refused.status, total_ms=0.0)
            self._service.phase_log.add(time.time(), phases)
        return JSONResponse(
            {"error": refused.message}, status_code=refused.status, headers={"Retry-After": str(wait_s)}
        )


def _request_id(scope: Scope) -> str:
    """The caller's own id where it is harmless, so that both sides' records can be joined; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = str(value.decode("latin-1"))
            if _REQUEST_ID.fullmatch(given):
                return given
    return uuid4().hex
