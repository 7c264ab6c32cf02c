"""Build: columns of another tool's file become a Run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recording.errors import NoDataError
from recording.examples import PER_KIND, FailureCodes
from recording.foreign.outcomes import Judged, judged
from recording.foreign.times import plausible
from recording.outcomes import OUTCOMES
from recording.run import ErrorExample, Run
from recording.sample import Category, Samples
from recording.scrub import one_line, scrub

LONGEST_MESSAGE = 1000

ALWAYS_LACKING = frozenset({"readings", "unfinished", "message"})
"""No other tool's file holds the generator's own health, requests still in flight at the end, or what the
body of a failed answer said."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Requests as another tool wrote them; all arrays of one length.

    Attributes:
        start_s: epoch seconds of the send.
        duration_ms: up to the last byte or the failure.
        status: HTTP status, 0 without an answer.
        message: the tool's own words for a failure, "" for none.
        failed: whether the tool counts it as failed; default: no answer, a status from 400 on, or a message.
        endpoint, method, users, bytes, weight: as in Samples; None if the file cannot tell.
    """

    start_s: Floats
    duration_ms: Floats
    status: NDArray[np.int64]
    message: Category | None = None
    failed: NDArray[np.bool_] | None = None
    endpoint: Category | None = None
    method: Category | None = None
    users: NDArray[np.int64] | None = None
    response_bytes: NDArray[np.int64] | None = None
    weight: NDArray[np.int64] | None = None


Judge = Callable[[int, str, bool], Judged]


def make_run(
    path: Path,
    source: str,
    rows: Rows,
    lacks: Iterable[str] = (),
    *,
    judge: Judge = judged,
    bad_lines: int = 0,
    length_s: float | None = None,
) -> Run:
    """The Run of some rows.

    Args:
        path: the file.
        source: name of its format.
        rows: what it holds.
        lacks: what it cannot tell beside what none can, users and endpoints being looked up in `rows`.
        judge: how status, message and the tool's verdict become an outcome.
        bad_lines: lines that were left out.
        length_s: how long the test was, where the rows do not show it.

    Raises:
        NoDataError: there is no row.
    """
    if len(rows.start_s) == 0:
        raise NoDataError(f"{path} ({source}) holds no requests")
    samples, examples = _samples(rows, judge)
    sane = plausible(samples.start_s)
    if not sane.all():
        samples, bad_lines = samples.take(sane), bad_lines + int((~sane).sum())
    missing = {"endpoint": rows.endpoint, "users": rows.users}
    told = {name for name, column in missing.items() if column is None}
    if bool(np.all(rows.start_s == np.floor(rows.start_s))) and "request_times" not in lacks:
        told.add("sub_second_time")
    return Run(
        id=path.name,
        source=source,
        samples=samples,
        lacks=ALWAYS_LACKING | told | frozenset(lacks),
        examples=examples,
        bad_lines=bad_lines,
        length_s=length_s,
    )


def _samples(rows: Rows, judge: Judge) -> tuple[Samples, tuple[ErrorExample, ...]]:
    n = len(rows.start_s)
    message = rows.message or Category.constant("", n)
    failed = rows.failed if rows.failed is not None else _failed(rows.status, message)
    endpoint, method = rows.endpoint or Category.constant("all", n), rows.method or Category.constant("", n)
    width = max(len(message.names), 1)
    packed = (np.clip(rows.status, 0, 32767) * width + message.codes) * 2 + failed
    kinds, first, kind_of = np.unique(packed, return_index=True, return_inverse=True)
    found = [
        judge(int(kind // 2 // width), message.names[int(kind // 2 % width)], bool(kind % 2))
        for kind in kinds.tolist()
    ]
    codes = FailureCodes()
    code = [codes.code(kind.message) if kind.outcome != "ok" else "" for kind in found]
    named = Category.of(code)
    unknown = np.full(n, -1, np.int32)
    users = unknown if rows.users is None else rows.users.astype(np.int32)
    samples = Samples(
        start_s=rows.start_s,
        duration_ms=rows.duration_ms,
        endpoint=endpoint,
        method=method,
        status=np.array([kind.status for kind in found], np.int16)[kind_of],
        outcome=Category(np.array([OUTCOMES.index(k.outcome) for k in found], np.int32)[kind_of], OUTCOMES),
        code=named.take(kind_of),
        users=users,
        in_flight=unknown,
        account=unknown,
        node=Category.constant("", n),
        stage=Category.constant("", n),
        response_bytes=np.full(n, -1, np.int64) if rows.response_bytes is None else rows.response_bytes,
        weight=np.ones(n, np.int32) if rows.weight is None else rows.weight.astype(np.int32),
    )
    return samples, _examples(found, code, samples, first.tolist())


def _failed(status: NDArray[np.int64], message: Category) -> NDArray[np.bool_]:
    """Failed by status or by a message, where the tool has no column of its own for it."""
    return np.asarray((status < 100) | (status >= 400) | ~message.equals(""))


def _examples(
    found: list[Judged], code: list[str], samples: Samples, first: list[int]
) -> tuple[ErrorExample, ...]:
    """At most `PER_KIND` examples of each kind of failure, at the row where each message came first."""
    kept: Counter[tuple[int, str, str]] = Counter()
    examples = []
    for kind, short, row in zip(found, code, first, strict=True):
        key = (kind.status, kind.outcome, short)
        if kind.outcome == "ok" or not kind.message or kept[key] >= PER_KIND:
            continue
        kept[key] += 1
        examples.append(
            ErrorExample(
                time_s=float(samples.start_s[row]),
                status=kind.status,
                outcome=kind.outcome,
                code=short,
                message=one_line(scrub(kind.message), LONGEST_MESSAGE),
                endpoint=samples.endpoint.names[samples.endpoint.codes[row]],
            )
        )
    return tuple(examples)
