"""The recorder loses nothing: starts and ends are counted, and what never ended is written down."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pyarrow as pa
import pytest

import recording.reader
import recording.recorder
from recording.clock import Clock
from recording.errors import NoDataError
from recording.folder import RunFolder
from recording.frames import FINISHED, Kind, LogWriter, scan
from recording.logs import finish, read_logs
from recording.names import MOST_ENDPOINTS, OTHER
from recording.reader import read_run
from recording.recorder import Recorder, Situation
from recording.rows import ROW_BYTES, traits


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path, "unit")
    folder.write_manifest({"format": 1})
    return folder


def recorder(folder: RunFolder, node: str, users: int = 3) -> Recorder:
    made = Recorder(
        LogWriter(folder.log_path(node)), Clock.start(), node, lambda: Situation(users, users, "s")
    )
    made.start()
    return made


def test_started_is_finished_plus_unfinished(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    for i in range(30):
        token = one.begin("login", "POST", i)
        gevent.sleep(0.005)
        if i % 3:
            one.finish(token, "ok" if i % 2 else "http_error", 200 if i % 2 else 503)
    assert one.in_flight == 10
    assert one.close("done") == 10
    samples = read_logs(folder).samples
    assert len(samples) == one.started == 30
    assert samples.outcome.equals("unfinished").sum() == 10


def test_age_and_size_are_kept_where_they_are_known(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200, traits=traits(3, 300))
    one.finish(one.begin("login", "POST"), "ok", 200)
    one.begin("login", "POST")
    one.close("done")
    for samples in (read_logs(folder).samples, finish(folder).samples, read_run(folder.path).samples):
        assert samples.connection_age.tolist() == [3, -1, -1]
        assert samples.request_size.tolist() == [9, -1, -1]


def test_an_unfinished_request_has_its_age(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.begin("login", "POST")
    gevent.sleep(0.3)
    one.close("done")
    age = read_logs(folder).samples.duration_ms
    assert len(age) == 1
    assert age[0] >= 300


def test_a_request_finished_after_the_end_changes_nothing(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    token = one.begin("login", "POST")
    one.close("done")
    one.finish(token, "ok", 200)
    assert read_logs(folder).samples.outcome.to_list() == ["unfinished"]


def test_what_was_flushed_is_there_without_any_end(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    for _ in range(5):
        one.finish(one.begin("login", "POST"), "ok", 200)
    gevent.sleep(0.25)
    recorded = read_logs(folder)
    assert len(recorded.samples) == 5
    assert recorded.health.nodes_without_end == ("a",)
    one.close("done")


def test_a_killed_process_still_tells_what_was_waiting(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    tokens = [one.begin("login", "POST", i) for i in range(4)]
    gevent.sleep(1.2)
    one.finish(tokens[0], "ok", 200)
    gevent.sleep(0.2)
    recorded = read_logs(folder)
    assert sorted(recorded.samples.outcome.to_list()) == ["ok", "unfinished", "unfinished", "unfinished"]
    assert recorded.health.unfinished == 3
    one.close("done")
    assert len(read_logs(folder).samples) == 4


def test_users_of_all_nodes_are_added_up(folder: RunFolder) -> None:
    nodes = [recorder(folder, "a", users=3), recorder(folder, "b", users=4)]
    gevent.sleep(0.25)
    for one in nodes:
        one.finish(one.begin("login", "POST"), "ok", 200)
    gevent.sleep(0.25)
    for one in nodes:
        one.close("done")
    assert read_logs(folder).samples.users.tolist() == [7, 7]


def test_a_finished_run_reads_the_same_from_parquet(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    for _ in range(5):
        one.finish(one.begin("login", "POST"), "ok", 200)
    one.close("done")
    before = read_run(folder.path)
    finish(folder)
    assert not folder.log_path("a").exists()
    after = read_run(folder.path)
    assert after.samples.to_table().to_pylist() == before.samples.to_table().to_pylist()
    assert after.health == before.health
    assert after.readings is not None
    assert before.readings is not None
    assert after.readings.value.tolist() == before.readings.value.tolist()


def test_logs_of_a_damaged_run_are_kept(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200)
    one.close("done")
    with folder.log_path("a").open("ab") as stream:
        stream.write(b"torn")
    finish(folder)
    assert folder.log_path("a").exists()
    assert read_run(folder.path).health.bad_frames == 1  # type: ignore[union-attr]


def test_a_finished_run_that_lost_its_manifest_keeps_its_health(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200)
    gevent.sleep(0.2)
    finish(folder)  # no end mark yet: as after kill -9
    folder.manifest_json.unlink()
    assert read_run(folder.path).health.nodes_without_end == ("a",)  # type: ignore[union-attr]
    one.close("done")


def test_a_damaged_parquet_file_without_logs_is_one_sentence(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200)
    one.close("done")
    finish(folder)
    folder.samples_parquet.write_bytes(folder.samples_parquet.read_bytes()[:-20])
    with pytest.raises(NoDataError, match="damaged"):
        read_run(folder.path)


def test_a_lack_of_memory_is_not_called_damage(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200)
    one.close("done")
    finish(folder)

    def too_large(_: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    monkeypatch.setattr(recording.reader, "read_parquet", too_large)
    with pytest.raises(NoDataError, match=r"does not fit into the memory.*ulimit -v"):
        read_run(folder.path)


def test_damaged_readings_cost_the_readings_alone(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    one.finish(one.begin("login", "POST"), "ok", 200)
    one.close("done")
    finish(folder)
    folder.readings_parquet.write_bytes(b"rubbish")
    assert len(read_run(folder.path).samples) == 1


def test_at_very_high_rates_successes_are_thinned_and_failures_never(folder: RunFolder) -> None:
    log = LogWriter(folder.log_path("a"))
    one = Recorder(log, Clock.start(), "a", lambda: Situation(3, 3, "s"), rows_per_flush=50)
    for i in range(1000):
        failed = i % 20 == 0
        token = one.begin("login" if i % 3 else "me", "POST", i)
        one.finish(token, "http_error" if failed else "ok", 503 if failed else 200)
    assert (one.started, one.finished, one.failed) == (1000, 1000, 50)
    one.close("done")
    samples = read_logs(folder).samples
    ok = samples.outcome.equals("ok")
    assert len(samples) < 400
    assert (~ok).sum() == 50
    assert samples.weight[~ok].tolist() == [1] * 50
    assert samples.weight.sum() == 1000
    me = samples.endpoint.equals("me")
    assert samples.weight[me & ok].sum() == sum(1 for i in range(1000) if i % 3 == 0 and i % 20)


def test_a_request_listed_as_in_flight_is_taken_off_the_list_however_much_is_thinned(
    folder: RunFolder,
) -> None:
    log = LogWriter(folder.log_path("a"))
    one = Recorder(log, Clock.start(), "a", lambda: Situation(3, 3, "s"), rows_per_flush=50)
    one.start()
    slow = [one.begin("login", "POST", i) for i in range(40)]
    gevent.sleep(1.0)  # they are in a list of open requests by now
    for token in slow:
        one.finish(token, "ok", 200)
    for i in range(500):
        one.finish(one.begin("login", "POST", i), "ok", 200)
    gevent.sleep(0.25)
    recorded = read_logs(folder)  # as after kill -9
    assert recorded.health.unfinished == 0
    assert recorded.samples.weight.sum() == 540
    assert recorded.samples.outcome.equals("ok").all()
    one.close("done")


def test_what_does_not_fit_into_memory_is_written_at_once(folder: RunFolder) -> None:
    log = LogWriter(folder.log_path("a"))
    one = Recorder(log, Clock.start(), "a", lambda: Situation(3, 3, "s"), rows_per_flush=50)
    for _ in range(500):
        one.finish(one.begin("login", "POST"), "http_error", 503)
    assert len(read_logs(folder).samples) >= 400  # nothing has given the flush a turn yet
    one.close("done")
    assert len(read_logs(folder).samples) == 500


def test_texts_without_end_do_not_pile_up(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    codes = [f"no page {i}" for i in range(25_000)]
    for code in codes:
        one.finish(one.begin("page", "GET"), "http_error", 503, code)
    one.close("done")
    assert sorted(read_logs(folder).samples.code.to_list()) == sorted(codes)
    assert all(size < 8_000_000 for size in [folder.log_path("a").stat().st_size])


def test_texts_are_told_apart_however_many_there_were(folder: RunFolder) -> None:
    one = Recorder(LogWriter(folder.log_path("a")), Clock.start(), "a", lambda: Situation(1, 1, "s"), 400)
    for number in range(2000):  # more than are held, so that both kinds of frame are written
        one.finish(one.begin(f"GET /{number % 300}", "GET"), "http_error", 500, f"code {number}")
    one.close("stopped")
    frames = scan(folder.log_path("a").read_bytes()).frames
    assert {frame.kind for frame in frames} > FINISHED
    samples = read_logs(folder).samples
    assert samples.endpoint.to_list() == [f"GET /{number % 300}" for number in range(2000)]
    assert samples.code.to_list() == [f"code {number}" for number in range(2000)]


def test_names_of_requests_beyond_the_first_share_one_and_are_counted(folder: RunFolder) -> None:
    one = recorder(folder, "a")
    for number in range(MOST_ENDPOINTS + 7):
        one.finish(one.begin(f"item {number}", "GET"), "http_error", 503)
    one.record(0.0, 20.0, "a name of another user class", "GET", "http_error", 503)
    one.finish(one.begin("item 3", "GET"), "http_error", 503)
    one.close("done")
    recorded = read_logs(folder)
    names = recorded.samples.endpoint.to_list()
    assert names.count(OTHER) == recorded.health.names_folded == 8
    assert names.count("item 3") == 2
    assert len(set(names)) == MOST_ENDPOINTS + 1


@pytest.mark.parametrize(
    "payload",
    [
        b"no heading",
        b"[1]\n",
        b'{"node":"a","epoch_s":0,"names":["x"]}\n' + b"\0" * 71,
        b'{"node":"a","epoch_s":0,"names":[]}\n' + b"\0" * ROW_BYTES,
        b'{"node":"a","epoch_s":0,"names":["x"]}\n' + b"\xff" * ROW_BYTES,
        b'{"node":"a","epoch_s":0,"names":["x"]}\n' + b"\x7f" * ROW_BYTES,
        b'{"node":"a","epoch_s":"soon","names":["x"]}\n' + b"\0" * ROW_BYTES,
        b'{"node":"a","epoch_s":0,"names":["\\ud800"]}\n' + b"\0" * ROW_BYTES,
    ],
)
def test_an_intact_frame_with_something_else_in_it_costs_itself_alone(
    folder: RunFolder, payload: bytes
) -> None:
    log = LogWriter(folder.log_path("a"))
    one = Recorder(log, Clock.start(), "a", lambda: Situation(1, 1, "s"))
    one.finish(one.begin("login", "POST"), "ok", 200)
    log.append(Kind.ROWS, payload)
    one.close("stopped")
    read = read_logs(folder)
    assert len(read.samples) == 1
    assert read.health.bad_frames == 1


@contextmanager
def files_of_at_most(most_bytes: int) -> Iterator[None]:
    """As `ulimit -f`, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def check_books_of_a_short_log(folder: RunFolder, most_bytes: int, hanging: int) -> int:
    """Fill a log to its limit, go on, close it; returns how many were written as unfinished."""
    with files_of_at_most(most_bytes):
        one = Recorder(LogWriter(folder.log_path("a")), Clock.start(), "a", lambda: Situation(1, 1, "s"), 50)
        one.start()
        for number in range(hanging):
            one.begin("login", "POST", number)
        while one.dropped < 500:
            one.finish(one.begin("login", "POST", -1), "http_error", 503)
        for _ in range(20):  # heartbeats, which find room where requests do not
            gevent.sleep(0)
        one.close("stopped")
    recorded = read_logs(folder)
    health = recorded.health
    assert len(recorded.samples) + health.dropped_rows == one.started
    assert health.dropped_rows == one.dropped
    assert (health.nodes_without_end, health.bad_frames) == ((), 0)
    assert health.write_failures == ("File too large",)
    assert folder.log_path("a").stat().st_size <= most_bytes
    return int(recorded.samples.outcome.equals("unfinished").sum())


def test_a_log_that_may_not_grow_tells_how_much_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many requests are never answered: they fit in front of the end mark, or are counted."""
    monkeypatch.setattr(recording.recorder, "FLUSH_INTERVAL_S", 0.0)
    written = {}
    for most_bytes, hanging in [
        (20_000, 3),
        (400_000, 3),
        *((60_000, number) for number in range(0, 300, 5)),
    ]:
        folder = RunFolder.create(tmp_path, f"{most_bytes}-{hanging}")
        written[most_bytes, hanging] = check_books_of_a_short_log(folder, most_bytes, hanging)
    assert all(found in (0, hanging) for (_, hanging), found in written.items())
    assert (written[20_000, 3], written[400_000, 3], written[60_000, 295]) == (3, 3, 0)
