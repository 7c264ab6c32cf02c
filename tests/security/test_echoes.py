"""However a target repeats what it was sent, it comes out hidden; and what is no secret stays readable."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from recording.scrub import HIDDEN, scrub
from scenarios.accounts import NOBODY, Account
from scenarios.cookies import CookieJar
from scenarios.hidden import hidden_in
from scenarios.received import Headers
from scenarios.request import Request

USER, PASSWORD = "grüner user-7", 'pä ss/w&x"9+\\Zq7!'
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

KNOWN = {
    "as it is": PASSWORD,
    "in capitals": PASSWORD.upper(),
    "in capitals within JSON": json.dumps(PASSWORD.upper()),
    "percent-encoded": quote(PASSWORD, safe=""),
    "percent-encoded in small letters": quote(PASSWORD, safe="").lower(),
    "percent-encoded twice": quote(quote(PASSWORD, safe=""), safe=""),
    "as a form": quote_plus(PASSWORD),
    "as JSON": json.dumps(PASSWORD),
    "as JSON in UTF-8": json.dumps(PASSWORD, ensure_ascii=False),
    "as JSON within JSON": json.dumps(json.dumps(PASSWORD)),
    "as JSON four times over": json.dumps(json.dumps(json.dumps(json.dumps(PASSWORD)))),
    "as HTML": html.escape(PASSWORD),
    "as HTML within JSON": json.dumps(html.escape(PASSWORD)),
    "as JSON of PHP": json.dumps(PASSWORD).replace("/", "\\/"),
    "as Python shows it": repr(PASSWORD),
    "as Python shows bytes": repr(PASSWORD.encode()),
    "as HTML with numbers": "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in PASSWORD),
    "as an address with some signs left": quote(PASSWORD, safe="/&!+"),
    "as an address in HTML in JSON": json.dumps(html.escape(quote(PASSWORD, safe='&"')) + "&amp;"),
    "as base64 in an address": quote(base64.b64encode(PASSWORD.encode()).decode(), safe=""),
    "in hex": PASSWORD.encode().hex(),
    "as basic auth": f"Basic {BASIC}",
    "as basic auth without the word": BASIC,
    **{
        f"in base64, {shift} bytes in": base64.b64encode(b"x" * shift + PASSWORD.encode() + b"yz").decode()
        for shift in range(3)
    },
    "in base64 for URLs": base64.urlsafe_b64encode(f">>>{PASSWORD}???".encode()).decode(),
}


def longest_left(text: str, secret: str) -> int:
    """Letters of the secret's beginning or end that are still there."""
    return max(n for n in range(len(secret) + 1) if secret[:n] in text or (n and secret[-n:] in text))


@pytest.mark.parametrize("form", KNOWN.values(), ids=KNOWN)
def test_a_secret_that_is_known_is_hidden_in_any_dress(form: str) -> None:
    told = scrub(f"you sent {form}, wrong", [USER, PASSWORD])
    assert form not in told
    assert HIDDEN in told
    assert told.startswith("you sent ")
    # Two letters of base64 beside it hold bits of both, and "yz" is no secret.
    assert longest_left(told, form.removeprefix("Basic ").strip('"\\')) <= 6


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic b3RoZXI6a2VwdA==",
        "authorization: Digest username=kept, response=kept",
        "Cookie: a=kept; b=kept",
        "Set-Cookie: sid=kept; HttpOnly",
        '{"Authorization": "Basic kept kept"}',
        "{'Cookie': 'a=kept; b=kept'}",
        "('Authorization', 'Basic kept')",
        r"{\"password\": \"kept kept\"}",
        '{"password": "ke\\"kept"}',
        '{"password": "kept kept',
        "password%3Dkept%26next",
        "<ns:Password>kept</ns:Password>",
        'name="password"\r\n\r\nkept\r\n--',
        "access_token=kept&x=1",
        "sessionid=kept",
        "amqp://user:kept@broker/",
        "basic dXNlcjprZXB0",
    ],
)
def test_what_stands_behind_a_telling_name_is_hidden_whoever_it_belongs_to(text: str) -> None:
    told = scrub(text)
    assert HIDDEN in told
    assert "kept" not in told
    assert "dXNlcjprZXB0" not in told


@pytest.mark.parametrize(
    "text",
    [
        "token has expired, log in again",
        "basic authentication failed",
        "invalid session, log in again",
        '{"error": "Service temporarily busy", "retry_after": 5}',
        "author: somebody",
    ],
)
def test_words_that_help_are_left(text: str) -> None:
    assert scrub(text, [PASSWORD, "ab"]) == text


def test_ascii_in_utf_16_is_no_way_around() -> None:
    assert "hunter2" not in scrub("no hunter2 here".encode("utf-16-le").decode(), ["hunter2"])


