"""Whether an answer tells the client what happened and what to do, and what is advised if it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from run_builder import by_load, example, make_run

from analysis.clear_messages import CHECKS, clearness
from analysis.diagnose import diagnose
from recording.run import ErrorExample

NGINX = "<html>\r\n<head><title>502 Bad Gateway</title></head><body><hr>nginx/1.25.3</body></html>"
TRACE = "Traceback (most recent call last):\n  File \"app.py\", line 7, in login\nKeyError: 'hash'"
PROBLEM = json.dumps({"type": "about:blank", "title": "Too many requests", "detail": "try again in 2 s"})


def said(status: int, **changes: Any) -> ErrorExample:
    return example(status, **changes)


@pytest.mark.parametrize(
    ("status", "changes", "clear", "why"),
    [
        (503, {}, True, "retry helps"),
        (503, {"message": "storage lock timeout"}, False, "trying again"),
        (503, {"message": "storage lock timeout", "headers": {"retry-after": "1"}}, True, ""),
        (429, {"message": "Rate limit exceeded"}, False, "trying again"),
        (429, {"body": PROBLEM, "content_type": "application/problem+json"}, True, ""),
        (500, {"message": "connection pool exhausted"}, True, ""),
        (500, {"message": "Internal Server Error"}, False, "no more than its status"),
        (500, {"body": TRACE, "message": "x"}, False, "stack trace"),
        (500, {"body": json.dumps({"error": TRACE})}, False, "stack trace"),
        (502, {"body": NGINX, "content_type": "text/html"}, False, "HTML"),
        (502, {"body": NGINX, "content_type": ""}, False, "HTML"),
        (500, {"body": "", "message": ""}, False, "empty"),
        (500, {"body": "plain words", "content_type": "text/plain"}, False, "no JSON"),
        (500, {"body": json.dumps({"code": 7}), "message": ""}, False, "no JSON error text"),
        (401, {"message": "Invalid credentials"}, True, ""),
        (200, {"outcome": "wrong_content"}, False, "success"),
    ],
)
def test_a_clear_message_says_what_happened_and_what_to_do(
    status: int, changes: dict[str, Any], clear: bool, why: str
) -> None:
    told = clearness(status, "http_error", [said(status, **changes)])
    assert told.clear is clear
    assert why in told.why
    assert any(check.remedy for check in told.checks) or clear


def remedies(status: int, **changes: Any) -> dict[str, str]:
    told = clearness(status, "http_error", [said(status, **changes)])
    return {check.name: check.remedy for check in told.checks if check.held is False}


def test_advice_fits_what_was_seen() -> None:
    assert remedies(502, body=NGINX, content_type="text/html")["no HTML page"].startswith(
        "an error page in JSON"
    )
    assert (
        "503 with Retry-After" in remedies(500, message="connection pool exhausted")["status fits the text"]
    )
    assert remedies(500, message="password verification failed") == {}
    assert set(remedies(503)) == {"Retry-After"}
    assert set(remedies(503, message="storage lock timeout")) == {"says whether to try again"}
    assert set(remedies(500, body="", message="")) == {"not empty"}
    assert remedies(503, headers={"Retry-After": "2"}) == {}


@pytest.mark.parametrize(
    ("outcome", "word"), [("first_byte_timeout", "deadline"), ("refused", "proxy"), ("reset", "drain")]
)
def test_no_answer_is_never_clear(outcome: str, word: str) -> None:
    told = clearness(0, outcome, [])
    assert told[:2] == (False, "no answer at all")
    assert word in told.checks[0].remedy


def test_an_unrecorded_message_is_unknown_never_clear() -> None:
    told = clearness(503, "http_error", [])
    assert told.clear is None
    assert {check.held for check in told.checks} == {None}
    assert len(told.checks) == len(CHECKS) - 1


def test_all_examples_must_pass() -> None:
    told = clearness(503, "http_error", [said(503), said(503, message="storage lock timeout")])
    assert told.clear is False


def test_the_verdict_lists_the_checks_of_each_kind() -> None:
    verdict = diagnose(make_run(errors=by_load(lambda users: 0.01 * users)))
    (kind,) = verdict.fingerprints
    assert kind.clear is True
    assert [check.name for check in kind.checks if check.held is False] == ["Retry-After"]
