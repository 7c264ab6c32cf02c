"""Secrets do not survive scrubbing, wherever in an answer they stand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recording.error_text import message_of
from recording.examples import ExampleWriter, FailureCodes, read_examples
from recording.run import ErrorExample
from recording.scrub import BODY_LIMIT, scrub, scrub_body

SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"error":"wrong password {SECRET}"}}',
        f"user said {SECRET}!",
        f"{'x' * 2040}{SECRET}",
    ],
)
def test_a_known_secret_is_hidden(text: str) -> None:
    assert SECRET[:8] not in scrub(text, [SECRET])


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "abc123xyz"}',
        "password=abc123xyz&next=1",
        "Authorization: Bearer abc123xyz",
        "https://user:abc123xyz@host/",
        "token eyJabc123xyz.eyJabc123xyz.abc123xyz",
        '{"password": "quote \\" abc123xyz"}',
        '{"password": "cut off abc123xyz',
        'you sent "password": \\"abc123xyz\\", wrong',
        'SECRET_KEY = "abc123xyz"',
        "DB_PASS=abc123xyz",
        '{"password_hash": "abc123xyz", "passwordConfirmation": "abc123xyz", "password2": "abc123xyz"}',
        "encryption_key=abc123xyz",
        "connect.sid=abc123xyz; PHPSESSID=abc123xyz",
        "-----BEGIN RSA PRIVATE KEY-----\nabc123xyz\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "abc123xyz" not in scrub(text)
    assert "abc123xyz" not in scrub_body(text)


@pytest.mark.parametrize(
    "body",
    [
        {"token": SECRET, "error": "expired"},
        {"token": 12345678, "error": "expired"},
        {"session": {"id": 12345678, "of": [SECRET]}, "error": "expired"},
        {"id": 12345678, "error": "expired"},
        {"error": "expired", "detail": f"you sent password={SECRET}"},
        {"error": "expired", "detail": f'you sent "password": "{SECRET}", wrong'},
        {"error": "expired", "sent": json.dumps({"token": SECRET})},
        {"error": "expired", "url": "http://localhost:5432", "mail": "a@b.de", "sent": SECRET},
        {"error": "expired", "said": "your password:", "sent": SECRET},
        {SECRET: 1, "error": "expired"},
        ["expired", SECRET],
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_body_in_json_stays_json(body: object, separators: tuple[str, str]) -> None:
    left = scrub_body(json.dumps(body, separators=separators), [SECRET, "12345678"])
    assert SECRET not in left
    assert "12345678" not in left
    assert "expired" in message_of(json.loads(left), empty=False, content_type="")


def test_a_body_without_secrets_stays_as_it_was_sent() -> None:
    sent = '{ "error":"caf\\u00e9\\r\\n1.10",\n "n": 1e2, "said": "your password:" }'
    assert scrub_body(sent.replace("password", "name"), [SECRET]) == sent.replace("password", "name")
    assert json.loads(scrub_body(sent, [SECRET])) == json.loads(sent)


@pytest.mark.parametrize("escaped", ["hunter2\\u002dvery-secret", "hunter2-very\\u002Dsecret"])
def test_no_escape_hides_a_secret(escaped: str) -> None:
    assert scrub_body(f'{{"sent": "{escaped}"}}', [SECRET]) == '{"sent": "[hidden]"}'


def test_a_key_sent_twice_hides_nothing() -> None:
    assert SECRET not in scrub_body(f'{{"sent": "{SECRET}", "sent": 1}}', [SECRET])


@pytest.mark.parametrize(
    "body", ["[" * 700 + "]" * 700, "[" * 5000, "\ud800", '{"a": "\\ud800", "token": 1}']
)
def test_a_strange_body_is_cut_and_can_be_written(body: str) -> None:
    assert len(scrub_body(body).encode()) <= BODY_LIMIT


def test_control_characters_are_gone() -> None:
    assert scrub("a\x1b[31mb\x00c\x9bd") == "a [31mb c d"
    assert scrub("half a character: \ud83d") == "half a character:  "


def test_half_a_character_kept_by_an_earlier_version_can_be_written(tmp_path: Path) -> None:
    example = ErrorExample(
        1.0, 503, "http_error", "half", "half \ud83d", "login", headers={"Server": "\udfff"}
    )
    file = tmp_path / "errors.jsonl"
    writer = ExampleWriter(file)
    writer.keep(example)
    writer.close()
    assert read_examples(file) == (replace(example, message="half ?", headers={"Server": "?"}),)


def test_numbers_and_ids_make_no_code_of_their_own() -> None:
    codes = FailureCodes()
    same = {codes.code(f"pool of {n} busy, request 0x{n:08x}, {n}.5 ms") for n in range(50)}
    assert len(same) == 1


def test_codes_are_bounded() -> None:
    codes = FailureCodes(limit=3)
    made = {codes.code(word) for word in ("one", "two", "three", "four", "five", "one")}
    assert made == {"one", "two", "three", "other"}


@pytest.mark.parametrize(
    "form",
    [
        "Secret!Pa004xyzzy/&",
        "SECRET!PA004XYZZY/&",
        "Secret%21Pa004xyzzy%2F%26",
        "Secret!Pa004xyzzy/&amp;",
        "U2VjcmV0IVBhMDA0eHl6enkvJg",
        "5365637265742150613030347879" + "7a7a792f26",
    ],
)
def test_a_secret_is_hidden_in_every_usual_dress(form: str) -> None:
    assert form not in scrub(f"you sent {form}, wrong", ["Secret!Pa004xyzzy/&"])