@pytest.mark.parametrize("before", ["", "x" * 100, PASSWORD])
def test_the_end_of_what_is_looked_at_shows_no_half_of_a_secret(before: str) -> None:
    secret = "".join(f"{number:05d}" for number in range(20))
    told = scrub(before + secret * 1000, [secret, PASSWORD])
    assert told.startswith(before.replace(PASSWORD, HIDDEN) + HIDDEN)
    assert not re.search(r"\d{5}", told)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "\\",
            "&amp;",
            "%25",
            "password=",
            "password",
            "://a:",
            '\\"',
            "authorization\\",
            "token ",
            "basic ",
        ),
        *("<token", 'name="token" ', "bearer ", "eyJ.", "eyJeyJ-", "eyJa", " ", "\0", "cookie:[hidden"),
    ],
)
def test_no_answer_makes_it_take_long(text: str) -> None:
    """A search whose time grows with the square of the length would take many minutes here."""
    begin_s = time.monotonic()
    scrub(text * (2_000_000 // len(text)) + PASSWORD, [USER, PASSWORD])
    scrub(PASSWORD + text * (2_000_000 // len(text)), [USER, PASSWORD])
    assert time.monotonic() - begin_s < 20


def test_keys_cookies_and_saved_values_are_secrets_of_an_exchange() -> None:
    request = Request.model_validate(
        {
            "path": "/",
            "headers": {
                "X-Api-Key": "key-1",
                "Authorization": "Bearer {token} key-2",
                "Accept": "text/plain",
            },
            "json": {"client": {"client_secret": "key-3", "name": "public"}, "otp_tokens": ["key-4"]},
        }
    )
    jar = CookieJar("http://127.0.0.1")
    jar.take(Headers([(b"Set-Cookie", b"a=cookie-1; Path=/")]), "/")
    answer = Headers([(b"Set-Cookie", b"b=cookie-2; HttpOnly")])
    account = Account(0, "user-1", "pass-1")
    found = set(hidden_in(request, account, {"token": "saved-1"}, jar, answer))
    secret = {"key-1", "key-2", "key-3", "key-4", "cookie-1", "cookie-2", "user-1", "pass-1", "saved-1"}
    assert secret <= found
    assert not {"any", "public"} & found


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"headers": {"Authorization": "Token abc-1"}}, "Invalid token."),
        ({"headers": {"Authorization": "Bearer abc-1"}}, "Missing Bearer token"),
        ({"json": {"token_type": "access"}}, "Access denied"),
        ({"json": {"auth": {"method": "password"}}}, "Wrong password"),
        ({"json": {"author": "Jane Roe"}}, "No book by Jane Roe"),
    ],
)
def test_words_that_only_say_what_kind_of_secret_it_is_are_left(sent: dict[str, Any], told: str) -> None:
    request = Request.model_validate({"path": "/", **sent})
    assert scrub(told, hidden_in(request, NOBODY, {}, None, None)) == told


def test_hidden_words_without_a_plain_letter_cost_little() -> None:
    """A pattern of its own for each of many users would have to be made anew with every failure."""
    words = [f"{chr(0x400 + i % 60)}{chr(0x430 + i // 60)}пароль" for i in range(800)]
    begin_s = time.process_time()
    for word in words:
        assert scrub("busy", [word]) == "busy"
    assert time.process_time() - begin_s < 0.4
    assert scrub("нет: " + words[0].upper(), [words[0]]) == "нет: [hidden]"


CANARY = "Zq7canary9Kx"


@pytest.mark.parametrize(
    "sent",
    [
        {"headers": {"Authorization": f"Basic {base64.b64encode(f'svc:{CANARY}'.encode()).decode()}"}},
        {"headers": {"Authorization": f'Digest username="svc", response="{CANARY}", nonce="1"'}},
        {"headers": {"Authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/x, Signature={CANARY}"}},
        {"headers": {"Cookie": f"theme=dark; sid={CANARY}"}},
        {"headers": {"Ocp-Apim-Subscription-Key": CANARY}},
        {"headers": {"X-Whatever": CANARY}},
        {"path": f"/items?api_key={CANARY}"},
        *({"json": {name: CANARY}} for name in ("pass", "passphrase", "pin", "otp", "jwt", "private_key")),
        {"json": {"credentials": {"user": {"value": CANARY}}}},
        {"json": {"tokens": [{"v": CANARY}]}},
    ],
    ids=str,
)
def test_what_a_target_file_itself_says_is_hidden_where_it_is_a_secret(sent: dict[str, Any]) -> None:
    request = Request.model_validate({"path": "/", "method": "POST", **sent})
    secrets = hidden_in(request, NOBODY, {}, None, None)
    told = f"the value {CANARY} is not known here"
    assert scrub(told, secrets) == "the value [hidden] is not known here"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"headers": {"Accept": "application/json"}}, "send application/json"),
        ({"headers": {"X-Version": "v2"}}, "v2 is not served any more"),
        ({"json": {"auth": {"method": "password", "scope": "orders"}}}, "password is wrong for orders"),
        ({"path": "/items?page=12345678"}, "page 12345678 does not exist"),
        ({"json": {"opinion": "12345678", "spin": "abcdefgh"}}, "12345678 and abcdefgh"),
    ],
)
def test_what_is_no_secret_of_a_target_file_stays(sent: dict[str, Any], told: str) -> None:
    request = Request.model_validate({"path": "/", "method": "POST", **sent})
    assert scrub(told, hidden_in(request, NOBODY, {}, None, None)) == told
