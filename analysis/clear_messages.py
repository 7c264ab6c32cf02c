"""Clear messages: does an answer tell the client what happened and what to do, and what would help if not?

A table of small checks; each looks at recorded examples of one kind of failure. Most decide whether the kind
counts as clear (`unclear_errors` of the targets goes by that); others only lead to advice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from analysis.verdict import MessageCheck
from recording.run import ErrorExample

MESSAGE_KEYS = ("error", "message", "detail", "title", "reason", "error_description")
RETRY_STATUSES = frozenset({429, 503})
_RETRY = re.compile(r"\b(?:re-?try|again|later|slow down|wait|back ?off)\b", re.IGNORECASE)
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|^\s+at [\w$.]+\(|\bpanicked at\b|stack backtrace|\.rs:\d+:\d+"
    r"|\.java:\d+\)|goroutine \d+ \[",
    re.MULTILINE,
)
_EMPTY_WORDS = re.compile(
    r"^(?:internal server error|server error|error|unknown error|unknown|failed|failure|bad gateway|"
    r"service unavailable|something went wrong|null|none)\W*$",
    re.IGNORECASE,
)
_OVERLOAD = re.compile(
    r"\b(?:busy|overload(?:ed)?|exhausted|too many|rate limit|timed? ?out|timeout|unavailable|saturated|"
    r"queue is full|capacity)\b",
    re.IGNORECASE,
)


class Clearness(NamedTuple):
    """Whether clients were told (None: not known), why in a clause, and every check."""

    clear: bool | None
    why: str
    checks: list[MessageCheck]


class Check(NamedTuple):
    """One thing that an answer should do.

    Attributes:
        name: what it is about.
        fails: whether an example does not do it.
        applies: whether it is asked of answers with this status; of all that have one, unless told.
        good, bad: what is said if it does, and if it does not.
        remedy: what would help.
        decides: whether an answer that fails it is unclear.
        unless: checks after whose failure it is not asked, since what helps there helps here.
    """

    name: str
    fails: Callable[[ErrorExample], bool]
    good: str
    bad: str
    remedy: str
    applies: Callable[[int], bool] = bool
    decides: bool = True
    unless: tuple[str, ...] = ()


def clearness(status: int, outcome: str, examples: Sequence[ErrorExample]) -> Clearness:
    """Judge one kind of failure: all its examples must pass; the reason is the first check that one fails."""
    if status == 0:
        remedy = _UNANSWERED.get(outcome, "")
        return Clearness(False, NO_ANSWER, [_told("answered", False, NO_ANSWER, remedy)])
    asked = [check for check in CHECKS if check.applies(status)]
    if not examples:
        return Clearness(None, NOT_RECORDED, [_told(check.name, None, NOT_RECORDED) for check in asked])
    failed = {check.name for check in asked if any(map(check.fails, examples))}
    checks = [
        _told(check.name, False, check.bad, check.remedy)
        if check.name in failed
        else _told(check.name, True, check.good)
        for check in asked
        if failed.isdisjoint(check.unless)
    ]
    why = next((check.bad for check in CHECKS if check.decides and check.name in failed), None)
    if why is not None:
        return Clearness(False, why, checks)
    retry = " and that a retry helps" if status in RETRY_STATUSES else ""
    return Clearness(True, f"says what happened{retry}", checks)


def _told(name: str, held: bool | None, text: str, remedy: str = "") -> MessageCheck:
    return MessageCheck(name=name, held=held, text=text, remedy=remedy)


NO_ANSWER = "no answer at all"
NOT_RECORDED = "no message was recorded"
_DEADLINE = (
    "a deadline in the service that is shorter than the client's limit, and then 503 with Retry-After and a "
    "JSON text: a client that gives up first is told nothing"
)
_UNANSWERED = {
    **dict.fromkeys(("first_byte_timeout", "body_timeout", "total_timeout", "unfinished"), _DEADLINE),
    "connect_timeout": "a proxy in front that answers 503 with Retry-After when the accept queue is full",
    "refused": "a proxy in front that answers 503 with Retry-After while the service restarts or is full",
    "reset": "connections closed only after the answer (drain before a restart), or 503 instead of a reset",
    "closed_early": "the whole answer before the connection is closed: drain before a restart",
}


def error_text(example: ErrorExample) -> str:
    """The error text of a JSON body, "" if there is none; of a body cut at its limit, the message."""
    try:
        fields = json.loads(example.body)
    except (ValueError, RecursionError):
        cut = len(example.body) >= 2000 or not example.body
        return example.message if cut and "json" in example.content_type.lower() else ""
    return _text_in(fields) if isinstance(fields, dict) else ""


def _text_in(fields: dict[str, object]) -> str:
    for key in MESSAGE_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and (inner := _text_in(value)):
            return inner
    return ""


def _retry_after(example: ErrorExample) -> str:
    return next((value for key, value in example.headers.items() if key.lower() == "retry-after"), "")


def _is_html(example: ErrorExample) -> bool:
    return "html" in example.content_type.lower() or example.body.lstrip()[:1] == "<"


CHECKS = (
    Check(
        "status is a failure",
        lambda e: 0 < e.status < 400,
        "its status says failure",
        "its status says success",
        "a status from 400 on: clients, proxies and monitoring take this answer for a good one",
    ),
    Check(
        "not empty",
        lambda e: not e.body.strip() and not e.message.strip(),
        "there is a text",
        "empty answer",
        'a JSON body such as {"error": "what happened, and what to do"}',
    ),
    Check(
        "no HTML page",
        _is_html,
        "no HTML page",
        "HTML page instead of an error text",
        "an error page in JSON at the proxy that sends this one (nginx: error_page with a JSON body): an API "
        "client cannot read HTML",
    ),
    Check(
        "no stack trace",
        lambda e: bool(_TRACE.search(e.body) or _TRACE.search(e.message)),
        "no stack trace",
        "shows a stack trace",
        "a short text for the client and the trace in the log only: it tells strangers about the inside",
    ),
    Check(
        "error text in JSON",
        lambda e: not error_text(e),
        "a JSON error text",
        "no JSON error text",
        'a field "error", "message" or "detail" (RFC 9457) that says what happened',
        unless=("not empty", "no HTML page"),
    ),
    Check(
        "says more than its status",
        lambda e: bool(_EMPTY_WORDS.match(error_text(e))),
        "the text says what happened",
        "says no more than its status",
        "what went wrong, in words that whoever is called at night can look for in the log",
    ),
    Check(
        "says whether to try again",
        lambda e: not (_retry_after(e) or _RETRY.search(error_text(e))),
        "Retry-After or a word about trying again",
        "neither Retry-After nor a word about trying again",
        "Retry-After with the seconds to wait, and a word about it in the text",
        applies=lambda status: status in RETRY_STATUSES,
    ),
    Check(
        "Retry-After",
        lambda e: not _retry_after(e),
        "Retry-After tells programs when to come back",
        "no Retry-After: programs do not read the text, and come back at once",
        "Retry-After with the seconds to wait",
        applies=lambda status: status in RETRY_STATUSES,
        decides=False,
        unless=("says whether to try again",),
    ),
    Check(
        "status fits the text",
        lambda e: bool(_OVERLOAD.search(error_text(e))),
        "nothing in the text asks for another status",
        "500 says a defect, the text says that something is used up or too slow",
        "503 with Retry-After: clients and proxies then know that trying again helps",
        applies=lambda status: status == 500,
        decides=False,
    ),
)
"""In the order in which they are worth telling."""
