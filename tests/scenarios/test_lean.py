"""The lean client on real sockets: connections kept or fresh, retries, TLS, cookies, and any bytes at all."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recording.outcomes import OUTCOMES
from recording.sample import size_class
from scenarios.lean.session import LeanClient, LeanSession
from scenarios.prepared import Prepared
from scenarios.received import Received
from scenarios.request import Request
from scenarios.scenario import Timeouts
from tests.scenarios.misbehaving import (
    OK,
    Script,
    certificate,
    full_backlog,
    over_tls,
    read_head,
    says,
    serving,
)

QUICK = Timeouts(connect_s=1, read_s=0.5, total_s=1)
BODY = b'{"token": 1}\n'


@contextmanager
def lean(
    url: str, timeouts: Timeouts = QUICK, *, fresh: bool = False, context: ssl.SSLContext | None = None
) -> Iterator[LeanSession]:
    """One user's client."""
    client = LeanClient(url, timeouts, fresh=fresh, context=context)
    session = client.user()
    try:
        yield session
    finally:
        session.close()
        client.close()


def asked(session: LeanSession, url: str, method: str = "GET", total_s: float = 5.0) -> Received:
    prepared = Prepared(Request(method=method, path="/"), url)
    return session.exchange(prepared, {}, "", time.monotonic() + total_s)


def keeps_for(requests: int) -> Script:
    """Answer so many requests on a connection; close it when the next one has come."""

    def script(connection: socket.socket, number: int) -> None:
        for _ in range(requests):
            if not read_head(connection):
                return
            connection.sendall(OK.replace(b'"token": 1', b'"token": %d' % number))
        read_head(connection)

    return script


@pytest.mark.parametrize("fresh", [False, True])
def test_connections_are_kept_or_fresh(fresh: bool) -> None:
    with serving(keeps_for(3)) as url, lean(url, fresh=fresh) as session:
        bodies = [asked(session, url).body for _ in range(3)]
    numbers = [0, 1, 2] if fresh else [0, 0, 0]
    assert bodies == [b'{"token": %d}\n' % number for number in numbers]


def test_the_age_of_the_connection_and_the_size_of_the_request_are_told() -> None:
    with serving(keeps_for(3)) as url, lean(url) as session:
        told = [asked(session, url).traits]
        for pause_s in (0.0, 1.1):
            gevent.sleep(pause_s)
            told.append(asked(session, url).traits)
        size = size_class(len(Prepared(Request(path="/"), url).message({})))
        assert told == [age + 1 | size + 1 << 8 for age in (0, 1, 2)]
    with serving(says(b"")) as url, lean(url) as session:
        failed = asked(session, url)
        assert (failed.outcome, failed.traits & 255) == ("closed_early", 1)
    with lean("http://127.0.0.1:9") as session:
        assert asked(session, "http://127.0.0.1:9").traits & 255 == 1


def test_a_connection_closed_between_two_requests_is_not_used() -> None:
    with serving(says(OK)) as url, lean(url) as session:
        for _ in range(3):
            assert asked(session, url, "POST").status == 200
            gevent.sleep(0.1)


def test_a_connection_closed_at_once_is_not_used_even_without_a_pause() -> None:
    """The event loop has had no turn since the answer: the socket itself must be asked."""
    with serving(says(OK)) as url, lean(url) as session:
        for _ in range(3):
            assert asked(session, url, "POST").status == 200
            time.sleep(0.1)  # keeps the loop from seeing anything


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_kept_connection_that_ends_under_a_request(method: str) -> None:
    """Never sent again: the target would have it twice, the record once."""
    heads: list[bytes] = []

    def script(connection: socket.socket, _: int) -> None:
        heads.append(read_head(connection))
        connection.sendall(OK)
        heads.append(read_head(connection))

    with serving(script) as url, lean(url) as session:
        assert asked(session, url, method).status == 200
        again = asked(session, url, method)
        assert (again.outcome, again.code) == ("closed_early", "kept_connection_closed")
        assert len(heads) == 2
        assert asked(session, url, method).status == 200


UNASKED = b"HTTP/1.1 500 Unasked\r\nSet-Cookie: a=1\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("unasked", [UNASKED, UNASKED[:30], b"rubbish", b"H", b"\0"])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_what_nobody_asked_for_is_nobodys_answer(
    unasked: bytes, apart: bool, tls: bool, tls_file: Path
) -> None:
    def script(connection: socket.socket, number: int) -> None:
        if read_head(connection):
            answer = OK.replace(b'"token": 1', b'"token": %d' % number)
            for packet in (answer, unasked) if apart else (answer + unasked,):
                connection.sendall(packet)
            if read_head(connection):
                connection.sendall(unasked[30:] if len(unasked) > 30 else UNASKED)

    context = ssl.create_default_context(cafile=str(tls_file)) if tls else None
    with serving(over_tls(tls_file, script) if tls else script) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost") if tls else plain
        with lean(url, context=context) as session:
            for number in range(2):
                received = asked(session, url)
                assert received.body == b'{"token": %d}\n' % number
                assert [name for name, _ in received.headers] == [b"Content-Type", b"Content-Length"]
                time.sleep(0.05)  # the rest is here, and the loop has not seen it


