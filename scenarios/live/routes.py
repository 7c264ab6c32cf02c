"""Routes of the live page in Locust's web UI: the page, its files, what it polls, and a run's report.

Everything lies under `verdict/` below Locust's base path and is protected as Locust's own routes are. Links
are relative, so a path in front does not matter (what a proxy must do: `guard`). Reading only: nothing here
changes a run.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request, send_file

from scenarios.controller import Controller
from scenarios.live import tab
from scenarios.live.guard import add_guard
from scenarios.live.login import add_login
from scenarios.live.orders import add_orders
from scenarios.live.watch import Watcher

PAGE_DIR = Path(__file__).parent / "page"
PAGE_FILES = {path.name for path in PAGE_DIR.iterdir()}

REPORT_FILES = {"report.html", "report.md", "verdict.json", "windows.csv", "junit.xml"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-downloads"
)
"""The report carries its style and pictures within itself, and no script."""


def add_live_page(environment: Any, controller: Controller) -> None:
    """Add the page to Locust's web UI; without one (headless, workers) nothing happens."""
    web_ui = environment.web_ui
    if web_ui is None:
        return
    # First: what is registered later answers earlier.
    add_guard(web_ui)
    add_orders(environment)
    add_login(environment)
    watcher = Watcher()
    environment.events.quitting.add_listener(lambda **_: watcher.close())
    pages = _Pages(controller, watcher)
    prefix = f"{environment.parsed_options.web_base_path or ''}/verdict"
    blueprint = Blueprint("loadverdict_live", __name__, url_prefix=prefix)
    for rule, view in (
        ("/", pages.page),
        ("/live.json", pages.live),
        ("/page/<name>", pages.file),
        ("/runs/<run_id>/<name>", pages.report),
    ):
        # HEAD comes with GET; Locust's decorator asks for the login where there is one.
        blueprint.add_url_rule(
            rule, view.__name__, web_ui.auth_required_if_enabled(view), provide_automatic_options=False
        )
    blueprint.after_request(_guarded)
    web_ui.app.register_blueprint(blueprint)
    tab.add_tab(web_ui, pages.told)


class _Pages:
    """The views."""

    def __init__(self, controller: Controller, watcher: Watcher) -> None:
        self._controller = controller
        self._watcher = watcher

    def page(self) -> Response:
        """The page itself, the same for everybody: what is in it comes from `live`."""
        return send_file(PAGE_DIR / "page.html")

    def file(self, name: str) -> Response:
        """Script and style of the page."""
        if name not in PAGE_FILES:
            return _nothing()
        return send_file(PAGE_DIR / name)

    def live(self) -> Response:
        """The run's state and the latest look at it; the look only if the page does not have it yet."""
        told = self.told()
        if request.args.get("seen") == str(told["number"]):
            told["look"] = None
        return Response(json.dumps(told), mimetype="application/json")

    def report(self, run_id: str, name: str) -> Response:
        """A file that analysis made of a run of this process, by its exact name."""
        folder = self._controller.folders.get(run_id)
        if folder is None or name not in REPORT_FILES:
            return _nothing()
        path = folder / "analysis" / name
        return send_file(path) if path.is_file() else _nothing()

    def told(self) -> dict[str, Any]:
        """What the page is told; asking is what keeps the looks going."""
        controller = self._controller
        run_id = next(reversed(controller.folders), None)
        if run_id is None:
            return {"state": "none", "number": 0, "look": None, "report": None}
        folder = controller.folders[run_id]
        look = self._watcher.attend(folder)
        running = controller.assignment is not None
        reported = not running and (folder / "analysis" / "report.html").is_file()
        return {
            "state": "running" if running else "done" if reported else "ended",
            "run": run_id,
            **controller.described,
            "elapsed_s": round(controller.elapsed_s, 1),
            "number": look.number if look else 0,
            "look": look.shown if look else None,
            "look_age_s": round(time.monotonic() - look.taken_s, 1) if look else None,
            "trouble": self._watcher.trouble,
            "report": f"runs/{run_id}/report.html" if reported else None,
        }


def _nothing() -> Response:
    """Returned, not raised: Locust's login makes a page with status 200 of whatever is raised."""
    return Response("nothing here\n", 404, mimetype="text/plain")


def _guarded(response: Response) -> Response:
    """No foreign content, no frames, no other origin, no copies."""
    is_report = request.endpoint == "loadverdict_live.report"
    response.headers["Content-Security-Policy"] = REPORT_POLICY if is_report else POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    # Locust opens every route to every origin, unless an answer names one itself.
    response.headers["Access-Control-Allow-Origin"] = request.host_url.rstrip("/")
    return response
