"""Requests made ready once send what filling them in each time would; variables go where they may."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.cookies import CookieJar
from scenarios.prepared import Prepared, UnsendableError, filled
from scenarios.received import Headers, Received
from scenarios.redirects import redirected
from scenarios.request import Request

URL = "http://127.0.0.1:8080"
texts = st.text(max_size=12)


def parts(message: bytes) -> tuple[list[str], bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


@given(username=texts, password=texts, extra=texts)
def test_json_bodies_carry_any_text(username: str, password: str, extra: str) -> None:
    template = {"username": "{username}", "list": ["x{password}y", {"{username}": 1}], extra: "{unknown} {}"}
    prepared = Prepared(Request(method="POST", path="/login", json=template), URL)
    variables = {"username": username, "password": password}
    lines, body = parts(prepared.message(variables))
    assert json.loads(body) == filled(template, variables)
    assert f"Content-Length: {len(body)}" in lines
    assert lines[:2] == ["POST /login HTTP/1.1", "Host: 127.0.0.1:8080"]


@given(username=texts, password=texts)
def test_forms_carry_any_text(username: str, password: str) -> None:
    form = {"user": "{username}", "a b": "x{password}&y=1"}
    prepared = Prepared(Request(method="POST", path="/", form=form), URL)
    lines, body = parts(prepared.message({"username": username, "password": password}))
    assert parse_qsl(body.decode(), keep_blank_values=True) == [
        ("user", username),
        ("a b", f"x{password}&y=1"),
    ]
    assert "Content-Type: application/x-www-form-urlencoded" in lines


@given(text=st.text())
def test_no_variable_breaks_out_of_the_path(text: str) -> None:
    prepared = Prepared(Request(path="/users/{username}/x"), URL)
    lines, body = parts(prepared.message({"username": text.encode("utf-8", "ignore").decode()}))
    assert body == b""
    method, path, version = lines[0].split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert path.startswith("/users/")
    assert len(lines) == 5


@pytest.mark.parametrize("bad", ["a\r\nX: 1", "a\nb", "a\0b"])
def test_no_variable_breaks_out_of_a_header(bad: str) -> None:
    prepared = Prepared(Request(path="/", headers={"Authorization": "Bearer {token}"}), URL)
    assert "Authorization: Bearer abc" in parts(prepared.message({"token": "abc"}))[0]
    with pytest.raises(UnsendableError):
        prepared.message({"token": bad})


def test_headers_of_the_target_take_the_place_of_ours() -> None:
    request = Request(path="/", headers={"user-agent": "mine", "ACCEPT": "text/plain"})
    lines, _ = parts(Prepared(request, URL, fresh=True).message({}))
    assert [line for line in lines if line.lower().startswith(("user-agent", "accept:", "connection"))] == [
        "Connection: close",
        "user-agent: mine",
        "ACCEPT: text/plain",
    ]


def test_cookies_are_kept_by_path_and_taken_back() -> None:
    jar = CookieJar(URL)
    jar.take(
        Headers(
            [(b"Set-Cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; path=/api; HttpOnly"), (b"X", b"c=3")]
        ),
        "/",
    )
    assert jar.header("/") == "a=1"
    assert jar.header("/api/x?y=1") == "b=2; a=1"
    assert jar.header("/apix") == "a=1"
    jar.take(Headers([(b"Set-Cookie", b"a=; Max-Age=0; Path=/")]), "/")
    assert jar.header("/") == ""


def given_cookie(line: str, url: str = "http://shop.test", path: str = "/") -> CookieJar:
    jar = CookieJar(url)
    jar.take(Headers([(b"Set-Cookie", line.encode())]), path)
    return jar


@pytest.mark.parametrize(
    ("line", "url", "sent"),
    [
        ("a=1; Domain=other.test", "http://shop.test", ""),
        ("a=1; Domain=op.test", "http://shop.test", ""),
        ("a=1; Domain=.Shop.Test", "http://shop.test", "a=1"),
        ("a=1; Domain=shop.test", "http://api.shop.test:8080", "a=1"),
        ("a=1; Secure", "http://shop.test", ""),
        ("a=1; Secure", "https://shop.test", "a=1"),
        ("a=1; secure", "http://127.0.0.1:1", "a=1"),
        ("a=1; Expires=Sat, 01-Jan-2000 00:00:00 GMT", "http://shop.test", ""),
        ("a=1; Expires=Thu, 01-Jan-70 00:00:01 GMT", "http://shop.test", ""),
        ("a=1; Expires=Mon, 01 Jan 0001 00:00:00 GMT", "http://shop.test", ""),
        ("a=1; Expires=soon", "http://shop.test", "a=1"),
        ("a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "http://shop.test", "a=1"),
        ("a=1; Expires=Sat, 01-Jan-2000 00:00:00 GMT; Max-Age=60", "http://shop.test", "a=1"),
        ("=1", "http://shop.test", ""),
    ],
)
def test_cookies_that_are_kept(line: str, url: str, sent: str) -> None:
    assert given_cookie(line, url).header("/") == sent


def test_a_cookie_without_a_path_is_for_the_folder_it_came_from() -> None:
    jar = given_cookie("a=1", path="/shop/cart?x=/y/z")
    assert [jar.header(path) for path in ("/shop/pay", "/shop", "/")] == ["a=1", "a=1", ""]


def test_a_cookie_lives_as_long_as_the_server_said() -> None:
    jar = given_cookie("a=1; Max-Age=1")
    assert jar.header("/") == "a=1"
    time.sleep(1.1)
    assert jar.header("/") == ""


def test_cookies_are_bounded_and_forgotten() -> None:
    jar = CookieJar(URL)
    jar.take(Headers([(b"Set-Cookie", b"c%d=1" % i) for i in range(60)]), "/")
    names = jar.header("/").split("; ")
    assert (len(names), names[0], names[-1]) == (50, "c10=1", "c59=1")
    jar.clear()
    assert jar.header("/") == ""


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "X Y", "X:", "X\r\nY", ""])
def test_headers_that_would_break_the_request_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"header|body"):
        Request(path="/", headers={name: "1"})
    with pytest.raises(ValueError, match="line breaks"):
        Request(path="/", headers={"X": "1\r\nY: 2"})


@pytest.mark.parametrize(
    ("status", "method", "location", "expected"),
    [
        (302, "POST", "/next?x=1", ("GET", "/next?x=1")),
        (303, "PUT", "next", ("GET", "/a/next")),
        (307, "POST", f"{URL}/again", ("POST", "/again")),
        (308, "DELETE", "/x", ("DELETE", "/x")),
        (301, "PUT", "/x", ("PUT", "/x")),
        (301, "POST", "HTTP://127.0.0.1:8080/X", ("GET", "/X")),
        (303, "HEAD", "?y", ("HEAD", "/a/b?y")),
        (301, "GET", "//elsewhere.invalid/x", None),
        (301, "GET", "http://127.0.0.1:8081/x", None),
        (301, "GET", "http://127.0.0.1:x/", None),
        (301, "GET", "http://elsewhere.invalid/", None),
        (301, "GET", "https://127.0.0.1:8080/", None),
        (302, "GET", "http://[", None),
        (302, "GET", "/a\r\nX: 1", None),
        (200, "GET", "/x", None),
    ],
)
def test_redirects_stay_on_their_host(
    status: int, method: str, location: str, expected: tuple[str, str] | None
) -> None:
    request = Request(method=method, path="/a/b", json={"x": 1}, redirects=3)
    following = redirected(request, Received(status, [(b"Location", location.encode())]), URL, {})
    assert (following and (following.method, following.path)) == expected
    if following is not None:
        assert (following.json_body is None) == (following.method in ("GET", "HEAD"))


def test_a_redirect_cannot_ask_for_what_the_client_knows() -> None:
    request = Request(
        method="POST", path="/", form={"p": "{password}"}, headers={"Content-Type": "x/y", "X": "1"}
    )
    received = Received(302, [(b"Location", b"/log?{password}")])
    following = redirected(request, received, URL, {"password": "secret"})
    assert following is not None
    message = Prepared(following, URL).message({"password": "secret"})
    assert message.startswith(b"GET /log?%7Bpassword%7D HTTP/1.1\r\n")
    assert b"secret" not in message
    assert b"X: 1\r\n" in message
    assert b"Content-" not in message


def test_the_default_port_is_the_same_place() -> None:
    received = Received(302, [(b"Location", b"http://Shop.test:80/x")])
    assert redirected(Request(path="/"), received, "http://shop.test", {}) is not None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("{username}{password}", "{password}hush"),  # what a variable holds is not looked through for others
        ("{{username}}", "{{password}}"),
        ("{user{name}}", "{user{name}}"),
        ("${username}", "${password}"),
        ("$$", "$$"),
        ("{}", "{}"),
        ("{Username}", "{Username}"),
        ("{nobody}", "{nobody}"),
    ],
)
def test_how_a_variable_may_be_written(written: str, sent: str) -> None:
    """In a header, in a body, and where secrets are looked for; `username` holds what looks like one."""
    variables = {"username": "{password}", "password": "hush"}
    request = Request(method="POST", path="/", headers={"X-It": written}, json={"it": written})
    lines, body = parts(Prepared(request, URL).message(variables))
    assert f"X-It: {sent}" in lines
    assert json.loads(body) == {"it": sent}
    assert filled(written, variables) == sent
