"""Every outcome that a client can meet, provoked by a real server that misbehaves, for all three clients."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from analysis.clear_messages import clearness
from recording.outcomes import OUTCOMES
from recording.run import ErrorExample
from tests.faults.harness import measured
from tests.scenarios.misbehaving import (
    CONNECT_S,
    OK,
    READ_S,
    TOTAL_S,
    Script,
    answers_anything,
    certificate,
    closed_port,
    closes,
    drips,
    full_backlog,
    half_closes,
    over_tls,
    read_head,
    resets,
    says,
    says_and_hangs,
    serving,
    stops_reading,
)

KINDS = ("lean", "fast", "requests")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"token": 1}\n'
PACKED = gzip.compress(BODY)
PACKED_HEAD = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED)
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n" % BODY[:5]
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 23\r\n\r\n" + b'{"error": "busy, later"}'[:23]

SERVERS = {
    "reset": (resets, "reset"),
    "closed": (closes, "closed_early"),
    "cut head": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), "closed_early"),
    "cut body": (says(HEAD + b"Content-Length: 100\r\n\r\n" + BODY), "closed_early"),
    "cut chunks": (says(HEAD + CHUNKS), "closed_early"),
    "half-close": (half_closes(), "closed_early"),
    "half-close in the head": (half_closes(b"HTTP/1.1 200 OK\r\nContent-Le"), "closed_early"),
    "half-close in the body": (half_closes(HEAD + b"Content-Length: 100\r\n\r\n" + BODY), "closed_early"),
    "half-close in chunks": (half_closes(HEAD + CHUNKS), "closed_early"),
    "silence": (says_and_hangs(), "first_byte_timeout"),
    "silence after the head": (says_and_hangs(HEAD + b"Content-Length: 100\r\n\r\n"), "body_timeout"),
    "a byte now and then": (drips(HEAD + b"Content-Length: 100\r\n\r\n", 0.2), "total_timeout"),
    "no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "bad_response"),
    "bad chunks": (says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n"), "bad_response"),
    "bad gzip": (says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip"), "bad_response"),
    "too large": (says(HEAD + b"Content-Length: 17000000\r\n\r\n", b"x" * 17_000_000), "bad_response"),
    "busy": (says(BUSY), "http_error"),
    "not found": (says(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "http_error"),
    "redirect": (says(b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), "wrong_content"),
    "no JSON": (says(HEAD + b"Content-Length: 2\r\n\r\nhi"), "wrong_content"),
    "other JSON": (says(HEAD + b'Content-Length: 8\r\n\r\n{"a": 1}'), "wrong_content"),
    "length": (says(OK), "ok"),
    "chunks": (says(HEAD + CHUNKS, b"8\r\n%b\r\n0\r\n\r\n" % BODY[5:]), "ok"),
    "until close": (says(HEAD + b"\r\n" + BODY), "ok"),
    "half-close after the answer": (half_closes(OK), "ok"),
    "until half-close": (half_closes(HEAD + b"\r\n" + BODY), "ok"),
    "reads no more": (stops_reading, "ok"),
    "gzip": (says(HEAD + PACKED_HEAD + PACKED), "ok"),
    "early hints": (says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK), "ok"),
    "byte by byte": (says(*(OK[i : i + 1] for i in range(len(OK))), pause_s=0.001), "ok"),
}  # fmt: skip
MORE_WAITS = {
    "silence in the head": (says_and_hangs(b"HTTP/1.1 200 OK\r\nContent-Le"), "body_timeout"),
    "silence in the body": (says_and_hangs(HEAD + b"Content-Length: 100\r\n\r\n" + BODY), "body_timeout"),
    "silence in chunks": (says_and_hangs(HEAD + CHUNKS), "body_timeout"),
    "silence until close": (says_and_hangs(HEAD + b"\r\n"), "body_timeout"),
    "a byte of the head now and then": (drips(b"HTTP/1.1 200 OK\r\nX: ", 0.2), "total_timeout"),
}
"""Such as take their time: for the slow test."""
ELSEWHERE = {
    "refused": "refused",
    "no such host": "dns",
    "full queue": "connect_timeout",
    "unknown authority": "tls",
    "no TLS at all": "tls",
    "no files left": "generator",
}
LIMIT_MS = {
    "connect_timeout": 1000 * CONNECT_S,
    "first_byte_timeout": 1000 * READ_S,
    "body_timeout": 1000 * READ_S,
    "total_timeout": 1000 * TOTAL_S,
}
"""After how long a wait with that outcome ends."""
OVER_MS = 200.0
EXPECTED = {**{name: outcome for name, (_, outcome) in (SERVERS | MORE_WAITS).items()}, **ELSEWHERE}

# What Locust's own clients cannot tell, or not in the same words.
CANNOT_TELL: dict[str, dict[str, str]] = {
    "lean": {},
    "fast": {
        "cut body": "bad_response",  # one exception for an answer that is cut and one that is wrong
        "cut chunks": "bad_response",
        "half-close in the body": "bad_response",
        "half-close in chunks": "bad_response",
        "silence in the head": "first_byte_timeout",  # a head that is not whole counts as nothing
        "too large": "wrong_content",  # takes in whatever comes
    },
    "requests": {
        "cut head": "wrong_content",  # a head that is cut passes for a whole one
        "half-close in the head": "wrong_content",
        "silence in the head": "first_byte_timeout",  # a head that is not whole counts as nothing
        "bad chunks": "closed_early",
        "early hints": "wrong_content",  # takes any 1xx but 100 for the answer
        "too large": "wrong_content",
    },
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Every case's URL, its servers running."""
    file = certificate(tmp_path_factory.mktemp("tls"))
    with ExitStack() as servers:
        found: dict[str, dict[str, Any]] = {
            name: {"url": servers.enter_context(serving(script))}
            for name, (script, _) in (SERVERS | MORE_WAITS).items()
        }
        plain = servers.enter_context(serving(answers_anything))
        secure = servers.enter_context(serving(over_tls(file, says(OK))))
        found["refused"] = {"url": closed_port()}
        found["no such host"] = {"url": "http://no-such-host.invalid"}
        found["full queue"] = {"url": servers.enter_context(full_backlog())}
        found["unknown authority"] = {"url": secure.replace("http://127.0.0.1", "https://localhost")}
        found["no TLS at all"] = {"url": plain.replace("http://", "https://")}
        found["no files left"] = {"url": plain, "few_files": True}
        for case in found.values():
            case["fields"] = ["token"]
        yield found