def test_a_request_that_is_killed_leaves_a_client_that_works() -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_head(connection)
        if number == 0:
            read_head(connection)  # never answered
        connection.sendall(OK)

    with serving(script) as url, lean(url) as session:
        job = gevent.spawn(asked, session, url)
        gevent.sleep(0.1)
        job.kill()
        assert isinstance(job.value, gevent.GreenletExit)
        assert asked(session, url).status == 200


@pytest.fixture(scope="module")
def tls_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


def test_users_that_connect_together_all_find_the_address_that_answers(tls_file: Path) -> None:
    """Who finds it first puts it first; that must not end the others' search."""

    def script(connection: socket.socket, _: int) -> None:
        if read_head(connection):
            connection.sendall(OK)

    def hangs_up(_: socket.socket, number: int) -> None:
        time.sleep(0.05 * number)

    with serving(hangs_up) as bad, serving(over_tls(tls_file, script)) as good:
        url = good.replace("http://127.0.0.1", "https://localhost")
        client = LeanClient(url, QUICK, context=ssl.create_default_context(cafile=str(tls_file)))
        client._addresses = [
            (int(socket.AF_INET), ("127.0.0.1", int(one.rpartition(":")[2]))) for one in (bad, good)
        ]
        sessions = [client.user() for _ in range(6)]
        jobs = [gevent.spawn(asked, session, url) for session in sessions]
        gevent.joinall(jobs)
        assert [job.value.status for job in jobs] == [200] * 6
        for session in sessions:
            session.close()
        client.close()


def test_tls_tells_the_server_whom_it_wants(tls_file: Path) -> None:
    named: list[str | None] = []
    script = over_tls(tls_file, says(OK), named.append)
    with serving(script) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost")
        with lean(url, context=ssl.create_default_context(cafile=str(tls_file))) as session:
            assert asked(session, url).status == 200
    assert named == ["localhost"]


@pytest.mark.parametrize(("ends", "outcome"), [(True, ""), (False, "closed_early")])
def test_without_tls_end_mark_nobody_knows_whether_it_was_all(
    ends: bool, outcome: str, tls_file: Path
) -> None:
    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
        if ends:
            connection.shutdown(socket.SHUT_WR)

    with serving(over_tls(tls_file, script)) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost")
        with lean(url, context=ssl.create_default_context(cafile=str(tls_file))) as session:
            assert asked(session, url).outcome == outcome


def test_ipv6() -> None:
    try:
        with serving(says(OK), socket.AF_INET6) as url, lean(url) as session:
            assert "[::1]" in url
            assert asked(session, url).status == 200
    except OSError:
        pytest.skip("no IPv6 here")


