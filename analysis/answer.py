"""Answer: a recorded example of a failure as its client read it: the error text, and what may stand in it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import NamedTuple

from analysis.cut_json import read_beginning
from recording.error_text import NOTES, error_texts, most_telling
from recording.run import ErrorExample
from recording.scrub import BODY_LIMIT, HIDDEN


class Answer(NamedTuple):
    """What a failed request was answered.

    Attributes:
        status: HTTP status.
        text: the error text that says most, "" if there is none; None: not known, since we cut or hid it.
        texts: all error texts, a line each.
        body: as it was recorded.
        content_type: in small letters.
        tells_when: whether it has a `Retry-After` that programs can read.
    """

    status: int
    text: str | None
    texts: str
    body: str
    content_type: str
    tells_when: bool


def answer_of(example: ErrorExample) -> Answer:
    """Read an example."""
    texts = _texts(example)
    headers = {name.lower(): value for name, value in example.headers.items()}
    return Answer(
        status=example.status,
        text=None if texts is None else most_telling(texts),
        texts="\n".join(texts or ()),
        body=example.body,
        content_type=example.content_type.lower(),
        tells_when=is_retry_after(headers.get("retry-after", "")),
    )


def _texts(example: ErrorExample) -> list[str] | None:
    """The error texts of a body in JSON; None: not known, since what we kept of it shows none."""
    body = example.body.lstrip("\ufeff")
    try:
        return error_texts(json.loads(body))
    except (ValueError, RecursionError):
        pass
    is_json = "json" in example.content_type.lower() or body.lstrip()[:1] in ("{", "[")
    # Earlier versions broke the JSON in which they hid something; their run folders are still read.
    ours = not body or len(body) >= BODY_LIMIT or HIDDEN in body
    if not (is_json and ours):
        return []
    # The recorder saw the whole answer: its message is the answer's text, unless it is a note.
    seen_whole = example.outcome == "http_error" and example.message.strip() and example.message not in NOTES
    texts = error_texts(read_beginning(body)) + ([example.message] if seen_whole else [])
    return texts or (None if body else [])


_HTTP_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")


def is_retry_after(value: str) -> bool:
    """Whether programs can read a `Retry-After`: whole seconds, or an HTTP date (RFC 9110, 10.2.3)."""
    value = value.strip()
    return (value.isascii() and value.isdigit()) or any(_is_date(value, form) for form in _HTTP_DATES)


def _is_date(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def is_page(answer: Answer) -> bool:
    """A page by its type or first character. JSON under the type of a page, as PHP sends it, is none."""
    start = answer.body.lstrip("\ufeff \t\r\n")
    markup = start.startswith("<") and not start.startswith("<?xml")
    return markup or ("html" in answer.content_type and not start.startswith(("{", "[", '"')))


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


_ASKED = r"(?:^|[.,;:!-] +|\b(?:please|must|should|need to|have to|then|and) )"
"""Where a verb is asked of the client: in "Lock wait timeout" it is none."""

_RETRY = _any_of(
    # Not "retry limit exceeded", nor "failed after retry": that is what the service itself did.
    r"(?<!after )(?<!max )(?<!last )(?<!no )\bre-?try(?:able|ing (?:may|might|will|can))?\b"
    r"(?![ -](?:limit|count|attempt|budget|polic|queue|loop|time|failed|exhausted|exceeded|disabled|was|"
    r"\d+ of)|:)",
    # Not "version 2 or later", nor "failed again".
    r"\b(?:try|come back|log in|sign in|repeat|resubmit)\b[^.;]{0,40}\b(?:again|later)\b",
    r"\btry (?:in|after) \d",
    r"\bagain (?:later|(?:in|after|at|from) \d)",
    r"\b(?:will|should) be available again\b|\bavailable again (?:in|after|at|from|soon)\b",
    r"\bbe back\b|\bresets? (?:in|at) (?:\d|midnight|noon)",
    _ASKED + r"wait\b(?![ -](?:time|queue|list|limit|event|lock|on\b|for (?!\d|a\b|some\b|at\b|up\b)))",
    _ASKED + r"back ?-?off\b(?! limit| restarting)",
    r"\bslow down\b|\breduce (?:your|the) (?:request )?rate\b",
)
_RETRY_FIELD = _any_of(
    r'"retry[_-]?(?:after|delay|in)(?:[_-]?[a-z]+)?"\s*:\s*"?\d', r'"(?:is_?)?retryable"\s*:\s*(?:true|false)'
)
"""What programs read in a body: `retry_after`, RetryInfo of gRPC."""

_RECOVERY = _any_of(
    r"\b(?:contact|administrator|help ?desk|make sure|reload|refresh|(?:log|sign) in)\b",
    r"\b(?:check|reset|verify|change|update) your\b|\breport (?:this|it|the)\b",
    r"https?://",
)


def tells_whether_to_retry(answer: Answer) -> bool | None:
    """In a header, a field or words; None: not known."""
    if answer.tells_when or _RETRY.search(answer.texts) or _RETRY_FIELD.search(answer.body):
        return True
    return None if answer.text is None else False


def names_a_way(answer: Answer) -> bool | None:
    """Whether it says what the client can do, be it to try again; None: not known."""
    return bool(_RECOVERY.search(answer.texts)) or tells_whether_to_retry(answer)


_OVERLOAD = _any_of(
    r"\b(?:busy|overload(?:ed)?|exhausted|too many|rate limit|timed? ?out|timeout|unavailable|saturated|"
    r"queue is full|capacity)\b"
)


def speaks_of_overload(answer: Answer) -> bool:
    """Whether its text says that something is used up, busy or too slow."""
    return bool(_OVERLOAD.search(answer.texts))


_TRACE = _any_of(
    r"Traceback \(most recent call last\)|File \"[^\"\n]+\", line \d+, in ",
    r"^[ \t]+at [\w$.<>`]+\(|\.java:\d+\)|\.cs:line \d+",
    # A file or <anonymous> before line and column: a clock has them too.
    r"\bat [^\n()]{1,200}\((?:<anonymous>|[^()\n]*[/\\][^()\n]*|[^()\n]*\.[cm]?[jt]sx?):\d+:\d+\)",
    r"\bat (?:async )?(?:file://)?/[^\s:]+\.[cm]?[jt]sx?:\d+:\d+",
    r"\bpanicked at\b|\bstack backtrace\b|\.rs:\d+:\d+|\bgoroutine \d+ \[",
    r"#\d+ \S+\.php\(\d+\): |\.rb:\d+:in ",
)
"""A line each for Python; Java and .NET; JavaScript; Rust and Go; PHP and Ruby."""

_ESCAPED = re.compile(r"\\(.)")
_BLANKS = {"n": "\n", "r": "\n", "t": "\t"}


def shows_trace(answer: Answer) -> bool:
    """Whether it shows a stack trace, as it stands or within JSON, cut or not."""
    unescaped = _ESCAPED.sub(lambda match: _BLANKS.get(match[1], match[1]), answer.body)
    return any(_TRACE.search(text) for text in (answer.body, unescaped, answer.texts))
