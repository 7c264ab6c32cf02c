"""Orders: what may be asked of Locust's page to start a load, and what of its routes is closed.

Locust sets every option of its command line that a posted field names, files to write among them, and holds
none against its choices. Whoever reaches the page may start what config/ holds, and nothing of their own: a
target file of theirs could name a command, a scenario a Python class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Response, jsonify, make_response, request
from locust.argument_parser import ui_extra_args_dict
from werkzeug.datastructures import MultiDict

from scenarios.scenario import scenario_names
from scenarios.target import target_names

SWARM = "locust.swarm"
CHANGING = {SWARM, "locust.stop", "locust.reset_stats"}
"""Routes of Locust that may change something. Another one sets any attribute of a user class."""

OF_LOCUST = {"user_count", "spawn_rate", "run_time", "profile"}
"""Fields of Locust's page beside the options that a locustfile adds; for a scenario they change nothing."""

NOT_HEEDED = {"host"}
"""The page always sends it; where the load goes is the target's business."""

SHOWN = 80
"""Characters of a refused name that are repeated."""


def add_orders(environment: Any) -> None:
    """Have Locust's web UI take the fields of its own page only, with values that the page offers.

    Raises:
        KeyError: this Locust has no such route, and nothing would be checked.
    """
    web_ui, options = environment.web_ui, environment.parsed_options
    offered = ui_extra_args_dict()
    named: dict[str, tuple[Callable[[], Iterable[str]], str]] = {
        "scenario": (scenario_names, options.scenario),
        "target": (target_names, options.target),
    }
    swarm = web_ui.app.view_functions[SWARM]

    def checked() -> Any:
        kept: list[tuple[str, str]] = []
        for name, value in request.form.items(multi=True):
            if name in NOT_HEEDED:
                continue
            if name in named:
                names, given = named[name]
                choices: set[str] | None = {*names(), given}
            elif name in offered:
                choices = _choices(offered[name])
            elif name in OF_LOCUST:
                choices = None
            else:
                return _refused(f"no load is started with {name[:SHOWN]!r}: this page does not offer it")
            if choices is not None and value not in choices:
                return _refused(
                    f"there is no {name} {value[:SHOWN]!r} to choose: take one that the page offers"
                )
            kept.append((name, value))
        request.form = MultiDict(kept)  # type: ignore[assignment]
        return swarm()

    # The login first: to others nothing is said about names.
    web_ui.app.view_functions[SWARM] = web_ui.auth_required_if_enabled(checked)

    @web_ui.app.before_request  # type: ignore[untyped-decorator]
    def close_the_rest() -> Response | None:
        endpoint = request.endpoint or ""
        if not endpoint.startswith("locust.") or request.method in ("GET", "HEAD", "OPTIONS"):
            return None
        return None if endpoint in CHANGING else _answer("this route is closed", 404)


def _choices(option: Mapping[str, Any]) -> set[str] | None:
    """The values of an option that a locustfile of the user's own has added; None for any."""
    return None if option["choices"] is None else {str(choice) for choice in option["choices"]}


def _refused(why: str) -> Response:
    return _answer(why, 400)


def _answer(why: str, status: int) -> Response:
    """In the shape of Locust's own."""
    return make_response(jsonify({"success": False, "message": why}), status)