def test_tls_is_verified_and_works(tls_file: Path) -> None:
    file = tls_file
    with serving(over_tls(file, says(OK))) as plain:
        url = plain.replace("http://127.0.0.1", "https://localhost")
        trusting = ssl.create_default_context(cafile=str(file))
        found = {}
        for name, context, where in (
            ("trusted", trusting, url),
            ("unknown", None, url),
            ("other name", trusting, plain.replace("http://", "https://")),
        ):
            with lean(where, context=context) as session:
                received = asked(session, where)
            found[name] = received.outcome or received.body
    assert found == {"trusted": BODY, "unknown": "tls", "other name": "tls"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare deflate", "gzip twice"])
def test_bodies_are_unpacked(encoding: str) -> None:
    text = b"x" * 300_000
    packed = {
        "gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
        "bare deflate": zlib.compress(text)[2:-4],
        "gzip twice": gzip.compress(gzip.compress(text)),
    }[encoding]
    name = {"gzip twice": "gzip, gzip", "bare deflate": "deflate"}.get(encoding, encoding).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-ENCODING: %b\r\nContent-Length: %d\r\n\r\n" % (name, len(packed))
    with serving(says(head + packed)) as url, lean(url) as session:
        assert asked(session, url).body == text


def test_a_body_that_grows_when_unpacked_is_stopped() -> None:
    packed = gzip.compress(b"\0" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with serving(says(head + packed)) as url, lean(url) as session:
        received = asked(session, url)
    assert (received.outcome, received.code) == ("bad_response", "body_too_large")


def test_many_small_members_do_not_stop_the_process() -> None:
    packed = gzip.compress(b"") * 500_000
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with (
        serving(says(head + packed)) as url,
        lean(url, Timeouts(connect_s=1, read_s=5, total_s=30)) as session,
    ):
        received = asked(session, url, total_s=30)
    assert (received.outcome, received.code) == ("bad_response", "bad_encoding")


def test_a_head_without_end_is_stopped_and_a_long_one_is_not() -> None:
    line = b"X: " + b"a" * 1000 + b"\r\n"
    with serving(says(b"HTTP/1.1 200 OK\r\n", *[line * 100] * 100)) as url, lean(url) as session:
        received = asked(session, url)
    assert (received.outcome, received.code) == ("bad_response", "head_too_large")
    body = b"x" * 1_000_000
    head = b"HTTP/1.1 200 OK\r\n" + line * 200 + b"Content-Length: %d\r\n\r\n" % len(body)
    with serving(says(head + body)) as url, lean(url) as session:
        assert asked(session, url).body == body


def test_an_answer_without_end_is_left_at_the_deadline() -> None:
    def script(connection: socket.socket, _: int) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"1\r\nx\r\n")
            time.sleep(0.001)

    with serving(script) as url, lean(url) as session:
        begin = time.monotonic()
        assert asked(session, url, total_s=0.5).outcome == "total_timeout"
        assert time.monotonic() - begin < 5


def test_who_never_had_a_connection_timed_out_connecting_whichever_limit_came_first() -> None:
    with full_backlog() as url, lean(url, Timeouts(connect_s=5, read_s=5, total_s=5)) as session:
        assert asked(session, url, total_s=0.2).outcome == "connect_timeout"


def test_a_process_that_could_not_run_blames_nobody_for_it() -> None:
    """The answer came in time; that it was read late is not the server's fault."""

    def script(connection: socket.socket, _: int) -> None:
        while read_head(connection):
            connection.sendall(OK)

    with serving(script) as url, lean(url) as session:
        job = gevent.spawn(asked, session, url)
        gevent.sleep(0)
        time.sleep(0.8)  # longer than connecting may take
        assert job.get(timeout=5).status == 200
        job = gevent.spawn(asked, session, url)
        gevent.sleep(0)
        time.sleep(0.8)  # longer than the first byte may take
        assert job.get(timeout=5).status == 200


def test_an_answer_before_the_request_is_read_is_heard() -> None:
    def script(connection: socket.socket, _: int) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.2)  # then RST, since not everything was read

    with serving(script) as url, lean(url, Timeouts(connect_s=1, read_s=5, total_s=10)) as session:
        prepared = Prepared(Request(method="POST", path="/", json={"text": "y" * 12_000_000}), url)
        received = session.exchange(prepared, {}, "", time.monotonic() + 10)
        assert (received.status, received.outcome) == (413, "")
        assert asked(session, url).status == 413


FRAMING = {
    b"304 No\r\nContent-Length: 9\r\n\r\n": (304, ""),
    b"204 No\r\n\r\n": (204, ""),
    b"200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab": (0, "bad_http"),
    b"200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": (0, "bad_http"),
    b"200 OK\r\nContent-Length: +1\r\n\r\na": (0, "bad_http"),
    b"200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n": (0, "unknown_encoding"),
    b"200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n": (0, "bad_http"),
    b"200 OK\r\nContent-Encoding: %b\r\nContent-Length: 1\r\n\r\na" % (b"gzip," * 9): (0, "unknown_encoding"),
    b"000 No\r\nContent-Length: 0\r\n\r\n": (0, "bad_http"),
    b"100 Go\r\n\r\n": (0, "closed_early"),
    b"100 Go\r\n\r\nHTTP/1.1 " * 30 + b"200 OK\r\n\r\n": (0, "bad_http"),
}


@pytest.mark.parametrize("answer", FRAMING)
def test_where_an_answer_ends_is_never_guessed(answer: bytes) -> None:
    status, code = FRAMING[answer]
    with serving(says(b"HTTP/1.1 " + answer)) as url, lean(url) as session:
        received = asked(session, url)
    assert (received.status, received.code, received.body) == (status, code, b"")


def test_trailers_are_no_headers() -> None:
    chunked = (
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nContent-Encoding: br\r\nSet-Cookie: a=1\r\n\r\n"
    )
    with serving(says(b"HTTP/1.1 200 OK\r\n" + chunked)) as url, lean(url) as session:
        received = asked(session, url)
    assert (received.body, received.headers) == (b"ab", [(b"Transfer-Encoding", b"chunked")])


