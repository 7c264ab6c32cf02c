"""Result files of other tools: bad input is one sentence, or counted; never a traceback.

What whole files say: tests/recording/test_foreign_counts.py and test_case_csv.py.
"""

from __future__ import annotations

import gzip
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.diagnose import diagnose
from commands.gate import gate_path
from recording.errors import LoadverdictError, NoDataError, UsageError
from recording.reader import read_run
from recording.run import Run
from tests.bad_input.told import as_anybody, told

FILES = Path(__file__).parents[1] / "golden" / "foreign"
NAMES = sorted(path.name for path in FILES.iterdir() if path.suffix != ".md")
OPEN_QUOTE, OF_NO_METRIC = b'"open quote\n', b'{"type":"Point"}\n'
JUNK = (b"abc\n", b",,,,,,,\n", OPEN_QUOTE, b"\x00\xff\xfe\n", OF_NO_METRIC, b"nan,inf,-inf\n")
LINE_BY_LINE = (
    "h2load.tsv", "hey.csv", "jmeter.jtl", "jmeter_no_header.jtl", "k6.csv", "k6.json.gz", "k6_micro.csv.gz",
    "locust_requests.csv", "taurus.jtl", "vegeta.csv", "vegeta.json",
)  # fmt: skip
"""Files in which a request has a line of its own, and none is a sum of others."""


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def unpacked(name: str) -> bytes:
    raw = (FILES / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


def requests_in(path: Path) -> int | None:
    """Requests in a file that is read and judged; None where one sentence says what is wrong with that file.

    Anything but our own errors passes through.
    """
    try:
        run = read_run(path)
        told = diagnose(run)
    except LoadverdictError as error:
        is_a_sentence = str(error).startswith(str(path)) and "\n" not in str(error)
        return None if is_a_sentence else pytest.fail(str(error))
    assert 0 < told.requests <= run.samples.weight.sum()
    return int(run.samples.weight.sum())


def with_a_line_more(data: bytes, line: bytes, index: int) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:index], line, *lines[index:]])


