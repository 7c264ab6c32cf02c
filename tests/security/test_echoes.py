"""However a target repeats what it was sent, it comes out hidden; and what is no secret stays readable."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
    "doubled as in CSV": PASSWORD.replace('"', '""'),
    "every sign percent-encoded": "".join(f"%{byte:02X}" for byte in PASSWORD.encode()),
    "every sign an entity": "".join(f"&#{ord(c)};" for c in PASSWORD),
    "every sign an entity in hex": "".join(f"&#x{ord(c):X};" for c in PASSWORD),
    "every sign escaped": "".join(f"\\u{ord(c):04x}" for c in PASSWORD),
    "every byte escaped": "".join(f"\\x{byte:02x}" for byte in PASSWORD.encode()),
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


def encoded_whole(text: str, layer: int) -> str:
    """Every sign of a text encoded, and what came of it once more where `layer` says so."""
    for _ in range(layer + 1):
        text = "".join(f"%{byte:02x}" for byte in text.encode())
    return text


DRESSES: dict[str, Callable[[str], str]] = {
    "sql": lambda text: text.replace("'", "''"),
    "csv": lambda text: text.replace('"', '""'),
    "shell": lambda text: text.replace("'", "'\\''"),
    "shell, quoted": lambda text: text.replace("'", "'\"'\"'"),
    "python": ascii,
    "address": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "address, whole": lambda text: encoded_whole(text, 0),
    "address, whole and twice": lambda text: encoded_whole(text, 1),
    "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "json": json.dumps,
    "json, whole": lambda text: "".join(
        f"\\u{text.encode('utf-16-be').hex()[at : at + 4]}"
        for at in range(0, 2 * len(text.encode("utf-16-be")), 4)
    ),
    "json in html": lambda text: html.escape(json.dumps(text)),
    "javascript": lambda text: "".join(c if c.isascii() else f"\\u{{{ord(c):x}}}" for c in text),
    "octal": lambda text: "".join(
        c if c.isascii() else "".join(f"\\{byte:03o}" for byte in c.encode()) for c in text
    ),
    "base64 of json": lambda text: base64.b64encode(json.dumps({"user": "x", "is": text}).encode()).decode(),
    "capitals": str.upper,
    "small letters": str.lower,
}


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
@given(secret=st.text("abcXYZ019'\"%\\+&/ <äßİıſé日🔑", min_size=6, max_size=12).map(str.strip))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_whatever_a_secret_holds_it_is_hidden_in_each_dress(dress: Callable[[str], str], secret: str) -> None:
    assume(len(secret) >= 6)
    told = scrub(f"<<{dress(secret)}>>", [secret])
    assert HIDDEN in told
    assert longest_left(told.strip("<>"), secret) <= 2


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ("it's me 4ever", "'it''s me 4ever'"),
        ("it's me 4ever", "it&#39;&#39;s me 4ever"),
        ("İstanbul-99x1", "%C4%B0stanbul-99x1"),
        ("İstanbul-99x1", r"\u0130stanbul-99x1"),
        ("straße-99", "STRASSE-99"),
        ("a%41b-99", "%61%25%34%31%62%2d%39%39"),
        ("Hunter-99", "Hunter-99 and %48unter-99 and &#x48;unter-99"),
    ],
)
def test_a_secret_of_somebody_is_hidden_where_its_letters_are_strange(secret: str, form: str) -> None:
    told = scrub(form, [secret])
    assert HIDDEN in told
    assert not re.search(r"(?i)9|ever|stanbul|unter", told)


def test_what_reads_otherwise_and_hides_nothing_is_shown_as_it_was_sent() -> None:
    sent = r"100%41 &#65; \x41 %2541"
    assert scrub(sent, [PASSWORD]) == sent


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
        '{"password" => "kept kept"}',
        '{:password=>"kept kept"}',
        "{&quot;password&quot;=&gt;&quot;kept kept&quot;}",
        "Array ( [user] => bob [password] => kept kept [x] => y )",
        "[password] => kept kept\n[x] => y",
        "[Authorization] => Basic kept kept\n[x] => y",
        "[token] => Array\n(\n  [0] => kept\n)",
        'array(1) {\n  ["password"]=>\n  string(9) "kept kept"\n}',
        "user[password]=kept&x=1",
        "user%5Bpassword%5D=kept",
        "%22password%22%3A%22kept%22",
        'token: { "v": "kept" }',
        'token: {"a": {"b": "}kept"}, "c": ["kept"]} rest',
        'token: { "v": "kept',
        r"{\"token\": {\"v\": \"kept\"}}",
        "{token={v=kept, w=kept}, x=1}",
        "password=(ab)kept&x=1",
        "'Set-Cookie'=>['a=kept', 'b=kept']",
        "'password': b'kept kept'",
        "password=SecretStr('kept kept')",
        "password: >\n  kept\n",
        '<password xsi:type="xsd:string">kept</password>',
        "redis://:kept@host/0",
        "https://kept@host/x",
        "redis://:ke@kept@host",
        "redis://:ke/kept@host",
        r"redis:\/\/:kept@host",
        "redis%3A%2F%2F%3Akept%40host",
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
        "see https://example.com/@user or http://127.0.0.1:8080/~a@b?mail=c@d.e",
        "https://host/?next=https://host",
    ],
)
def test_words_that_help_are_left(text: str) -> None:
    assert scrub(text, [PASSWORD, "ab"]) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"password" => "a b", "x" => 1}', '{"password" => "[hidden]", "x" => 1}'),
        ("Array ( [password] => a b [x] => y )", "Array ( [password] => [hidden] [x] => y )"),
        ('token: { "v": "a" } and more', "token: [hidden] and more"),
        ("no way to redis://:a@host:6379/0", "no way to redis://[hidden]@host:6379/0"),
        ("password: [hidden], and more", "password: [hidden], and more"),
    ],
)
def test_only_the_value_is_hidden(text: str, told: str) -> None:
    assert scrub(text) == told
    assert scrub(told) == told


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
        *(
            "token:[",
            'token:{"',
            'token: {\\"',
            "token:[" + "\\" * 4000,
            "%41",
            "&#65;",
            "://a",
            "%3a%2f%2fa",
            "[token] => ",
            "<token ",
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
        {"json": {"user_pin": CANARY}},
        {"json": {"items": {1: {"token": CANARY}}}},  # YAML's keys may be numbers
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
        ({"json": {"port": 5432, "user_id": 12345678}}, "5432 and 12345678"),
        ({"json": {"max_tokens": 4096, "token_ttl": 3600, "pin": 777}}, "over 4096 within 3600: 777"),
        ({"json": {"auth": {"port": 5432}, "spin": 12345678, "secret": True}}, "5432, 12345678, true"),
    ],
)
def test_what_is_no_secret_of_a_target_file_stays(sent: dict[str, Any], told: str) -> None:
    request = Request.model_validate({"path": "/", "method": "POST", **sent})
    assert scrub(told, hidden_in(request, NOBODY, {}, None, None)) == told


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"pin": 777123}, "777123"),
        ({"user_pin": 7123}, "7123"),
        ({"password": 918273645}, "918273645"),
        ({"access_token": -1234.5}, "-1234.5"),
        ({"otp_tokens": [445566]}, "445566"),
        ({"credentials": {"v": [91827364]}}, "91827364"),
    ],
)
def test_a_number_under_a_telling_name_is_a_secret(body: dict[str, Any], number: str) -> None:
    request = Request.model_validate({"path": "/", "method": "POST", "json": body})
    told = scrub(f"the value {number} is not known", hidden_in(request, NOBODY, {}, None, None))
    assert told == "the value [hidden] is not known"