def sent(kind: str, cases: dict[str, dict[str, Any]], *before: str) -> dict[str, dict[str, Any]]:
    """What a client of that kind recorded."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [*before, sys.executable, str(Path(__file__).with_name("send.py")), kind],
        input=json.dumps(cases),
        env={**os.environ, "PYTHONPATH": str(root)},
        text=True,
        capture_output=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("kind", KINDS)
def test_each_misbehaviour_has_its_outcome(kind: str, cases: dict[str, dict[str, Any]]) -> None:
    expected = EXPECTED | CANNOT_TELL[kind]
    found = sent(kind, {name: case for name, case in cases.items() if name not in MORE_WAITS})
    assert {name: one["outcome"] for name, one in found.items()} == {name: expected[name] for name in found}
    for name, one in found.items():
        assert one["answer"] == one["outcome"], name
        assert one["records"] == 1, name
        # Locust's page has every request too, with the same verdict.
        assert one["locust"] == [1, int(one["outcome"] != "ok")], name
        assert (one["status"] > 0) == (one["outcome"] in ("ok", "http_error", "wrong_content")), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_waited_for_beyond_its_limit(kind: str, cases: dict[str, dict[str, Any]]) -> None:
    """The quickest of three, since the machine may hold up any of them."""
    expected = EXPECTED | CANNOT_TELL[kind]
    limited = {name: LIMIT_MS[outcome] for name, outcome in expected.items() if outcome in LIMIT_MS}
    found = sent(kind, {name: {**cases[name], "times": 3} for name in limited})
    over_ms = {}
    for name, limit_ms in limited.items():
        tries = [found[f"{name} {number}"] for number in (1, 2, 3)]
        assert {one["outcome"] for one in tries} == {expected[name]}, name
        over_ms[name] = min(one["duration_ms"] for one in tries) - limit_ms
    measured(client=kind, most_over_ms=max(over_ms.values()))
    assert min(over_ms.values()) > -1
    assert max(over_ms.values()) <= OVER_MS


UNFIT = {
    "line breaks": ({"headers": {"X-T": "Bearer {v}"}}, "tok\r\nX-Evil: 1", True),
    "a NUL": ({"headers": {"X-T": "{v}"}}, "tok\0", True),
    "half a character": ({"path": "/{v}"}, "\ud83d", True),
    "two slashes": ({"path": "/{v}"}, "/evil.example/x", False),
    "letters": ({"headers": {"X-T": "{v}"}}, " tök \u010d", False),
    "line breaks in the path": ({"path": "/{v}"}, "a\r\nX-Evil: 1", False),
}
"""Requests and the value of their variable; whether no client can send it."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_answer_made_unsendable_is_the_targets_fault_and_nobody_elses_ours(kind: str) -> None:
    heads = []

    def script(connection: socket.socket, _: int) -> None:
        heads.append(read_head(connection))
        connection.sendall(OK)

    with serving(script) as url:
        cases = {
            f"{name}, {whose}": {**request, "url": url, "variables": {"v": value}, "given": given}
            for name, (request, value, _) in UNFIT.items()
            for whose, given in (("given", ["other", value]), ("ours", ["other", ""]))
        }
        found = sent(kind, cases)
    for name, (_, _, is_unfit) in UNFIT.items():
        unfit = is_unfit or (name == "two slashes" and kind == "fast")
        expected = ("wrong_content", "generator") if unfit else ("ok", "ok")
        assert (found[f"{name}, given"]["outcome"], found[f"{name}, ours"]["outcome"]) == expected, name
        if unfit:
            kept = found[f"{name}, given"]
            assert (kept["status"], kept["code"]) == (0, "unsendable_value"), name
    example = found["line breaks, given"]["example"]
    assert example["message"] == "an earlier answer gave a value that cannot be sent"
    assert len(heads) == sum(one["outcome"] == "ok" for one in found.values())
    assert not any(b"\nX-Evil" in head for head in heads)


