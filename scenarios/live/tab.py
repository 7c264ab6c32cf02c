"""A tab "Verdict" in Locust's own page, by Locust's extension point for tabs, which can hold a table.

Its rows are the answers so far; the page with the pictures is one link away, under "Download data", where
Locust's page can hold links.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

KEY = "verdict"
ROWS = {"question": "Question", "answer": "Answer so far", "numbers": "Numbers"}
LINK = {"href": "./verdict/", "title": "Live verdict page"}
ADDRESS = "On the verdict page: add verdict/ to this page's address, or follow the link under Download Data."


def add_tab(web_ui: Any, told: Callable[[], dict[str, Any]]) -> None:
    """Add tab and link, and the rows to what Locust's page polls.

    Args:
        web_ui: Locust's.
        told: what the live page is told; having it asked keeps the looks going.
    """
    structure = [{"key": key, "title": title} for key, title in ROWS.items()]
    for name, entry in (
        ("extended_tabs", {"title": "Verdict", "key": KEY}),
        ("extended_tables", {"key": KEY, "structure": structure}),
        ("extended_csv_files", LINK),
    ):
        web_ui.template_args.setdefault(name, []).append(entry)

    @web_ui.app.after_request  # type: ignore[untyped-decorator]
    def add_rows(response: Response) -> Response:
        # By name, not by path: that one has Locust's base path in front.
        if request.endpoint != "locust.request_stats" or response.mimetype != "application/json":
            return response
        # Locust's page polls whatever tab is open; only this one counts as somebody who looks.
        if f"tab={KEY}" not in (request.referrer or ""):
            return response
        # Locust lets every other page read its numbers; such a page has to name its origin.
        if "Origin" in request.headers:
            return response
        stats = json.loads(response.get_data())
        stats["extended_stats"] = [*stats.get("extended_stats", []), {"key": KEY, "data": rows(told())}]
        # Not the answer itself: Locust keeps that for two seconds, for whoever else asks.
        return Response(json.dumps(stats), response.status_code, mimetype="application/json")


def rows(told: dict[str, Any]) -> list[dict[str, str]]:
    """The table: one row per question, then how sure, what to wait for, and where the page is."""
    look = told["look"]
    if look is None:
        text = "no run yet" if told["state"] == "none" else told["trouble"] or "the first look is under way"
        return [_row("Verdict", text, ""), _row("Pictures", ADDRESS, "")]
    return [
        _row("Verdict", look["sentence"], ""),
        *(_row(line["label"], line["answer"], line["numbers"] or line["why"]) for line in look["answers"]),
        _row("How sure", look["sure"], ""),
        _row("Validity", look["validity"], ""),
        _row("What would change it", look["change"], ""),
        _row("Pictures", ADDRESS, ""),
    ]


def _row(question: str, answer: str, numbers: str) -> dict[str, str]:
    return {"question": question, "answer": answer, "numbers": numbers}
