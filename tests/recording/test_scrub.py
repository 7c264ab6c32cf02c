"""Secrets do not survive scrubbing, wherever in an answer they stand."""

import pytest

from recording.examples import FailureCodes
from recording.scrub import scrub

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
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "abc123xyz" not in scrub(text)


def test_control_characters_are_gone() -> None:
    assert scrub("a\x1b[31mb\x00c\x9bd") == "a [31mb c d"


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
