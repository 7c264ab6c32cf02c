"""Login of the web page: one password, from the environment of whoever started it."""

from __future__ import annotations

import os
import secrets
from typing import Any

import gevent
from flask import Response, redirect, request, session, url_for
from flask_login import UserMixin, login_user

ENV_PASSWORD = "LOADVERDICT_WEB_PASSWORD"
"""Never on a command line, which others can read."""

SHORTEST = 12
WRONG_S = 1.0
"""A wrong password is answered so late."""


class Operator(UserMixin):  # type: ignore[misc]
    """Whoever knows the password."""

    id = "operator"


def add_login(environment: Any) -> None:
    """Answer Locust's login page where `--web-login` asks for it; without a password it is somebody else's
    business (a locustfile of the user's own)."""
    web_ui, password = environment.web_ui, os.environ.get(ENV_PASSWORD)
    if web_ui is None or not web_ui.web_login or not password:
        return
    web_ui.app.secret_key = secrets.token_bytes(32)
    # Cookies do not know ports: two pages on one machine must not share one.
    name = f"loadverdict_{environment.parsed_options.web_port}"
    web_ui.app.config.update(SESSION_COOKIE_NAME=name, SESSION_COOKIE_SAMESITE="Lax")
    web_ui.login_manager.user_loader(lambda known: Operator() if known == Operator.id else None)
    place = f"{environment.parsed_options.web_base_path or ''}/verdict-login"
    web_ui.auth_args["username_password_callback"] = place

    @web_ui.app.route(place, methods=["POST"])  # type: ignore[untyped-decorator]
    def enter() -> Response:
        given = request.form.get("password", "")
        if secrets.compare_digest(_bytes(given), _bytes(password)):
            session["auth_error"] = None
            login_user(Operator())
            return redirect(url_for("locust.index"))  # type: ignore[return-value]
        gevent.sleep(WRONG_S)
        session["auth_error"] = "wrong password"
        return redirect(url_for("locust.login"))  # type: ignore[return-value]


def _bytes(password: str) -> bytes:
    """A password of the environment may be no UTF-8."""
    return password.encode(errors="surrogateescape")
