"""Whether an answer tells the client what happened and what to do, and what is advised if it does not."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from run_builder import by_load, example, make_run

from analysis.answer import is_retry_after
from analysis.clear_messages import CHECKS, clearness
from analysis.cut_json import read_beginning
from analysis.diagnose import diagnose
from recording.error_text import message_of
from recording.run import ErrorExample
from recording.scrub import scrub_body

JSON, PLAIN, HTML = "application/json", "text/plain", "text/html; charset=utf-8"
NGINX = "<html>\r\n<head><title>502 Bad Gateway</title></head><body><hr>nginx/1.25.3</body></html>"
DJANGO = "<!DOCTYPE html>\n<html><title>KeyError at /login</title><pre>Traceback</pre></html>"
S3 = '<?xml version="1.0"?><Error><Message>Please reduce your request rate.</Message></Error>'
ENVOY = "upstream connect error or disconnect/reset before headers. reset reason: connection timeout"
PYTHON = "Traceback (most recent call last):\n  File \"app.py\", line 7, in login\nKeyError: 'hash'"
NODE = "TypeError: hash is null\n    at Login.verify (/app/login.js:10:5)\n    at node:internal/main:1:1"
NODE_NAMELESS = "Error: no user\n    at /app/login.js:10:5"
JAVA = "java.lang.IllegalStateException: pool\r\n\tat com.shop.Login.verify(Login.java:12)\r\n"
DOTNET = "System.Exception: pool\r\n   at Shop.Login.Verify(String name)\r\n"
GO = "boom\n\ngoroutine 7 [running]:\nmain.login(0x1)\n"
PHP = "boom\n#0 /var/www/login.php(12): verify()\n#1 {main}"
FILL = ["x" * 40] * 80
FASTAPI = {"detail": [{"loc": ["body", "password"], "msg": "Field required", "type": "missing"}]}
SPRING = {"timestamp": 1, "status": 500, "error": "Internal Server Error", "path": "/login"}
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "5s"}


class Row(NamedTuple):
    """An answer as the target sent it, and what is to be said of it."""

    status: int
    body: Any
    clear: bool | None
    why: str = ""
    content_type: str = JSON
    headers: dict[str, str] = {}  # noqa: RUF012


def recorded(row: Row) -> ErrorExample:
    """The example that the recorder keeps of an answer. Anything but text is sent as JSON."""
    raw = row.body if isinstance(row.body, str) else json.dumps(row.body)
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    return example(
        row.status,
        message_of(value, empty=not raw, content_type=row.content_type),
        outcome="http_error" if row.status >= 400 else "wrong_content",
        body=scrub_body(raw),
        content_type=row.content_type,
        headers=row.headers,
    )


def error(text: str) -> dict[str, str]:
    return {"error": text}


AFTER = {"Retry-After": "2"}
SOON = {"Retry-After": "soon"}
AT = {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}
BARE, TRACED, RETRY = "no more than its status", "stack trace", "trying again"
ANSWERS = {
    # Is there a text at all, and is it the target's?
    "nothing": Row(500, "", False, "empty"),
    "blanks": Row(500, " \n", False, "empty"),
    "a service that says 'empty body'": Row(400, error("empty body"), True),
    "plain words": Row(500, "plain words", False, "no JSON", PLAIN),
    "no text in JSON": Row(500, {"code": 7}, False, "no JSON error text"),
    "JSON that was sent broken": Row(500, '{"error": "pool', False, "no JSON error text"),
    "Envoy": Row(503, ENVOY, False, "no JSON", PLAIN),
    "binary": Row(500, "\ufffd\x00\ufffd", False, "no JSON", "application/grpc"),
    "nginx": Row(502, NGINX, False, "HTML", HTML),
    "a page without a type": Row(502, NGINX, False, "HTML", ""),
    "a page that calls itself JSON": Row(502, NGINX, False, "HTML"),
    "Django's debug page": Row(500, DJANGO, False, "HTML", HTML),
    "JSON under the type of a page": Row(500, error("pool exhausted"), True, "", HTML),
    "XML is no page": Row(503, S3, False, "no JSON error text", "application/xml", AFTER),
    "a byte order mark": Row(500, "\ufeff" + json.dumps(error("pool exhausted")), True),
    # Where services put it.
    "RFC 9457": Row(429, {"title": "Too many requests", "detail": "try again in 2 s"}, True),
    "FastAPI": Row(422, FASTAPI, True),
    "FastAPI without a text": Row(422, {"detail": [{"loc": ["body"], "type": "missing"}]}, False, "no JSON"),
    "FastAPI's own 404": Row(404, {"detail": "Not Found"}, False, BARE),
    "Spring": Row(500, SPRING | {"message": "connection pool exhausted"}, True),
    "Spring without its text": Row(500, SPRING | {"message": ""}, False, BARE),
    "Spring, twice nothing": Row(500, SPRING | {"message": "Internal server error"}, False, BARE),
    "a code and a text": Row(503, error("BUSY") | {"message": "Too busy, please retry"}, True),
    "a code alone": Row(500, error("internal_error"), False, BARE),
    "Django REST framework": Row(400, {"non_field_errors": ["Unable to log in with these"]}, True),
    "fields of Django REST framework": Row(400, {"email": ["This field is required."]}, True),
    "fields of Rails": Row(422, {"errors": {"email": ["has already been taken"]}}, True),
    "fields of Spring": Row(400, {"errors": [{"field": "x", "defaultMessage": "must be valid"}]}, True),
    "lists of something else": Row(400, {"items": [1, 2]}, False, "no JSON error text"),
    ".NET": Row(500, {"Message": "An error has occurred."}, False, BARE),
    ".NET with a text": Row(500, {"Message": "The pool has no free connection."}, True),
    "GraphQL with success": Row(200, {"errors": [{"message": "pool exhausted"}]}, False, "success"),
    "GraphQL": Row(500, {"errors": [{"message": "pool exhausted"}]}, True),
    "gRPC gateway": Row(429, {"code": 8, "message": "quota used up", "details": [RETRY_INFO]}, True),
    "gRPC gateway, no delay": Row(429, {"code": 8, "message": "quota used up", "details": []}, False, RETRY),
    "a JSON string": Row(400, '"Unknown account"', True),
    "a JSON string that says nothing": Row(500, '"Internal Server Error"', False, BARE),
    "a JSON list": Row(401, [{"message": "Session expired", "errorCode": "SESSION"}], True),
    "an empty JSON list": Row(401, [], False, "no JSON error text"),
    "deep nesting": Row(500, '{"error":' * 5000 + "1" + "}" * 5000, None, "cut"),
    # Does it say what happened?
    "invalid credentials": Row(401, error("Invalid credentials"), True),
    "the status again": Row(500, error("Internal Server Error"), False, BARE),
    "its number too": Row(502, error("HTTP 502: Bad Gateway"), False, BARE),
    "unauthorized": Row(401, error("Unauthorized"), False, BARE),
    "a cause named by the status": Row(429, error("Too Many Requests"), True, "", JSON, AFTER),
    "polite and vague": Row(500, error("Something went wrong. Please try again later."), False, BARE),
    "vague words within a text": Row(500, error("Unknown error in the hash of user 7"), True),
    "ASP.NET's own words": Row(
        500, {"title": "An error occurred while processing your request.", "status": 500}, False, BARE
    ),
    "Spring's own words": Row(500, SPRING | {"message": "No message available"}, False, BARE),
    "unhandled": Row(500, error("Unhandled exception"), False, BARE),
    "its own id": Row(500, error("Internal Server Error. Request ID: 7f3a-12"), False, BARE),
    "an object as text": Row(500, {"message": "[object Object]"}, False, BARE),
    # Does it tell strangers about the inside?
    "a Python trace": Row(500, PYTHON, False, TRACED, PLAIN),
    "a Python trace in JSON": Row(500, error(PYTHON), False, TRACED),
    "a Node trace in JSON": Row(500, error("hash is null") | {"stack": NODE}, False, TRACED),
    "a Node trace without names": Row(500, error(NODE_NAMELESS), False, TRACED),
    "a Node trace as a list": Row(500, error("null") | {"stack": NODE.split("\n")}, False, TRACED),
    "a Java trace in JSON": Row(500, SPRING | {"message": "pool", "trace": JAVA}, False, TRACED),
    "a .NET trace in JSON": Row(500, error("pool") | {"stackTrace": DOTNET}, False, TRACED),
    "a Go trace in JSON": Row(500, error(GO), False, TRACED),
    "a PHP trace in JSON": Row(500, error(PHP), False, TRACED),
    "a trace in JSON that is cut": Row(500, error("pool") | {"trace": JAVA * 99}, False, TRACED),
    "at, a time": Row(401, error("Token expired at login (2026-11-26 10:20:30)"), True),
    "at, line and column": Row(400, error("Invalid JSON at line 3 (body:3:17)"), True),
    "at, a pointer": Row(400, error("Schema violated at /items/0/price:3:17"), True),
    "at, but no trace": Row(500, error("no user\n  at least (3) were expected at 10:45:12"), True),
    # Does it say whether to try again?
    "please retry": Row(503, error("Service temporarily busy, please retry"), True, "retry helps"),
    "no word": Row(503, error("storage lock timeout"), False, RETRY),
    "seconds": Row(503, error("storage lock timeout"), True, "", JSON, {"retry-after": "1"}),
    "zero seconds": Row(503, error("storage lock timeout"), True, "", JSON, {"Retry-After": "0"}),
    "a date": Row(503, error("storage lock timeout"), True, "", JSON, AT),
    "soon": Row(503, error("storage lock timeout"), False, RETRY, JSON, SOON),
    "soon, but in words too": Row(503, error("lock held, retry in 2 s"), True, "", JSON, SOON),
    "wait as a noun": Row(503, error("Lock wait timeout exceeded"), False, RETRY),
    "wait as a verb": Row(503, error("Queue full. Please wait 5 s"), True),
    "retry as a noun": Row(503, error("retry limit exceeded"), False, RETRY),
    "no retry": Row(503, error("Closed for good, do not retry"), True),
    "later as a version": Row(503, error("needs schema 7 or later"), False, RETRY),
    "later": Row(503, error("pool exhausted, try your request later"), True),
    "again as a complaint": Row(503, error("lost the database again"), False, RETRY),
    "again": Row(503, error("pool exhausted, try again"), True),
    "a rate limit": Row(429, error("Rate limit exceeded"), False, RETRY),
    "a rate limit that ends": Row(429, error("Rate limit exceeded, resets in 12 s"), True),
    "a field that says when": Row(429, {"message": "You are rate limited", "retry_after": 0.65}, True),
    "a connection reset at": Row(503, error("upstream connection reset at handshake"), False, RETRY),
    "retry as a label": Row(503, error("Retry: connection refused by db-1"), False, RETRY),
    "none was attempted": Row(503, error("Aborted, no retry was attempted"), False, RETRY),
    "again, since": Row(503, error("No node is available again since failover"), False, RETRY),
    "soon available": Row(503, error("The store should be available again"), True),
    # What we cut or hid ourselves.
    "cut, no text": Row(401, {"items": FILL}, None, "cut"),
    "cut after the text": Row(401, error("Invalid credentials") | {"items": FILL}, True),
    "cut before the text": Row(401, {"items": FILL} | error("Invalid credentials"), True),
    "cut, an item's title": Row(401, {"items": [{"title": text} for text in FILL]}, None, "cut"),
    "cut after an empty word": Row(500, error("error") | {"items": FILL}, False, BARE),
    "cut, but success": Row(200, {"items": FILL}, False, "success"),
    "cut, no JSON": Row(500, "x" * 5000, False, "no JSON", PLAIN),
    "cut, 503": Row(503, {"items": FILL}, None, "cut", JSON, AFTER),
    "a hidden token first": Row(401, {"token": "abc123"} | error("Session expired"), True),
    "a hidden number": Row(401, {"token": 7, "session": {"id": 7}} | error("Session expired"), True),
    "a secret in a text": Row(401, error("wrong password=abc123"), True),
    "a hidden token alone": Row(401, {"token": "abc123"}, False, "no JSON error text"),
}  # fmt: skip


@pytest.mark.parametrize("row", ANSWERS.values(), ids=ANSWERS)
def test_a_clear_message_says_what_happened_and_what_to_do(row: Row) -> None:
    told = clearness(row.status, "http_error", [recorded(row)])
    assert told.clear is row.clear, told
    assert row.why in told.why
    assert any(check.remedy for check in told.checks) or row.clear is not False


@pytest.mark.parametrize(
    ("body", "message", "clear"),
    [
        ('{"token": [hidden], "error": "Session expired"}', "Session expired", True),
        ('{"token": [hidden], "error": "Unauthorized"}', "Unauthorized", False),
        ('{"token": [hidden], "code": 7}', "no error text", None),
        ('{"code": 7, "token": [hidden]}', "field id missing", None),
        ("", "empty body", False),
        (json.dumps({"items": FILL})[:2048], "no error text", None),
        (json.dumps({"error": {"message": "Session expired"}, "items": FILL})[:2048], "no error text", True),
    ],
)
def test_older_run_folders_are_read_with_what_scrubbing_broke(
    body: str, message: str, clear: bool | None
) -> None:
    outcome = "wrong_content" if "field" in message else "http_error"
    assert clearness(401, outcome, [example(401, message, outcome=outcome, body=body)]).clear is clear


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("0", True),
        ("120", True),
        (" 120 ", True),
        ("Fri, 31 Dec 1999 23:59:59 GMT", True),
        ("Friday, 31-Dec-99 23:59:59 GMT", True),
        ("Fri Dec 31 23:59:59 1999", True),
        ("", False),
        ("-1", False),
        ("1.5", False),
        ("5s", False),
        ("5, 5", False),
        ("\u0665", False),
        ("1999-12-31T23:59:59Z", False),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value: str, valid: bool) -> None:
    assert is_retry_after(value) is valid


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": "x, {', {"a": 1}),
        ('{"a": {"b": ["c", "d", {"e": "f\\", g', {"a": {"b": ["c", "d"]}}),
        ('[1, {"a": "]}", "b": 2, "c', [1, {"a": "]}", "b": 2}]),
        ('{"a": "only', None),
        ("words, and more", None),
        ("", None),
    ],
)
def test_the_beginning_of_json_is_read_as_far_as_it_is_whole(text: str, value: object) -> None:
    assert read_beginning(text) == value


def remedies(row: Row) -> dict[str, str]:
    told = clearness(row.status, "http_error", [recorded(row)])
    return {check.name: check.remedy for check in told.checks if check.held is False}


def test_advice_fits_what_was_seen() -> None:
    assert remedies(ANSWERS["nginx"])["no HTML page"].startswith("an error page in JSON")
    exhausted = remedies(Row(500, error("connection pool exhausted"), True))
    assert set(exhausted) == {"status fits the text"}
    assert "503 with Retry-After" in exhausted["status fits the text"]
    assert set(remedies(ANSWERS["please retry"])) == {"Retry-After"}
    assert set(remedies(ANSWERS["no word"])) == {"says whether to try again"}
    assert set(remedies(ANSWERS["soon, but in words too"])) == {"Retry-After"}
    assert set(remedies(ANSWERS["nothing"])) == {"not empty"}
    assert remedies(ANSWERS["seconds"]) == {}


@pytest.mark.parametrize(
    ("status", "text", "missing"),
    [
        (500, "password verification failed", True),
        (504, "the mail server did not answer", True),
        (500, "password verification failed, contact the help desk with id 7", False),
        (500, "password verification failed, try again", False),
        (500, "hash of an old kind: reset your password", False),
        (401, "Invalid credentials", False),
        (503, "busy, please retry", False),
    ],
)
def test_a_server_error_is_advised_to_name_a_way_to_recover_and_stays_clear(
    status: int, text: str, missing: bool
) -> None:
    row = Row(status, error(text), True)
    assert ("names a way to recover" in remedies(row)) is missing
    assert clearness(status, "http_error", [recorded(row)]).clear is True


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
    assert [check.name for check in told.checks] == [c.name for c in CHECKS if c.applies(503)]


def test_all_examples_must_pass() -> None:
    clear, unclear, cut = (recorded(ANSWERS[name]) for name in ("please retry", "no word", "cut, 503"))
    assert clearness(503, "http_error", [clear, unclear]).clear is False
    assert clearness(503, "http_error", [clear, cut]).clear is None
    assert clearness(503, "http_error", [unclear, cut]).clear is False


def test_the_verdict_lists_the_checks_of_each_kind() -> None:
    verdict = diagnose(make_run(errors=by_load(lambda users: 0.01 * users)))
    (kind,) = verdict.fingerprints
    assert kind.clear is True
    assert [check.name for check in kind.checks if check.held is False] == ["Retry-After"]