def damaged(name: str) -> Iterator[bytes]:
    """A file cut, with a strange line in it, and with bytes that were changed."""
    chance = random.Random(name)
    raw, whole = (FILES / name).read_bytes(), unpacked(name)
    yield from (raw[: len(raw) // 2], raw[:-7], whole[: len(whole) // 3])
    for _ in range(3):
        index = chance.randrange(1, len(whole.splitlines()) + 1)
        yield with_a_line_more(whole, chance.choice(JUNK), index)
        flipped = bytearray(whole)
        for _ in range(10):
            flipped[chance.randrange(len(flipped))] = chance.randrange(256)
        yield bytes(flipped)


@pytest.mark.parametrize("name", NAMES)
def test_damage_of_any_kind_is_survived(name: str, tmp_path: Path) -> None:
    """Damage adds no request where each has a line of its own; a digit of a sum may be any other."""
    most = requests_in(FILES / name)
    for data in damaged(name):
        found = requests_in(write(tmp_path, data))
        if found is not None:
            assert most is not None
            assert name not in LINE_BY_LINE or found <= most, data


@pytest.mark.parametrize("name", LINE_BY_LINE)
def test_a_strange_line_costs_no_other(name: str, tmp_path: Path) -> None:
    """An open quote does: how far it goes nobody can know."""
    whole = unpacked(name)
    requests = len(read_run(FILES / name).samples)
    for line in set(JUNK) - {OPEN_QUOTE}:
        run = read_run(write(tmp_path, with_a_line_more(whole, line, len(whole.splitlines()) // 2)))
        is_of_k6 = name == "k6.json.gz" and line == OF_NO_METRIC  # another kind of point: not ours to count
        assert (len(run.samples), run.bad_lines) == (requests, 0 if is_of_k6 else 1), line


@pytest.mark.parametrize("name", ["jmeter.jtl", "taurus.jtl", "k6.csv", "hey.csv", "locust_requests.csv"])
def test_a_torn_line_and_a_foreign_one_are_counted_and_told(name: str, tmp_path: Path) -> None:
    data = (FILES / name).read_bytes()
    before = read_run(FILES / name)
    run = read_run(write(tmp_path, data + b"not a line of this file\n" + b"17954372"))
    assert len(run.samples) == len(before.samples)
    assert run.bad_lines == 2
    assert "bad_lines" in {finding.code for finding in diagnose(run).quality.findings}


def test_lines_of_k6_json_that_are_torn_or_foreign_are_counted_and_told(tmp_path: Path) -> None:
    whole, before = unpacked("k6.json.gz"), read_run(FILES / "k6.json.gz")
    point = b'{"metric":"http_req_duration","type":%b,"data":{"time":"2026-11-23T12:29:46Z","value":%b}}\n'
    strange = point % (b'"Histogram"', b"5"), b'{"foo":1}\n', point % (b'"Point"', b"Infinity")
    torn = (point % (b'"Point"', b"5"))[:-20]
    for lines, bad in (((torn,), 1), (strange, 3), ((*strange, torn), 4)):
        run = read_run(write(tmp_path, whole + b"".join(lines)))
        assert (len(run.samples), run.bad_lines) == (len(before.samples), bad)
        assert "bad_lines" in {finding.code for finding in diagnose(run).quality.findings}
    assert (
        len(read_run(write(tmp_path, whole + point % (b'"Point"', b"5"))).samples) == len(before.samples) + 1
    )


def test_values_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    head = b"request_id,http_code,duration_ms,timestamp\n"
    run = read_run(
        write(tmp_path, head + b"1,200,5,100\n2,200,x,101\n3,200,nan,102\n4,200,inf,103\n5,503,7,104\n")
    )
    assert run.samples.status.tolist() == [200, 503]
    assert run.bad_lines == 3


@pytest.mark.parametrize("number", ["1e999", "NaN", "9" * 400, "true", '"5"', "null"])
def test_numbers_that_are_none_in_json_lines(number: str, tmp_path: Path) -> None:
    point = (
        '{"metric":"http_req_duration","type":"Point","data":{"time":"2026-11-23T12:29:46Z","value":%s}}\n'
    )
    run = read_run(write(tmp_path, (point % "5" + point % number).encode()))
    assert (len(run.samples), run.bad_lines) == (1, 1)
    hit = (
        '{"attack":"a","code":%s,"timestamp":"2026-11-23T12:29:46Z","latency":%s,"bytes_in":%s,"error":""}\n'
    )
    run = read_run(write(tmp_path, (hit % (200, 5, number) + hit % (200, number, 1)).encode()))
    assert (len(run.samples), run.bad_lines) == (1, 1)


CASE = b"request_id,http_code,duration_ms,timestamp\n"


def test_codes_that_are_none_are_counted_and_unknown_ones_kept(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, CASE + b"1,abc,5,100\n2,999,5,101\n3,0,5,102\n4,200,-5,103\n"))
    assert (run.samples.status.tolist(), run.bad_lines) == ([999, 0, 200], 1)
    assert run.samples.is_error.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("rows", "code"),
    [("1,200,5,100", 6), ("1,503,5,100", 1), ("1,200,5,100\n2,503,5,100\n3,503,5,100", 1)],
)
def test_so_little_that_hardly_anything_can_be_said(rows: str, code: int, tmp_path: Path) -> None:
    """One request that decides nothing, only failures, all at one moment."""
    path = write(tmp_path, CASE + f"{rows}\n".encode())
    assert told(lambda: gate_path(str(path), tmp_path, as_json=False)) == (code, "")


def locust_history() -> list[list[str]]:
    return [line.split(",") for line in (FILES / "locust_stats_history.csv").read_text().splitlines()]


def history_run(tmp_path: Path, rows: list[list[str]]) -> Run:
    return read_run(write(tmp_path, "\n".join(map(",".join, rows)).encode()))


def test_counts_of_locusts_history_need_neither_its_clock_nor_its_rates(tmp_path: Path) -> None:
    rows = locust_history()
    before = history_run(tmp_path, rows)
    for row in rows[len(rows) // 2 :]:
        row[0] = str(int(row[0]) - 3600)  # the wall clock went back
        row[4] = row[5] = "N/A"  # a rate that is stale anyway
    after = history_run(tmp_path, rows)
    assert after.samples.weight.sum() == before.samples.weight.sum()
    assert after.samples.is_error.sum() == before.samples.is_error.sum()
    assert (after.bad_lines, after.length_s is not None and after.length_s >= 0) == (0, True)


def test_a_short_last_row_of_locusts_history_is_counted(tmp_path: Path) -> None:
    rows = locust_history()
    assert history_run(tmp_path, [*rows, rows[-1][:7]]).bad_lines == 1


def test_commas_and_line_breaks_in_messages_of_jmeter(tmp_path: Path) -> None:
    head = b"timeStamp,elapsed,label,responseCode,responseMessage,success,failureMessage\n"
    row = b'1700000000000,5,a,500,"no, not\nnow",false,"x, y"\n1700000001000,5,a,200,OK,true,\n'
    run = read_run(write(tmp_path, head + row))
    assert (run.samples.status.tolist(), run.bad_lines) == ([500, 200], 0)


def test_a_stamp_that_was_torn_is_a_bad_line(tmp_path: Path) -> None:
    head = b"request_id,http_code,duration_ms,timestamp\n"
    rows = b"1,200,5,1700000000.25\n2,503,5,1700000001.5\n3,200,5,1700000002\n4,200,5,17000"
    run = read_run(write(tmp_path, head + rows))
    assert len(run.samples) == 3
    assert run.bad_lines == 1


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", NoDataError, "is empty"),
        (b" \n\n", NoDataError, "is empty"),
        ("request_id".encode("utf-16"), UsageError, "UTF-16"),
        (b"timeStamp,elapsed,label,responseCode,success\n", NoDataError, "no requests"),
        (b"timeStamp,elapsed,label,responseCode,success\n1,x,a,200,true\n", UsageError, "line 2"),
        (b'{"type":"Metric","metric":"vus","data":{}}\n', NoDataError, "no requests"),
        (b"\x00\x00\x00\x00\x063.13.1" + bytes(40), UsageError, "Gatling's binary simulation.log"),
        (b"what is this?\n", UsageError, "no known format"),
        (b"\x1f\x8b\x08\x00broken", UsageError, "compressed data"),
        (b'<?xml version="1.0"?><testResults><httpSample', UsageError, "line 1"),
    ],
)
def test_one_sentence_says_what_is_wrong(
    data: bytes, error: type[LoadverdictError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=r"file") as raised:
        read_run(write(tmp_path, data))
    assert words in str(raised.value)


def test_an_entity_bomb_is_refused(tmp_path: Path) -> None:
    entities = b'<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">'
    bomb = b"<!DOCTYPE t [" + entities + b']><testResults><httpSample lb="&b;"/></testResults>'
    with pytest.raises(UsageError, match="document type"):
        read_run(write(tmp_path, bomb))


def test_files_known_and_not_read_say_what_to_give_instead() -> None:
    with pytest.raises(UsageError, match="what ab printed"):
        read_run(FILES / "ab_gnuplot.tsv")


def test_jmeter_with_another_delimiter_dates_and_controllers(tmp_path: Path) -> None:
    head = b"timeStamp;elapsed;label;responseCode;responseMessage;success;failureMessage\n"
    rows = (
        b"2026/11/23 12:00:00.250;10;a;200;OK;true;\n"
        b"2026/11/23 12:00:01.250;20;a;200;OK;false;expected token\n"
        b'2026/11/23 12:00:01.250;30;t;;"Number of samples in transaction : 2, number of fail'
        b'ing samples : 1";false;\n'
    )
    run = read_run(write(tmp_path, head + rows))
    assert run.samples.outcome.to_list() == ["ok", "wrong_content"]
    assert run.samples.start_s[1] - run.samples.start_s[0] == pytest.approx(1.0)
    assert [example.message for example in run.examples] == ["expected token"]
    assert "users" in run.lacks


K6_POINT = (
    '{"metric":"http_req_duration","type":"Point",'
    '"data":{"time":"2026-11-23T12:29:46Z","value":5,"tags":%s}}\n'
)


@pytest.mark.parametrize(
    "tags", [r'{"name":"\ud800","error":"\udfff bad"}', '{"name":"a","name":"b"}', "[]", "5", '{"status":{}}']
)
def test_odd_tags_of_a_point_reach_every_file_of_the_report(tags: str, tmp_path: Path) -> None:
    """A lone surrogate can be read, and cannot be written."""
    path = write(tmp_path, (K6_POINT % "{}" + K6_POINT % tags).encode())
    found = told(lambda: gate_path(str(path), tmp_path, as_json=True))
    assert found.code in (1, 3), found


def test_a_line_that_is_nested_without_end_is_a_bad_line(tmp_path: Path) -> None:
    deep = '{"type":"Point","metric":"http_req_duration","data":' + "[" * 100_000 + "\n"
    run = read_run(write(tmp_path, (K6_POINT % "{}" + deep).encode()))
    assert (len(run.samples), run.bad_lines) == (1, 1)


@pytest.mark.parametrize("name", ["k6_summary.json", "siege.json", "locust_json.json", "autocannon.json"])
@pytest.mark.parametrize("number", [b"1e999", b"-1", b"NaN", b"9" * 400, b"[[[[", b"null", b'"x"'])
def test_a_summary_whose_numbers_are_none(name: str, number: bytes, tmp_path: Path) -> None:
    data = re.sub(rb"(?<=[:\s])\d+(?=[,\s}])", number, (FILES / name).read_bytes())
    path = write(tmp_path, data)
    found = told(lambda: gate_path(str(path), tmp_path, as_json=False))
    assert found.code in (2, 3, 6), found
    if found.code != 3:
        found.check(found.code, str(path))


def test_printed_counts_without_end_are_no_counts(tmp_path: Path) -> None:
    data = (FILES / "wrk.txt").read_bytes().replace(b"requests in", b"0" * 20 + b"9" * 400 + b" requests in")
    path = write(tmp_path, data)
    assert told(lambda: gate_path(str(path), tmp_path, as_json=False)).code in (1, 3, 6)


@pytest.mark.parametrize(
    "name", ["k6.csv", "jmeter.jtl", "hey.csv", "locust_stats_history.csv", "taurus.jtl"]
)
def test_line_ends_of_an_old_macintosh(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, (FILES / name).read_bytes().replace(b"\n", b"\r"))
    told(lambda: read_run(path) and None).check(2, str(path), "no known format")


def test_a_header_that_steers_the_terminal_is_shown_without_that(tmp_path: Path) -> None:
    data = b"timeStamp,elapsed,success,\x1b[2J\x07label\n1,x,true,a\n"
    told(lambda: read_run(write(tmp_path, data)) and None).check(2, "file")


@pytest.mark.parametrize("row", ["a pipe", "a device", "a loop of links", "unreadable"])
def test_a_path_that_is_no_readable_file(row: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if row == "a pipe":
        os.mkfifo(path)
    elif row == "a device":
        path.symlink_to("/dev/zero")
    elif row == "a loop of links":
        path.symlink_to(path)
    else:
        path.write_bytes(b"x")
        path.chmod(0)
    with as_anybody():
        found = told(lambda: gate_path(str(path), tmp_path, as_json=False))
    found.check(found.code, str(path), "Permission denied" if row == "unreadable" else "")
    assert found.code in (2, 6)
