"""Tree: the decision tree of the case walked with this run's numbers; a reader can check each turn."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis import phrases
from analysis.verdict import FingerprintReport, LoadEffect, StatusClass, Temporal, TimeDrift, TreeNode

MOSTLY = 0.5
SOME = 0.05
"""Over half of the failures is "yes", over a twentieth "partly": below that a status is a side issue."""

MESSAGES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (r"connection pool", r"(^|[^\w ] *)pool exhausted", r"too many clients", r"too many connections"),
        "larger connection pool",
    ),
    ((r"\bredis(?!trib)", r"\bcache(?!.?control)", r"\bvalkey"), "Redis configuration"),
    (
        (r"bcrypt", r"password verification", r"\bhash\b"),
        "bcrypt off the async threads, or a damaged password hash",
    ),
    ((r"\btoken\b",), "the token's signing key and configuration"),
)
"""What the messages of 500s point to (patterns), first match wins."""

_TEMPORAL = {
    "clustered": "bursts: a resource runs out (database pool, Redis pool) or the service stops for moments",
    "distributed": "evenly spread: a throughput limit (scale out) or a fault that hits a fixed share",
    "none": "",
    "inconclusive": "undecided",
}
_LOAD = {
    "rises": "a resource is the bottleneck: profile and scale",
    "constant": "a fault in code or configuration: read the error logs for patterns",
    "falls": "less under load: look at what only happens when idle (expired connections, cold caches)",
    "inconclusive": "undecided: see the next run",
}


def tree(
    requests: int,
    by_status: dict[str, StatusClass],
    fingerprints: Sequence[FingerprintReport],
    temporal: Temporal,
    load: LoadEffect,
    drift: TimeDrift,
) -> list[TreeNode]:
    """The path taken: one node without failures, else status, messages of 500s, pattern, load."""
    errors = sum(entry.count for entry in by_status.values())
    if errors == 0:
        numbers = f"0 of {phrases.counted(requests, 'request')}"
        return [
            TreeNode(question="Did requests fail?", answer="no" if requests else "no data", numbers=numbers)
        ]
    nodes = [
        _status("503", "storage lock timeouts: check lock acquisition, raise the timeout", by_status, errors)
    ]
    fives = _status("500", "read the messages", by_status, errors)
    nodes.append(fives)
    if fives.answer != "no":
        nodes.append(_messages(fingerprints))
    nodes.append(_others(by_status, errors))
    nodes.append(
        TreeNode(
            question="Are the errors clustered or distributed?",
            answer=temporal.answer,
            numbers=temporal.why,
            leads_to=_pattern(temporal, drift),
        )
    )
    nodes.append(
        TreeNode(
            question="Does the error rate change with load?",
            answer=load.answer,
            numbers=load.why,
            leads_to=_LOAD[load.answer],
        )
    )
    return [node for node in nodes if node.answer]


def _pattern(temporal: Temporal, drift: TimeDrift) -> str:
    """What fails from one moment on only is no fixed share, though it does not come in bursts."""
    if temporal.answer == "distributed" and drift.step is not None:
        moment = phrases.moment(drift.step.since_s)
        return f"not in bursts, but another rate from {moment} on: look at what happened to the service then"
    return _TEMPORAL[temporal.answer]


def _status(status: str, leads_to: str, by_status: dict[str, StatusClass], errors: int) -> TreeNode:
    count = by_status[status].count if status in by_status else 0
    answer = "yes" if count > MOSTLY * errors else "partly" if count > SOME * errors else "no"
    return TreeNode(
        question=f"Are the errors {status}?",
        answer=answer,
        numbers=_of(count, errors),
        leads_to="" if answer == "no" else leads_to,
    )


def _messages(fingerprints: Sequence[FingerprintReport]) -> TreeNode:
    fives = [f for f in fingerprints if f.status == 500]
    total = sum(f.count for f in fives)
    told = [f"'{f.message or 'no message'}' {_of(f.count, total)}" for f in fives[:3]]
    first = fives[0].message if fives else ""
    advice = next(
        (lead for words, lead in MESSAGES if any(re.search(w, first, re.IGNORECASE) for w in words)), ""
    )
    return TreeNode(
        question="What do the 500s say?",
        answer=first or "nothing was recorded",
        numbers="; ".join(told),
        leads_to=advice or "search the service's log for this text",
    )


def _others(by_status: dict[str, StatusClass], errors: int) -> TreeNode:
    """What is neither 503 nor 500: the case's tree has no branch for it, which is no reason to hide it."""
    other = {name: entry.count for name, entry in by_status.items() if name not in {"500", "503"}}
    count = sum(other.values())
    if count <= SOME * errors:
        return TreeNode(question="", answer="", numbers="")
    return TreeNode(
        question="Are the errors something else?",
        answer="yes" if count > MOSTLY * errors else "partly",
        numbers=", ".join(f"{name}: {_of(n, errors)}" for name, n in list(other.items())[:4]),
        leads_to="see the failures by kind",
    )


def _of(count: int, total: int) -> str:
    return f"{phrases.count(count)} of {phrases.count(total)} ({phrases.percent(count / max(total, 1))})"
