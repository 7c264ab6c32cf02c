"""Whatever bytes come: nothing but our own errors is raised, and everything stays in its bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.messages import LONGEST, masked
from recording.errors import LoadverdictError
from recording.examples import MAX_CODES, FailureCodes
from recording.folder import RunFolder
from recording.foreign.registry import FORMATS
from recording.frames import Kind, encode
from recording.json_values import read_json
from recording.logs import read_logs
from recording.names import OTHER
from recording.outcomes import OUTCOMES
from recording.reader import read_run
from recording.scrub import BODY_LIMIT, HIDDEN, scrub
from scenarios.cookies import CookieJar
from scenarios.lean.failed import FailedError
from scenarios.lean.message import Message
from scenarios.received import Headers, Received
from scenarios.redirects import redirected
from scenarios.request import Request, extracted
from scenarios.yaml_file import read_yaml

IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
HEADS = {
    "request_id,http_code,duration_ms,timestamp,users": "1,200,5,100,2",
    "timeStamp,elapsed,label,responseCode,success": "1700000000000,5,a,200,true",
    "metric_name,timestamp,metric_value,status": "http_req_duration,1700000000,5,200",
    "Type,Name,Request Count,Failure Count": "GET,a,5,1",
}
FIELD = st.one_of(
    st.text(max_size=8),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["", "NaN", '"', "\r", "\0"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def read(path: Path, data: bytes) -> str:
    """The run's source, or the error's sentence; anything else passes through."""
    path.write_bytes(data)
    try:
        return read_run(path).source
    except LoadverdictError as error:
        return str(error)


@IN_ONE_FOLDER
@given(st.binary(max_size=400))
def test_any_bytes_as_a_result_file(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "file", data)


@IN_ONE_FOLDER
@given(st.sampled_from(sorted(HEADS)), st.lists(st.lists(FIELD, max_size=7), max_size=6))
def test_any_rows_below_a_header(tmp_path: Path, head: str, rows: list[list[str]]) -> None:
    lines = [head, HEADS[head], *(",".join(row) for row in rows)]
    assert read(tmp_path / "file", "\n".join(lines).encode("utf-8", "replace"))


@IN_ONE_FOLDER
@given(
    st.lists(JSON, max_size=4), st.sampled_from(["Point", "attack", "aggregate", "num_requests", "metrics"])
)
def test_any_json_as_lines(tmp_path: Path, values: list[object], word: str) -> None:
    first = {
        "type": "Point",
        "metric": "http_req_duration",
        word: 1,
        "data": {"time": "2026-01-01T00:00:00Z"},
    }
    assert read(tmp_path / "file", "\n".join(map(json.dumps, [first, *values])).encode())


@IN_ONE_FOLDER
@given(st.text(max_size=300))
def test_any_text_as_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        read_yaml(path)
    except LoadverdictError as error:
        told = str(error)
    else:
        return
    assert str(path) in told


@IN_ONE_FOLDER
@given(
    st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 9), st.binary(max_size=80)), max_size=8)
)
def test_any_payloads_in_intact_frames(tmp_path: Path, frames: list[tuple[Kind, int, bytes]]) -> None:
    folder = RunFolder(tmp_path)
    folder.samples_dir.mkdir(exist_ok=True)
    folder.log_path("a").write_bytes(b"".join(encode(*frame) for frame in frames))
    recorded = read_logs(folder)
    assert len(recorded.samples) == 0
    assert recorded.health.nodes == ("a",)


@given(JSON)
def test_json_is_read_as_it_was_written(value: object) -> None:
    text = json.dumps(value).encode()
    assert json.dumps(read_json(text)).encode() == text or b"\\ud" in text


def test_the_beginning_of_any_file_is_looked_at_without_an_error() -> None:
    for head in (b"", b"\0", b'"', b"\r,\r", b"{" * 65536, b"," * 65536, b"\xff" * 65536, b'"' * 65535):
        assert not any(known.detect(head) for known in FORMATS)


# What a target answers.

ANSWER = st.binary(max_size=200) | st.builds(
    lambda status, name, value, body: (
        b"HTTP/1.1 %d x\r\n%b: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, name, value, len(body), body)
    ),
    st.integers(0, 999),
    st.sampled_from([b"Content-Encoding", b"Transfer-Encoding", b"Set-Cookie", b"Location", b"X"]),
    st.sampled_from(
        [b"gzip", b"deflate, gzip", b"chunked", b"br", b"a=b; Max-Age=" + b"9" * 40, b"//[", b"\xff"]
    ),
    st.binary(max_size=60),
)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    at = 0
    for cut in sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)}):
        yield data[at:cut]
        at = cut


@settings(max_examples=200)
@given(ANSWER, st.lists(st.integers(0, 300), max_size=4), st.booleans())
def test_any_answer_is_an_answer_or_a_known_failure(data: bytes, cuts: list[int], is_head: bool) -> None:
    message = Message(max_bytes=1000)
    message.begin(is_head)
    try:
        for piece in pieces(data, cuts):
            if piece and not message.is_complete:
                message.feed(piece)
        if not message.is_complete:
            message.end()
        body = message.body()
    except FailedError as failed:
        outcome = failed.outcome
    else:
        outcome = "ok"
    assert outcome in OUTCOMES
    if outcome != "ok":
        return
    assert 100 <= message.status <= 999
    assert len(body) <= 1000
    received = Received(message.status, message.headers, body)
    headers = Headers(received.headers)
    assert all(isinstance(value, str) for value in dict(headers).values())
    jar = CookieJar("http://127.0.0.1")
    jar.take(headers, "/a")
    assert "\n" not in jar.header("/a")
    following = redirected(Request(path="/a", redirects=1), received, "http://127.0.0.1", {})
    assert following is None or following.path.startswith("/")


@given(JSON, st.text(max_size=12), st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3))
def test_anything_is_looked_up_in_any_answer(value: object, path: str, headers: dict[str, str]) -> None:
    fields = value if isinstance(value, dict) else None
    for source in (path, f"header:{path}", f"cookie:{path}"):
        found = extracted(source, fields, headers)
        assert found is None or isinstance(found, str)


@given(st.text(max_size=300), st.lists(st.text(min_size=3, max_size=12), max_size=3))
def test_no_text_keeps_a_secret_or_a_control_character(text: str, secrets: list[str]) -> None:
    found = scrub(text + "".join(secrets), secrets)
    assert len(found) <= BODY_LIMIT
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", found)
    for secret in secrets:
        assert secret in HIDDEN or secret not in found.replace(HIDDEN, "\0")


# However many texts a target finds for its failures.


@pytest.mark.parametrize("words", [10, 10_000])
def test_codes_are_a_closed_set_however_many_texts_there_are(words: int) -> None:
    codes = FailureCodes()
    found = {codes.code(f"no {_letters(i)} here, request {i}") for i in range(words)}
    assert len(found) == min(words, MAX_CODES + 1)
    assert (OTHER in found) == (words > MAX_CODES)


def test_unique_numbers_ids_and_a_huge_tail_are_one_kind() -> None:
    tail = "x" * 100_000
    texts = {
        masked(f"request {i:032x} of user{i}@example.com took {i} ms at 10.0.0.{i % 250} {tail}")
        for i in range(10**30, 10**30 + 300)
    }
    assert len(texts) == 1
    assert all(len(text) <= LONGEST for text in texts)


def _letters(number: int) -> str:
    """A word of its own for each number, without digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
