"""Exceptions tab: where Locust's web page and its report list what was raised."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from locust.exception import RPCSendError
from locust.runners import WorkerRunner

from scenarios.raised import places

HOW_OFTEN = "Counted once by each process; the verdict says how many turns broke off.\n"


def show_exception(runner: Any, text: str, error: BaseException) -> None:
    """Add a row, at the master if there is one.

    Locust's `user_error` event is for a user that ends: its text and source lines would be shown as they are.

    Args:
        runner: this process's.
        text: what was raised, and where, without secrets.
        error: what was raised; only the way that it came is shown.
    """
    # Locust makes one row of all that came the same way, so the text is a part of it.
    way = f"{HOW_OFTEN}{places(error)}{text}\n"
    if not isinstance(runner, WorkerRunner):
        runner.log_exception("local", text, way)
        return
    with suppress(RPCSendError):  # the run's events have it as well
        runner.send_message("exception", {"msg": text, "traceback": way})
