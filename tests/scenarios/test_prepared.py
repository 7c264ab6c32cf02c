"""Requests made ready once send what filling them in each time would; variables go where they may."""

from __future__ import annotations

import json
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
    prepared = Prepared("login", Request(method="POST", path="/login", json=template), URL)
    variables = {"username": username, "password": password}
    lines, body = parts(prepared.message(variables))
    assert json.loads(body) == filled(template, variables)
    assert f"Content-Length: {len(body)}" in lines
    assert lines[:2] == ["POST /login HTTP/1.1", "Host: 127.0.0.1:8080"]


@given(username=texts, password=texts)
def test_forms_carry_any_text(username: str, password: str) -> None:
    form = {"user": "{username}", "a b": "x{password}&y=1"}
    prepared = Prepared("login", Request(method="POST", path="/", form=form), URL)
    lines, body = parts(prepared.message({"username": username, "password": password}))
    assert parse_qsl(body.decode(), keep_blank_values=True) == [
        ("user", username),
        ("a b", f"x{password}&y=1"),
    ]
    assert "Content-Type: application/x-www-form-urlencoded" in lines


@given(text=st.text())
def test_no_variable_breaks_out_of_the_path(text: str) -> None:
    prepared = Prepared("see", Request(path="/users/{username}/x"), URL)
    lines, body = parts(prepared.message({"username": text.encode("utf-8", "ignore").decode()}))
    assert body == b""
    method, path, version = lines[0].split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    assert path.startswith("/users/")
    assert len(lines) == 5


@pytest.mark.parametrize("bad", ["a\r\nX: 1", "a\nb", "a\0b"])
def test_no_variable_breaks_out_of_a_header(bad: str) -> None:
    prepared = Prepared("see", Request(path="/", headers={"Authorization": "Bearer {token}"}), URL)
    assert "Authorization: Bearer abc" in parts(prepared.message({"token": "abc"}))[0]
    with pytest.raises(UnsendableError):
        prepared.message({"token": bad})


def test_headers_of_the_target_take_the_place_of_ours() -> None:
    request = Request(path="/", headers={"user-agent": "mine", "ACCEPT": "text/plain"})
    lines, _ = parts(Prepared("see", request, URL, fresh=True).message({}))
    assert [line for line in lines if line.lower().startswith(("user-agent", "accept:", "connection"))] == [
        "Connection: close",
        "user-agent: mine",
        "ACCEPT: text/plain",
    ]


def test_cookies_are_kept_by_path_and_taken_back() -> None:
    jar = CookieJar()
    jar.take(
        Headers(
            [(b"Set-Cookie", b"a=1; Path=/"), (b"set-cookie", b"b=2; path=/api; HttpOnly"), (b"X", b"c=3")]
        )
    )
    assert jar.header("/") == "a=1"
    assert jar.header("/api/x?y=1") == "b=2; a=1"
    assert jar.header("/apix") == "a=1"
    jar.take(Headers([(b"Set-Cookie", b"a=; Max-Age=0; Path=/")]))
    assert jar.header("/") == ""


@pytest.mark.parametrize(
    ("status", "method", "location", "expected"),
    [
        (302, "POST", "/next?x=1", ("GET", "/next?x=1")),
        (303, "PUT", "next", ("GET", "/a/next")),
        (307, "POST", f"{URL}/again", ("POST", "/again")),
        (308, "DELETE", "/x", ("DELETE", "/x")),
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
        assert (following.json_body is None) == (following.method == "GET")