def test_what_an_answer_said_is_kept_with_its_example() -> None:
    """Up to the check of clear messages: what the client writes down is what that is made for."""

    def fails(status: int, body: bytes, *headers: bytes) -> Script:
        lines = (b"HTTP/1.1 %d No" % status, *headers, b"Content-Length: %d" % len(body))
        return says(b"\r\n".join((*lines, b"", body)))

    json_type = b"Content-Type: application/json"
    long = b'{"items": [' + b'"item", ' * 400 + b"0]%b}"
    answers = {
        "empty": (fails(500, b"", json_type), "empty body", False),
        "cut": (fails(401, long % b"", json_type), "no error text", None),
        "cut before the text": (fails(401, long % b', "error": "expired"', json_type), "expired", True),
        "hidden": (fails(401, b'{"token":"a1","msg":"token gone"}', json_type), "token gone", True),
        "latin-1": (fails(404, b'{"error":"gel\xf6scht"}', json_type), "gel\ufffdscht", True),
        "byte order mark": (fails(404, b'\xef\xbb\xbf{"error":"deleted"}', json_type), "deleted", True),
        "half a character": (fails(404, b'{"error":"deleted \\ud83d"}', json_type), "deleted", True),
        "soon": (fails(503, b'{"error":"lock held"}', json_type, b"Retry-After: soon"), "lock held", False),
    }
    with ExitStack() as stack:
        cases = {name: {"url": stack.enter_context(serving(says))} for name, (says, _, _) in answers.items()}
        found = sent("lean", cases)
    for name, (_, message, clear) in answers.items():
        kept = ErrorExample(**found[name]["example"])
        assert kept.message == message, name
        assert clearness(kept.status, kept.outcome, [kept]).clear is clear, name


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_counted_once_was_sent_once(kind: str) -> None:
    """Nothing is sent again by itself, not even a GET on a kept connection that ends under it."""
    heads = dict.fromkeys(("GET kept", "PUT kept", "POST kept", "GET fresh", "POST fresh"), 0)

    def script(name: str) -> Script:
        def hangs_up(connection: socket.socket, _: int) -> None:
            for answer in (OK, b"") if name.endswith("kept") else (b"",):
                heads[name] += bool(read_head(connection))
                connection.sendall(answer)

        return hangs_up

    with ExitStack() as stack:
        found = sent(
            kind,
            {
                name: {
                    "url": stack.enter_context(serving(script(name))),
                    "method": name.split()[0],
                    "times": 2,
                }
                for name in heads
            },
        )
    assert heads == dict.fromkeys(heads, 2)
    assert {name: one["outcome"] for name, one in found.items()} == {
        f"{name} {number}": "ok" if name.endswith("kept") and number == 1 else "closed_early"
        for name in heads
        for number in (1, 2)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_comes_too_late_is_not_the_next_ones(kind: str) -> None:
    def script(connection: socket.socket, number: int) -> None:
        while read_head(connection):
            if number == 0:
                time.sleep(0.9)  # the client waits for 0.6 s
                connection.sendall(b"HTTP/1.1 418 Late\r\nContent-Length: 0\r\n\r\n")
            else:
                connection.sendall(OK)

    def stops_midway(connection: socket.socket, number: int) -> None:
        while read_head(connection):
            connection.sendall(OK if number else OK[:-5])
            if number == 0:
                time.sleep(0.9)
                connection.sendall(OK[-5:])

    with serving(script) as late, serving(stops_midway) as midway:
        found = sent(kind, {"late": {"url": late, "times": 2}, "midway": {"url": midway, "times": 2}})
    assert [one["status"] for one in found.values()] == [0, 200, 0, 200]
    assert found["late 1"]["outcome"] == "first_byte_timeout"
    assert found["midway 1"]["outcome"] == "body_timeout"


def _sends_on(connection: socket.socket, _: int) -> None:
    """Sends the client to another path, where the cookie it was given is asked for."""
    while head := read_head(connection):
        if head.startswith(b"GET / "):
            connection.sendall(b"HTTP/1.1 302 Go\r\nLocation: /next\r\nSet-Cookie: seen=1; Path=/\r\n")
            connection.sendall(b"Set-Cookie: other=2; Path=/else\r\nContent-Length: 0\r\n\r\n")
        elif b"\r\ncookie: seen=1\r\n" in head.lower():
            connection.sendall(OK)
        else:
            connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("kind", KINDS)
def test_redirects_and_cookies_where_they_are_asked_for(kind: str) -> None:
    with serving(_sends_on) as url:
        wishes = {"neither": {}, "redirects": {"redirects": 2}, "both": {"redirects": 2, "cookies": True}}
        found = sent(kind, {name: {"url": url, **wish} for name, wish in wishes.items()})
    assert {name: one["status"] for name, one in found.items()} == {
        "neither": 302,
        "redirects": 403,
        "both": 200,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_no_network_is_unreachable(kind: str) -> None:
    """A network namespace of its own has not even a loopback that is up."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("needs a network namespace")
    found = sent(kind, {"alone": {"url": "http://127.0.0.1:9"}}, "unshare", "-rn")
    assert found["alone"]["outcome"] == "unreachable"


def test_no_outcome_was_forgotten() -> None:
    # Nobody knows how to provoke what nobody can name; unfinished requests are the recorder's.
    assert {*EXPECTED.values(), "unreachable"} == set(OUTCOMES) - {"unknown", "unfinished"}
