"""The routes of the service."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.errors import LabError
from lab.service.answers import Refused, answer_refused, invalid_token, malformed
from lab.service.core import Service
from lab.service.edge import Edge
from lab.service.instances import Orders
from lab.service.metrics import CONTENT_TYPE
from lab.service.phase_log import LoginPhases
from lab.settings import NEEDS_NEW_LAB, make_settings


def make_app(service: Service, end: Callable[[], None]) -> Starlette:
    """The ASGI application; it opens and closes the service with itself. `end` ends the process."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await service.open()
        if not service.config.is_first:
            Orders(service.change, end)
        try:
            yield
        finally:
            await service.close()

    routes = Routes(service)
    return Starlette(
        routes=[
            Route("/api/auth/login", routes.login, methods=["POST"]),
            Route("/api/me", routes.me),
            Route("/health", routes.health),
            Route("/metrics", routes.metrics),
            Route("/admin/settings", routes.admin, methods=["GET", "PUT"]),
        ],
        middleware=[Middleware(Edge, service=service)],
        exception_handlers={Refused: answer_refused},
        lifespan=lifespan,
    )


class Routes:
    """One method per endpoint; each reads the request, asks the service, writes the answer."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def login(self, request: Request) -> Response:
        service, started = self._service, time.perf_counter()
        phases = LoginPhases(request.state.request_id)
        service.troubles.login_seen()
        try:
            username, password = await _credentials(request)
            answer = await service.login.run(username, password, phases)
        except Refused as refused:
            phases.phase, phases.status = refused.phase, refused.status
            raise
        except BaseException:
            phases.status = 500
            raise
        else:
            phases.phase, phases.status = "login_complete", 200
            return JSONResponse(answer)
        finally:
            phases.total_ms = (time.perf_counter() - started) * 1000
            service.phase_log.add(time.time(), phases)

    async def me(self, request: Request) -> Response:
        user_id = self._service.tokens.read(request.headers.get("authorization", ""))
        user = await self._service.database.user_by_id(user_id)
        if user is None:
            raise invalid_token()
        return JSONResponse(
            {"user_id": user.user_id, "username": user.username, "workspace_id": user.workspace_id}
        )

    async def health(self, _request: Request) -> Response:
        ping_ms = await self._service.database.ping_ms()
        return JSONResponse(
            {
                "status": "ok" if ping_ms is not None else "degraded",
                "database_ping_ms": None if ping_ms is None else round(ping_ms, 3),
                "region": self._service.settings.region,
            },
            status_code=200 if ping_ms is not None else 503,
        )

    async def metrics(self, _request: Request) -> Response:
        return Response(self._service.figures.text(), media_type=CONTENT_TYPE)

    async def admin(self, request: Request) -> Response:
        """Reads or replaces the settings; for the person who started the lab, who alone has the token."""
        expected = f"Bearer {self._service.config.admin_token}"
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
            return JSONResponse({"error": "Not Found"}, status_code=404)
        if not self._service.config.is_first:
            # It came to another instance; on a new connection it comes to the first one sooner or later.
            return JSONResponse({"error": "not the first instance"}, 421, {"Connection": "close"})
        if request.method == "PUT":
            refusal = await self._change(await request.json())
            if refusal:
                return JSONResponse({"error": refusal}, status_code=400)
        return JSONResponse(self._service.settings.model_dump(exclude={"token_secret"}))

    async def _change(self, values: dict[str, Any]) -> str | None:
        now = self._service.settings
        fixed = sorted(
            name for name in NEEDS_NEW_LAB if name in values and values[name] != getattr(now, name)
        )
        if fixed:
            return f"{', '.join(fixed)} cannot change while the lab runs; stop it and start another."
        try:
            await self._service.change(make_settings({**now.model_dump(), **values}))
        except LabError as error:
            return str(error)
        return None


async def _credentials(request: Request) -> tuple[str, str]:
    try:
        found = json.loads(await request.body())
    except ValueError:
        raise malformed() from None
    if not isinstance(found, dict):
        raise malformed()
    username, password = found.get("username"), found.get("password")
    if not isinstance(username, str) or not isinstance(password, str) or "\0" in username + password:
        raise malformed()
    return username, password
