"""Configuration in YAML: every row of the matrix is exit code 2 and a sentence with its place.

What a scenario, a behaviour, an experiment or a target may say, key by key: tests/scenarios/test_config.py,
test_behaviour.py, test_experiment_files.py, test_loads.py, test_parts.py; targets to meet:
tests/analysis/test_slo_grammar.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from analysis.suspects import load_suspects
from benchmarks.mutations import READ
from scenarios.scenario import load_scenario
from tests.bad_input.told import Told, as_anybody, told

LOAD = "load: {shape: hold, users: 3, hold_s: 5}\n"
TARGET = "base_url: 'http://127.0.0.1:80'\nrequests: {login: {path: /x}}\n"


def read(folder: Path, kind: str, text: str | bytes) -> Told:
    """Read a file of a kind as the command line does; its path is shortened in what is told."""
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = told(lambda: READ[kind](path))
    return found._replace(text=found.text.replace(str(path), "FILE"))


NO_FILE_OF_OURS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "found nothing"),
    "comment only": ("# nothing\n", "found nothing"),
    "null": ("null\n", "no mapping"),
    "a list": ("- a\n", "no mapping"),
    "a word": ("'x'\n", "no mapping"),
    "two documents": (LOAD + "---\n" + LOAD, ":2:1: not valid YAML: but found another document"),
    "open bracket": ("a: [\n", "not valid YAML"),
    "open quote": (LOAD + "description: 'open\n", "not valid YAML"),
    "TAB": ("\tload: 1\n", ":1:1: not valid YAML"),
    "another version": ("%YAML 9.9\n---\n" + LOAD, ":1:1: not valid YAML"),
    "NUL": (b"\x00", "not valid YAML"),
    "Latin-1": (LOAD.encode() + "description: ä\n".encode("latin-1"), "is not UTF-8; save the file as UTF-8"),
    "UTF-16": (LOAD.encode("utf-16"), "byte 0 is not UTF-8"),
    "too long": ("a: 1\n" * 60_000, "longer than 262,144 bytes"),
    "one long line": ("x" * 300_000, "longer than 262,144 bytes"),
    "brackets": ("[" * 10_000, ":1:21: not valid YAML: nested deeper than 20 levels"),
    "dashes": ("- " * 10_000, "nested deeper than 20 levels"),
    "braces": ("{a: " * 10_000, "nested deeper than 20 levels"),
    "alias": ("a: &x [1]\nb: *x\n", ":2:4: not valid YAML: aliases"),
    "alias of itself": ("load: &a [*a]\n", ":1:11: not valid YAML: aliases"),
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "aliases"),
    "tag": (LOAD + "description: !!int x\n", ":2:14: not valid YAML: tags"),
    "tag of Python": (LOAD + "description: !!python/object:os.system x\n", "tags"),
    "duplicate key": (LOAD + LOAD, ":2:1: 'load' stands twice (first in line 1)"),
    "a list as key": (LOAD + "? [a]\n: x\n", ":2:3: a key must be a plain word"),
    "a number as key": (LOAD + "1: x\n", "found 1; expected a key that is a word"),
    "true as key": (LOAD + "true: x\n", "found True; expected a key that is a word"),
}


@pytest.mark.parametrize("row", NO_FILE_OF_OURS)
def test_a_file_that_means_nothing(tmp_path: Path, row: str) -> None:
    text, expected = NO_FILE_OF_OURS[row]
    read(tmp_path, "scenarios", text).check(2, expected)


@pytest.mark.parametrize(
    "value", ["NO", "on", "Yes", "012", "1:30", "190:20:30", "1_000", "0x10", ".nan", ".inf"]
)
def test_what_yaml_reads_as_something_else_is_refused_and_not_read(tmp_path: Path, value: str) -> None:
    read(tmp_path, "scenarios", f"{LOAD}seed: {value}\n").check(2, ":2:7: not valid YAML", value, "quote it")


def test_a_date_and_a_number_without_end_are_refused(tmp_path: Path) -> None:
    read(tmp_path, "scenarios", LOAD + "description: 2026-01-01\n").check(2, "is a date in YAML: quote it")
    read(tmp_path, "scenarios", LOAD + f"seed: {'9' * 5000}\n").check(2, "is no plain number")


@pytest.mark.parametrize("text", [r'"\U00110000"', r'"\UFFFFFFFF"'])
def test_an_escape_that_names_no_character_is_refused(tmp_path: Path, text: str) -> None:
    read(tmp_path, "scenarios", f"{LOAD}description: {text}\n").check(2, "a character cannot be read")


def test_an_id_of_nineteen_digits_is_a_number(tmp_path: Path) -> None:
    text = TARGET.replace("{path: /x}", "{path: /x, json: {id: 1700000000000000000}}")
    assert read(tmp_path, "targets", text) == (0, "")


@pytest.mark.parametrize("text", ["\ufeff" + LOAD, LOAD.replace("\n", "\r\n"), LOAD.replace("3", "'3'")])
def test_what_means_the_same_is_taken(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, "scenarios", text) == (0, "")


SCENARIOS: dict[str, str] = {
    "xyzzy: 1": ":2:1: unknown key 'xyzzy'; allowed: abort_when_missed, accounts",
    "behavour: login": ":2:1: unknown key 'behavour'; did you mean 'behaviour'?",
    "description: 5": ":2:1: description: found 5; expected text",
    "behaviour: null": ":2:1: behaviour: found None; expected text",
    "behaviour: ''": "not a behaviour; allowed: login",
    "behaviour: nowhere:Thing": "behaviour 'nowhere:Thing' cannot be made",
    "behaviour: ':'": "behaviour ':' cannot be made",
    "behaviour: ../../x.yaml": "../../x.yaml: cannot be read: No such file or directory",
    "behaviours: {}": "expected behaviours with their weights",
    "behaviours: {login: 0}": ":2:14: behaviours.login: found 0",
    "behaviours: {login: true}": "'behaviours': expected a number, not true",
    "think_time_s: abc": "found 'abc'; expected a number",
    "think_time_s: -1": "think_time_s: found -1",
    "think_time_s: true": "'think_time_s': expected a number, not true",
    "think_time_s: 1e308": "expected less than or equal to 3600",
    "timeouts: {connect_s: 0}": "timeouts.connect_s: found 0",
    "max_requests: 0": "max_requests: found 0",
    "client: curl": "expected 'lean', 'fast' or 'requests'",
    "seed: x": "expected a whole number",
    "slo: error_rate < 5 %": "expected a list",
    "slo: [5]": ":2:7: slo.0: found 5; expected text",
    "slo: ['']": "'' is not a target; write it like",
    "slo: ['p101 < 5 ms']": "unknown metric 'p101'",
    "slo: ['p0.99 < 5 ms']": "write p99",
    "slo: ['error_rate < 500 %']": "every run meets it",
    "slo: ['error_rate < -1 %']": "a number is missing",
}


@pytest.mark.parametrize("line", SCENARIOS)
def test_a_key_of_a_scenario(tmp_path: Path, line: str) -> None:
    read(tmp_path, "scenarios", f"{LOAD}{line}\n").check(2, SCENARIOS[line])


LOADS: dict[str, str] = {
    "null": "'load' is missing",
    "[1]": "found a list; expected keys with values",
    "{shape: hodl, users: 3, hold_s: 5}": "expected one of 'steps', 'staircase', 'ramp', 'hold'",
    "{shape: hold, users: -1, hold_s: 5}": "load.users: found -1",
    "{shape: hold, users: 3.5, hold_s: 5}": "users are whole numbers, not 3.5",
    "{shape: hold, users: true, hold_s: 5}": "'users': expected a number, not true",
    "{shape: hold, users: 999999999, hold_s: 5}": "less than or equal to 100000",
    "{shape: hold, users: 3, hold_s: 0}": "load.hold_s: found 0; expected greater than 0",
    "{shape: hold, users: 3, hold_s: -5}": "load.hold_s: found -5; expected greater than 0",
    "{shape: hold, users: 3, hold_s: 1:30}": "1:30 is no plain number: write it in decimal",
    "{shape: ramp, to_users: 5, ramp_s: 0}": "load.ramp_s: found 0; expected greater than 0",
    "{shape: ramp, to_users: 5, ramp_s: .inf}": ".inf is no plain number",
    "{shape: stages, stages: [{for_s: -1, users: 1}]}": "load.stages.0.for_s: found -1; expected greater",
    "{shape: hold, users: 3, hold_s: 5x}": "load.hold_s: found '5x'; expected a number",
    "{shape: hold, users: 3, hold_s: 1e400}": "less than or equal to 86400",
    "{shape: steps, users: [], step_s: 5}": "load.users: found a list; expected at least 1 in it",
    "{shape: steps, users: [1, true], step_s: 5}": "'users': expected a number, not true",
    "{shape: steps, users: [1, 2], step_s: 1, blocks: 100000000}": "load.blocks: found 100000000",
    "{shape: stages, stages: []}": "load.stages: found a list; expected at least 1 in it",
    "{shape: ramp, users: 5}": "'load.to_users' is missing",
    "{shape: hold, arrivals: 1e6, hold_s: 9}": "load.arrivals: found '1e6'",
    "{shape: repeat, times: 1000000, load: {shape: hold, users: 1, hold_s: 1}}": "load.times: found 1000000",
}


@pytest.mark.parametrize("load", LOADS)
def test_a_load(tmp_path: Path, load: str) -> None:
    read(tmp_path, "scenarios", f"load: {load}\n").check(2, LOADS[load])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("description: x\n", "'load' is missing"),
        ("parts: {}\n", "parts: found a mapping; expected at least 1 in it"),
        (f"parts: {{a/b: {{{LOAD.strip()}}}}}\n", "found 'a/b'; expected text that matches"),
        (f"parts: {{..: {{{LOAD.strip()}}}}}\n", "found '..'; expected text that matches"),
        (f"parts: {{{'a' * 300}: {{{LOAD.strip()}}}}}\n", "expected text that matches"),
    ],
)
def test_parts(tmp_path: Path, text: str, expected: str) -> None:
    read(tmp_path, "scenarios", text).check(2, expected)


def test_a_list_with_a_mistake_in_it_is_not_said_to_be_empty(tmp_path: Path) -> None:
    found = read(tmp_path, "scenarios", "load: {shape: stages, stages: [{for_s: 0, users: 1}]}\n")
    assert len(found.text.splitlines()) == 1


def test_a_scenario_is_called_what_its_file_is_called(tmp_path: Path) -> None:
    """Also one from a run folder, which tells its name."""
    path = tmp_path / "ünï.yaml"
    path.write_text(f"{LOAD}name: a/b\n")
    assert load_scenario(str(path)).name == "ünï"


URLS = (
    "127.0.0.1:80", "ftp://x", "http://", "", "nolab", "http://[::1", "http://a b", "http://127.0.0.1/api",
    "http://127.0.0.1?x", "http://127.0.0.1:0", "http://127.0.0.1:70000", "http://127.0.0.1:x",
    "http://127.0.0.1:-1", "http://127.0.0.1:80:80", "http://127.0.0.1?",
    "http://127.0.0.1/#",
)  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_a_base_url_is_scheme_host_and_port(tmp_path: Path, url: str) -> None:
    text = TARGET.replace("http://127.0.0.1:80", url)
    read(tmp_path, "targets", text).check(2, "base_url: found", "expected")


def test_a_password_in_a_url_or_a_header_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = TARGET.replace("http://", "http://me:hush-hush@")
    found = read(tmp_path, "targets", text)
    found.check(2, "found 'http://[hidden]@127.0.0.1:80'", "keep user and password out of the URL")
    assert "hush" not in found.text
    for user in (":hush-hush", "hush-hush", ":hu/sh-hush", "me:hu@sh-hush"):
        url = f"redis://{user}@127.0.0.1:x/0"
        found = read(tmp_path, "targets", f"{TARGET}probes: {{a: {{kind: redis, url: '{url}'}}}}\n")
        found.check(2, "found 'redis://[hidden]@127.0.0.1:x/0'")
        assert "sh-hush" not in found.text
    text = TARGET.replace("{path: /x}", '{path: /x, headers: {Authorization: "Basic hush\\n"}}')
    found = read(tmp_path, "targets", text)
    found.check(2, "headers.Authorization: found [hidden]; a header has no line breaks")


TARGETS: dict[str, str] = {
    "accounts: 5": "accounts: found 5; expected the path of a file",
    "allow_load: yes": "write true or false",
    "allow_load: 7": "expected true or false",
    "health: x": "health: found 'x'",
    "probes: {a: {kind: json, url: 'http://[x'}}": "probes.a.url: found 'http://[x'",
    "probes: {a: {kind: json, url: /x, signals: {up: {gauge: x}}}}": "'up' is no signal",
    "probes: {a: {kind: json}}": "needs 'url'",
    "probes: {a: {map: a.yaml}}": "a.yaml: cannot be read",
}


@pytest.mark.parametrize("line", TARGETS)
def test_a_key_of_a_target(tmp_path: Path, line: str) -> None:
    read(tmp_path, "targets", f"{TARGET}{line}\n").check(2, TARGETS[line])


def test_a_map_that_names_itself_is_not_followed_round_and_round(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(f"map: {path}\nkind: json\n")
    text = f"{TARGET}probes: {{a: {{map: {path}}}}}\n"
    read(tmp_path, "targets", text).check(2, "probes.a of kind json needs 'url'")


REQUESTS: dict[str, str] = {
    "null": "requests.login: found None; expected keys with values",
    "{path: x}": "requests.login.path: found 'x'",
    "{path: /x, method: FETCH}": "found 'FETCH'",
    "{path: /x, headers: {a b: c}}": "'a b' is no name of a header",
    "{path: /x, expect: {status: 999}}": "expect.status: found 999",
    "{path: /x, json: [1]}": "json: found a list; expected keys with values",
    "{path: /x, json: {a: .nan}}": ".nan is no plain number",
    "{path: /x, json: {}, form: {}}": "one body: 'json' or 'form'",
}


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request(tmp_path: Path, request_: str) -> None:
    read(tmp_path, "targets", TARGET.replace("{path: /x}", request_)).check(2, REQUESTS[request_])


def test_the_name_of_what_is_one_too_many_is_nobodys(tmp_path: Path) -> None:
    """Requests beyond the first names stand under it: those of a request of that name would be among them."""
    text = TARGET.replace("login", "other")
    found = read(tmp_path, "targets", text)
    found.check(
        2, "FILE:2:12: requests.other: found 'other'; 'other' is what all are called", "choose another"
    )
    assert len(found.text.splitlines()) == 1
    step = "steps: [{path: /x, name: other}]\n"
    read(tmp_path, "behaviours", step).check(2, "FILE:1:20: steps.0.name: found 'other'", "choose another")
    text = TARGET.replace("}}", "}, others: {path: /}, Other: {path: /}}")
    assert read(tmp_path, "targets", text) == (0, "")


def test_all_mistakes_of_a_file_come_at_once_and_at_most_twenty(tmp_path: Path) -> None:
    text = "".join(f"key{i}: 1\n" for i in range(30)) + LOAD
    lines = read(tmp_path, "scenarios", text).text.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 10 more"


@pytest.mark.parametrize(
    "name", ["a folder", "a loop of links", "unreadable", "a pipe", "missing", "a device"]
)
def test_a_path_that_is_no_readable_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.yaml"
    if name == "a folder":
        path.mkdir()
    elif name == "a loop of links":
        path.symlink_to(path)
    elif name == "unreadable":
        path.write_text(LOAD)
        path.chmod(0)
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a device":
        path.symlink_to("/dev/zero")
    began_s = time.monotonic()
    with as_anybody():
        found = told(lambda: load_scenario(str(path)))
    found.check(2, f"{path}: cannot be read: {'Permission denied' if name == 'unreadable' else ''}")
    assert time.monotonic() - began_s < 5


def test_the_table_of_suspects_is_held_to_the_same(tmp_path: Path) -> None:
    """It is read by libyaml, which crashes on text that is nested deeply enough."""
    path = tmp_path / "suspects.yaml"
    for text, expected in (
        (b"[" * 120_000, "nested deeper than 20 levels"),
        (b"- " * 100_000, "nested deeper than 20 levels"),
        (b"suspects: \xff", "byte 10 is not UTF-8"),
        (b"suspects: {1: 2}\n", "must be a mapping"),
        (b"1: 2\ntrue: 3\nsuspects: {}\n", "unknown key"),
        (b"suspects: {a: {title: !!int x}}\n", "not YAML"),
        (b"", "expected a mapping"),
    ):
        path.write_bytes(text)
        told(lambda: load_suspects(path)).check(2, str(path), expected)
