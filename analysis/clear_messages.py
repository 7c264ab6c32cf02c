"""Clear messages: does an answer tell the client what happened and what to do, and what would help if not?

A table of small checks; each looks at recorded examples of one kind of failure. Most decide whether the kind
counts as clear (`unclear_errors` of the targets goes by that); others only lead to advice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from analysis.answer import (
    Answer,
    answer_of,
    is_page,
    names_a_way,
    shows_trace,
    speaks_of_overload,
    tells_whether_to_retry,
)
from analysis.verdict import MessageCheck
from recording.error_text import says_nothing
from recording.run import ErrorExample

RETRY_STATUSES = frozenset({429, 503})


class Clearness(NamedTuple):
    """Whether clients were told (None: not known), why in a clause, and every check."""

    clear: bool | None
    why: str
    checks: list[MessageCheck]


class Check(NamedTuple):
    """One thing that an answer should do.

    Attributes:
        name: what it is about.
        fails: whether an answer does not do it; None: not known.
        applies: whether it is asked of answers with this status; of all that have one, unless told.
        good, bad: what is said if it does, and if it does not.
        remedy: what would help.
        decides: whether an answer that fails it is unclear.
        unless: checks after whose failure it is not asked, since what helps there helps here.
    """

    name: str
    fails: Callable[[Answer], bool | None]
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
    answers = [answer_of(example) for example in examples]
    held = {check.name: _held(check, answers) for check in asked}
    failed = {name for name, holds in held.items() if holds is False}
    checks = [_outcome(check, held[check.name]) for check in asked if failed.isdisjoint(check.unless)]
    deciding = [check for check in asked if check.decides]
    why = next((check.bad for check in deciding if check.name in failed), None)
    if why is not None:
        return Clearness(False, why, checks)
    if any(held[check.name] is None for check in deciding):
        return Clearness(None, NOT_KEPT, checks)
    retry = " and whether a retry helps" if status in RETRY_STATUSES else ""
    return Clearness(True, f"says what happened{retry}", checks)


def _held(check: Check, answers: Sequence[Answer]) -> bool | None:
    found = {check.fails(answer) for answer in answers}
    return False if True in found else None if None in found else True


def _outcome(check: Check, held: bool | None) -> MessageCheck:
    if held is None:
        return _told(check.name, None, NOT_KEPT)
    return _told(check.name, True, check.good) if held else _told(check.name, False, check.bad, check.remedy)


def _told(name: str, held: bool | None, text: str, remedy: str = "") -> MessageCheck:
    return MessageCheck(name=name, held=held, text=text, remedy=remedy)


NO_ANSWER = "no answer at all"
NOT_RECORDED = "no message was recorded"
NOT_KEPT = "no error text in what was kept of the answer: it was cut or scrubbed"
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


def _text_is(wrong: Callable[[str], bool]) -> Callable[[Answer], bool | None]:
    """A check of the error text alone."""
    return lambda answer: None if answer.text is None else wrong(answer.text)


def _lacks(wanted: Callable[[Answer], bool | None]) -> Callable[[Answer], bool | None]:
    """A check that fails where something wanted is not there."""
    return lambda answer: None if (there := wanted(answer)) is None else not there


_NO_TEXT = ("not empty", "no HTML page", "error text in JSON")
CHECKS = (
    Check(
        "status is a failure",
        lambda answer: 0 < answer.status < 400,
        "its status says failure",
        "its status says success",
        "a status from 400 on: clients, proxies and monitoring take this answer for a good one",
    ),
    Check(
        "not empty",
        lambda answer: not (answer.body.strip() or answer.texts),
        "there is a text",
        "empty answer",
        'a JSON body such as {"error": "what happened, and what to do"}',
    ),
    Check(
        "no HTML page",
        is_page,
        "no HTML page",
        "HTML page instead of an error text",
        "an error page in JSON at the proxy that sends this one (nginx: error_page with a JSON body): an API "
        "client cannot read HTML",
    ),
    Check(
        "no stack trace",
        shows_trace,
        "no stack trace",
        "shows a stack trace",
        "a short text for the client and the trace in the log only: it tells strangers about the inside",
    ),
    Check(
        "error text in JSON",
        _text_is(lambda text: not text),
        "a JSON error text",
        "no JSON error text",
        'a field "error", "message" or "detail" (RFC 9457) that says what happened',
        unless=_NO_TEXT[:2],
    ),
    Check(
        "says more than its status",
        _text_is(says_nothing),
        "the text says what happened",
        "says no more than its status",
        "what went wrong, in words that whoever is called at night can look for in the log",
        unless=_NO_TEXT,
    ),
    Check(
        "says whether to try again",
        _lacks(tells_whether_to_retry),
        "Retry-After or a word about trying again",
        "neither a valid Retry-After nor a word about trying again",
        "Retry-After with the seconds to wait, and a word about it in the text",
        applies=lambda status: status in RETRY_STATUSES,
    ),
    Check(
        "Retry-After",
        lambda answer: not answer.tells_when,
        "Retry-After tells programs when to come back",
        "no valid Retry-After: programs do not read the text, and come back at once",
        "Retry-After with the seconds to wait, as a whole number, or an HTTP date",
        applies=lambda status: status in RETRY_STATUSES,
        decides=False,
        unless=("says whether to try again",),
    ),
    Check(
        "status fits the text",
        speaks_of_overload,
        "nothing in the text asks for another status",
        "500 says a defect, the text says that something is used up or too slow",
        "503 with Retry-After: clients and proxies then know that trying again helps",
        applies=lambda status: status == 500,
        decides=False,
        unless=_NO_TEXT,
    ),
    Check(
        "names a way to recover",
        _lacks(names_a_way),
        "the text says what the client can do",
        "does not say what the client can do",
        'in the text what to do next, such as "trying again will not help, tell the help desk id 7f3a"; '
        "where the fault passes by itself, 503 with Retry-After",
        applies=lambda status: status >= 500 and status != 503,
        decides=False,
        unless=(*_NO_TEXT, "says more than its status", "status fits the text"),
    ),
)
"""In the order in which they are worth telling."""