def test_a_large_request_to_a_server_that_reads_slowly() -> None:
    text = "y" * 12_000_000

    def script(connection: socket.socket, _: int) -> None:
        head = read_head(connection)
        time.sleep(0.3)
        left = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        left -= len(head.split(b"\r\n\r\n", 1)[1])
        while left > 0:
            left -= len(connection.recv(100_000))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(script) as url, lean(url, Timeouts(connect_s=1, read_s=5, total_s=10)) as session:
        prepared = Prepared(Request(method="POST", path="/", json={"text": text}), url)
        assert session.exchange(prepared, {}, "", time.monotonic() + 10).status == 200


def test_an_answer_to_head_has_no_body() -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")) as url, lean(url) as session:
        received = asked(session, url, "HEAD")
    assert (received.status, received.outcome, received.body) == (200, "", b"")


# Any bytes in any packets.

_head = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 No\r\n", b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 "]
)
_lines = [
    b"Content-Length: 5",
    b"Content-Length: -1",
    b"Transfer-Encoding: chunked",
    b"",
    b"5",
    b"hello",
    b"0\r\n",
]
_lines += [b"Content-Encoding: gzip", b"Connection: close", b"Connection: upgrade", b"Upgrade: h2c"]
_lines += [b"X: " + b"a" * 300_000, gzip.compress(b"hello"), b"HTTP/1.1 101 Switch", b"HTTP/1.1 200 OK"]
_line = st.one_of(st.sampled_from([line + b"\r\n" for line in _lines]), st.binary(max_size=20))
_bytes = st.one_of(
    st.binary(max_size=200),
    st.tuples(_head, st.lists(_line, max_size=8)).map(lambda parts: parts[0] + b"".join(parts[1])),
)
_cuts = st.lists(st.integers(1, 400), max_size=6)
FUZZ = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    packets = []
    for size in cuts:
        packets.append(data[:size])
        data = data[size:]
    return [packet for packet in [*packets, data] if packet]


class Puppet:
    """A server that answers what it is told next."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.hangs = False

    def __call__(self, connection: socket.socket, _: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if read_head(connection):
            for packet in self.packets:
                connection.sendall(packet)
                time.sleep(0.0005)
            if self.hangs:
                read_head(connection)


@pytest.fixture(scope="module")
def puppet() -> Iterator[tuple[Puppet, str]]:
    script = Puppet()
    with serving(script) as url:
        yield script, url


@FUZZ
@given(data=_bytes, cuts=_cuts)
@example(data=b"", cuts=[])
@example(data=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 500 No\r\n\r\n", cuts=[40])
def test_no_bytes_raise_or_hang(puppet: tuple[Puppet, str], data: bytes, cuts: list[int]) -> None:
    script, url = puppet
    script.packets = cut(data, cuts)
    begin = time.monotonic()
    with lean(url) as session:
        received = asked(session, url, total_s=1)
    took_s = time.monotonic() - begin
    assert received.outcome in {"", *OUTCOMES} - {"generator", "unknown", "ok"}
    assert bool(received.outcome) != bool(received.status)
    # The server closes at once: whatever takes as long as the limits hangs.
    assert took_s < 10


@settings(FUZZ, max_examples=15)
@given(data=_bytes, cuts=_cuts)
def test_a_server_that_stays_silent_is_left_at_the_deadline(
    puppet: tuple[Puppet, str], data: bytes, cuts: list[int]
) -> None:
    script, url = puppet
    script.packets, script.hangs = cut(data, cuts), True
    with lean(url, Timeouts(connect_s=1, read_s=0.1, total_s=1)) as session:
        received = asked(session, url, total_s=0.3)
    script.hangs = False
    assert received.outcome in {"", *OUTCOMES} - {"generator", "unknown", "ok"}


def _plain(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _chunked(body: bytes) -> bytes:
    parts = [body[i : i + 7] for i in range(0, len(body), 7)]
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nTrailer: 1\r\n\r\n" % chunks


def _until_close(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nX: 1\r\n\r\n" + body


def _gzipped(body: bytes) -> bytes:
    return _plain(gzip.compress(body)).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)


@FUZZ
@given(
    body=st.binary(max_size=300),
    form=st.sampled_from([_plain, _chunked, _until_close, _gzipped]),
    interim=st.integers(0, 3),
    cuts=_cuts,
)
def test_right_answers_have_their_body_however_they_are_cut(
    puppet: tuple[Puppet, str], body: bytes, form: Callable[[bytes], bytes], interim: int, cuts: list[int]
) -> None:
    script, url = puppet
    script.packets = cut(b"HTTP/1.1 100 Continue\r\n\r\n" * interim + form(body), cuts)
    with lean(url) as session:
        received = asked(session, url)
    assert (received.outcome, received.status, received.body) == ("", 200, body)
