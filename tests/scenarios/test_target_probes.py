"""Probes of a target file: maps, mistakes with their places, hosts that may be asked, secrets kept out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recording.errors import RefusedError, UsageError
from recording.probes.signals import SIGNALS
from recording.probes.spec import environment
from scenarios.probing import probes_to_text
from scenarios.target import load_target, probe_maps

HEAD = "base_url: http://127.0.0.1:8080\nprobes:\n"


def target(tmp_path: Path, text: str, head: str = HEAD) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(head + text)
    return str(path)


def test_every_map_that_is_shipped_fits_a_target(tmp_path: Path) -> None:
    more = {"login-phases": ", file: a.log", "process": ", pid: 1"}
    for name in probe_maps():
        probe = load_target(target(tmp_path, f"  p: {{map: {name}{more.get(name, '')}}}")).probes["p"]
        assert probe.lacking() == ""
        assert set(probe.signals) <= set(SIGNALS)


def test_what_a_target_says_itself_wins_over_the_map(tmp_path: Path) -> None:
    text = "  p: {map: hikaricp, url: /m, every_s: 3, signals: {x_mine: {gauge: a}, pool_max: {gauge: b}}}"
    probe = load_target(target(tmp_path, text)).probes["p"]
    assert (probe.kind, probe.url, probe.every_s) == ("prometheus", "/m", 3)
    assert probe.signals["pool_max"].gauge == "b"
    assert probe.signals["pool_active"].gauge == "hikaricp_connections_active"
    assert probe.signals["x_mine"].gauge == "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  p: {map: hikari}", "probes.p.map: no map 'hikari'; did you mean 'hikaricp'?"),
        ("  p: {file: a.log}", "needs 'kind', or 'map'"),
        ("  p: {kind: log}", "needs either 'file' or 'command'"),
        ("  p: {kind: process, pid: 1, port: 2}", "needs either 'pid' or 'port'"),
        ("  p: {kind: json, url: /h}", "needs 'signals'"),
        ("  p: {kind: prometheus, signals: {pool_max: {gauge: a}}}", "needs 'url'"),
        ("  p: {kind: json, url: /h, signals: {pool_maxx: {gauge: a}}}", "did you mean 'pool_max'?"),
        ("  p: {kind: json, url: /h, signals: {pool_max: {gauge: a, rate: b}}}", "exactly one of gauge"),
        ("  p: {map: redis, url: 'redis://:pw-1@host:x'}", ":3:19: probes.p.url: "),
        ("  p: {kind: jason, url: /h}", ":3:7: probes.p.kind: found 'jason'"),
        ("  p: {kind: log, file: a, within: {lookup: lock_ms}}", "expected a name that ends with _ms"),
        ("  p: {kind: log, file: a, evry_s: 1}", ":3:27: unknown key 'probes.p.evry_s'"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_target(target(tmp_path, text))
    assert expected in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_a_probe_asks_the_target_and_this_machine_and_nobody_else_unasked(tmp_path: Path) -> None:
    head = "base_url: http://api.example\nallow_load: true\nprobes:\n"
    for url in ("http://api.example:9090/metrics", "/metrics", "http://127.0.0.1:9127/metrics"):
        load_target(target(tmp_path, f"  p: {{map: lab, url: '{url}'}}", head)).check_allowed()
    elsewhere = load_target(target(tmp_path, "  p: {map: lab, url: 'http://db.example/metrics'}", head))
    with pytest.raises(RefusedError, match=r"db\.example, which is neither the target nor this machine"):
        elsewhere.check_allowed()
    load_target(
        target(tmp_path, "  p: {map: lab, allow: true, url: 'http://db.example/metrics'}", head)
    ).check_allowed()


def test_a_host_in_a_variable_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_AT", "redis://:pass-word-1@cache.example:6379")
    loaded = load_target(target(tmp_path, "  p: {map: redis, url: '${CACHE_AT}'}"))
    with pytest.raises(RefusedError, match=r"asks cache\.example") as caught:
        loaded.check_allowed()
    assert "pass-word-1" not in str(caught.value)


def test_variables_are_filled_in_late_and_passed_on_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "tok-en-4711")
    text = (
        "  p: {map: lab, headers: {Authorization: 'Bearer ${METRICS_TOKEN}'}}\n"
        "  q: {kind: log, file: '${PLACE}'}"
    )
    loaded = load_target(target(tmp_path, text)).at("http://127.0.0.1:1", None, {"PLACE": "a.log"})
    assert loaded.probes["q"].file == "a.log"
    assert loaded.probes["p"].unfilled() == ["METRICS_TOKEN"]
    passed_on = probes_to_text(loaded.probes)
    assert "tok-en-4711" not in passed_on
    assert json.loads(passed_on)["q"]["file"] == "a.log"
    assert "probes" not in loaded.to_mapping()


def test_a_password_that_fits_no_url_is_a_sentence_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2/abc")
    text = '  cache: {map: redis, url: "redis://:${REDIS_PASSWORD}@127.0.0.1:6379"}\n'
    with pytest.raises(UsageError, match="REDIS_PASSWORD") as caught:
        load_target(target(tmp_path, text)).check_allowed()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("${OUTER}", "in ${INNER}"),  # what a variable holds is not looked through for others
        ("${OUTER}${INNER}", "in ${INNER}hush"),
        ("${${NAME}}", "${INNER}"),  # the inner one is filled in, and the name that this makes is none
        ("$${INNER}", "$hush"),  # no way to write a dollar twice
        ("$INNER", "$INNER"),
        ("${}", "${}"),
        ("${INNER", "${INNER"),
        ("${ INNER }", "${ INNER }"),
        ("{INNER}", "{INNER}"),
        ("${EMPTY}", ""),
        ("${NOT_SET}", "${NOT_SET}"),
    ],
)
def test_how_a_variable_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, told: str
) -> None:
    for name, value in (("OUTER", "in ${INNER}"), ("INNER", "hush"), ("NAME", "INNER"), ("EMPTY", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NOT_SET", raising=False)
    text = f"  p: {{map: lab, headers: {{X-It: '{written}'}}}}"
    assert load_target(target(tmp_path, text)).probes["p"].filled(environment()).headers == {"X-It": told}
