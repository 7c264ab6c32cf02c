"""Sums: files that hold counts, not requests. They become rows with weights and no times of their own.

Such a Run lacks `request_times` and `durations`, so nothing is said about load, bursts or percentiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recording.errors import NoDataError
from recording.foreign.build import Rows, make_run
from recording.foreign.outcomes import Judged, from_text, judged
from recording.run import Run
from recording.sample import Category

MOST = 2**31 - 1
SOME_STATUS = "status "
"""Beginning of the words for an answer with a bad status of which only the class is known."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Requests of one kind in one stretch of time.

    Attributes:
        requests: how many.
        status: HTTP status, 0 without an answer or unknown.
        message: the tool's words for the failure.
        failed: whether they failed.
        start_s: epoch seconds of the stretch; 0 if the file does not tell.
        endpoint: "" if the file does not tell.
        users: active users, -1 if unknown.
    """

    requests: int
    status: int = 0
    message: str = ""
    failed: bool = False
    start_s: float = 0.0
    endpoint: str = ""
    users: int = -1


def sums_run(
    path: Path,
    source: str,
    sums: Iterable[Sum],
    lacks: Iterable[str] = (),
    *,
    length_s: float | None = None,
    bad_lines: int = 0,
) -> Run:
    """The Run of some sums.

    Raises:
        NoDataError: they add up to no request.
    """
    kept = [one for one in sums if 0 < one.requests <= MOST]
    if not kept:
        raise NoDataError(f"{path} ({source}) counts no requests")
    users = np.array([one.users for one in kept], np.int64)
    rows = Rows(
        start_s=np.array([one.start_s for one in kept], np.float64),
        duration_ms=np.zeros(len(kept)),
        status=np.array([one.status for one in kept], np.int64),
        message=Category.of([one.message for one in kept]),
        failed=np.array([one.failed for one in kept], bool),
        endpoint=Category.of([one.endpoint or "all" for one in kept]) if kept[0].endpoint else None,
        users=users if bool((users >= 0).any()) else None,
        weight=np.array([one.requests for one in kept], np.int64),
    )
    missing = {"request_times", "durations", "sub_second_time", *lacks}
    return make_run(path, source, rows, missing, judge=_judge, length_s=length_s, bad_lines=bad_lines)


def _judge(status: int, message: str, failed: bool) -> Judged:
    if message.startswith(SOME_STATUS):
        return Judged(0, "http_error", message)
    return from_text(message) if failed and not status and message else judged(status, message, failed)
