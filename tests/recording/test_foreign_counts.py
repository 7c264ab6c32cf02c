"""Files of other tools are read with exactly the requests and failures they hold, and say what they lack."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from analysis.diagnose import diagnose
from recording.foreign.head import head_of
from recording.foreign.registry import FORMATS, REFUSED
from recording.reader import read_run
from recording.run import LACKS, Run

FILES = Path(__file__).parents[1] / "golden" / "foreign"

EXACT: dict[str, tuple[str, dict[str, int]]] = {
    "jmeter.jtl": ("jmeter_csv", {"ok": 31, "refused": 3, "500": 2, "503": 3, "reset": 1}),
    "jmeter_no_header.jtl": ("jmeter_csv", {"ok": 22, "refused": 3, "500": 1, "503": 3, "reset": 1}),
    "jmeter_xml.jtl": ("jmeter_xml", {"ok": 11, "refused": 2, "500": 1, "401": 1}),
    "taurus.jtl": (
        "taurus",
        {"ok": 45, "refused": 6, "500": 2, "503": 3, "401": 1, "first_byte_timeout": 1, "reset": 1},
    ),
    "k6.csv": ("k6_csv", {"ok": 12, "503": 3, "reset": 1}),
    "k6.json.gz": ("k6_json", {"ok": 14, "503": 3, "reset": 1}),
    "k6_micro.csv.gz": ("k6_csv", {"ok": 16, "reset": 1, "500": 1, "401": 1}),
    "vegeta.csv": ("vegeta_csv", {"ok": 1, "503": 1, "first_byte_timeout": 1, "reset": 1, "refused": 1}),
    "vegeta.json": ("vegeta_json", {"ok": 1, "503": 1, "first_byte_timeout": 1, "reset": 1, "refused": 1}),
    "hey.csv": ("hey_csv", {"ok": 53, "500": 2, "401": 1, "503": 3}),
    "hey_summary.txt": (
        "hey_summary",
        {"ok": 252, "401": 6, "500": 12, "503": 18, "first_byte_timeout": 6, "reset": 6},
    ),
    "h2load.tsv": ("h2load_log", {"ok": 52, "500": 3, "503": 4, "401": 1}),
    "h2load_summary.txt": ("h2load_summary", {"ok": 104, "http_error": 16, "unknown": 5}),
    "locust_requests.csv": (
        "locust_requests",
        {"ok": 44, "refused": 6, "500": 3, "503": 3, "401": 1, "reset": 1, "first_byte_timeout": 1},
    ),
    "locust_stats_history.csv": ("locust_history", {"ok": 264, "unknown": 85}),
    "locust_json.json": ("locust_json", {"unknown": 126}),
    "artillery.json": (
        "artillery",
        {"ok": 121, "500": 6, "401": 3, "503": 9, "total_timeout": 3, "reset": 2},
    ),
    "autocannon.json": (
        "autocannon",
        {"ok": 252, "401": 6, "500": 12, "503": 18, "total_timeout": 6, "unknown": 6},
    ),
    "ab.txt": ("ab", {"ok": 252, "http_error": 36, "unknown": 12}),
    "wrk.txt": ("wrk", {"ok": 257, "http_error": 36, "unknown": 9}),
    "siege.json": ("siege", {"ok": 263, "unknown": 43}),
    "k6_summary.json": ("k6_summary", {"ok": 128, "unknown": 47}),
}


def counts(run: Run) -> dict[str, int]:
    """Requests per status of a failed answer, or per outcome."""
    found: Counter[str] = Counter()
    rows = run.samples
    for status, outcome, weight in zip(rows.status, rows.outcome.to_list(), rows.weight, strict=True):
        found[str(status) if outcome == "http_error" and status else outcome] += int(weight)
    return dict(found)


@pytest.mark.parametrize("name", sorted(EXACT))
def test_counts_are_exact_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_bytes((FILES / name).read_bytes())
    run = read_run(path)
    assert (run.source, counts(run)) == EXACT[name]
    assert run.bad_lines == 0
    assert run.lacks <= set(LACKS)


@pytest.mark.parametrize("name", sorted(EXACT))
def test_one_format_alone_claims_a_file(name: str) -> None:
    head = head_of(FILES / name)
    claims = [known.name for known in FORMATS if known.detect(head)]
    claims += [refused.name for refused in REFUSED if refused.detect(head)]
    assert claims == [EXACT[name][0]]


@pytest.mark.parametrize("name", sorted(EXACT))
def test_no_file_is_said_to_rise_and_sums_say_nothing_of_load(name: str) -> None:
    run = read_run(FILES / name)
    verdict = diagnose(run)
    assert verdict.load_effect.answer != "rises"
    assert verdict.requests == sum(EXACT[name][1].values())
    if run.lacks & {"request_times", "failed_requests"}:
        assert verdict.load_effect.answer == verdict.temporal.answer == "inconclusive"
        assert verdict.time_drift.answer == "inconclusive"
        assert not verdict.freezes
        assert all(kind.load_effect == "inconclusive" for kind in verdict.by_status.values())
    if "durations" in run.lacks:
        assert verdict.latency_ms.all.p50 is None


def test_without_rows_for_failed_requests_there_is_no_error_rate() -> None:
    targets = ("error_rate < 50 %", "error_rate < 1 %", "p95 < 9000 ms", "p95(ok) < 9000 ms")
    verdict = diagnose(read_run(FILES / "hey.csv"), targets)
    assert verdict.error_rate.value is None
    assert verdict.error_rate.low is not None
    assert [target.outcome for target in verdict.slo] == ["no_data", "missed", "no_data", "met"]
    assert verdict.latency_ms.all.p50 is None
    assert verdict.latency_ms.failures_infinite.p50 is None
    assert "6 of 59 answered requests failed" in verdict.sentence


def test_end_stamps_become_starts() -> None:
    taurus = read_run(FILES / "taurus.jtl").samples
    assert taurus.start_s[0] == pytest.approx(1795437357.874 - 0.026)
    k6 = read_run(FILES / "k6.json.gz").samples
    assert k6.duration_ms[0] == pytest.approx(11.759124 + 0.517095)
    assert k6.end_s[0] == pytest.approx(1795436986.086639)
    jmeter = read_run(FILES / "jmeter.jtl").samples
    assert jmeter.start_s[0] == pytest.approx(1795437298.454)


@pytest.mark.parametrize(
    "stamp",
    ["1795436986.5", "1795436986500", "1795436986500000", "1795436986500000000", "2026-11-23T12:29:46.5Z",
     "2026-11-23T12:29:46.500000001Z"],
)  # fmt: skip
def test_k6_stamps_of_any_unit(stamp: str, tmp_path: Path) -> None:
    path = tmp_path / "k6"
    head = "metric_name,timestamp,metric_value,error,error_code,expected_response,status\n"
    path.write_text(head + f"http_reqs,{stamp},1,,,true,200\nhttp_req_duration,{stamp},500,,,true,200\n")
    run = read_run(path)
    assert run.samples.start_s[0] == pytest.approx(1795436986.0, abs=1e-3)
    assert run.samples.outcome.to_list() == ["ok"]


def test_k6_codes_decide_before_words(tmp_path: Path) -> None:
    path = tmp_path / "k6"
    rows = [("1050", "request timeout"), ("1101", "lookup: no such host"), ("1211", "dial: i/o timeout"),
            ("1212", "dial: connection refused"), ("1220", "read: connection reset by peer"),
            ("1310", "x509: unknown authority"), ("1000", "EOF"), ("1000", "strange"),
            ("1202", "EMFILE")]  # fmt: skip
    head = "metric_name,timestamp,metric_value,error,error_code,expected_response,status\n"
    lines = [f"http_req_duration,{i},1,{text},{code},false,0\n" for i, (code, text) in enumerate(rows)]
    path.write_text(head + "".join(lines))
    assert read_run(path).samples.outcome.to_list() == [
        "total_timeout", "dns", "connect_timeout", "refused", "reset", "tls", "closed_early", "unknown",
        "generator",
    ]  # fmt: skip


def test_of_nested_jmeter_samples_each_request_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "jtl"
    one = '<httpSample t="5" ts="{ts}000" s="{s}" rc="{rc}" rm="{rm}" lb="a"'
    ok = one.format(ts=100, s="true", rc=200, rm="OK")
    bad = one.format(ts=101, s="false", rc=503, rm="Service Unavailable")
    path.write_text(
        f'<?xml version="1.0"?><testResults version="1.2">{ok}>{ok}/></httpSample>'
        f'<sample t="9" ts="102000" s="false" rc="" rm="Number of samples in transaction : 2" lb="t">'
        f'{ok}/>{bad}/></sample><sample t="1" ts="103000" s="true" rc="200" rm="OK" lb="jdbc"/></testResults>'
    )
    assert counts(read_run(path)) == {"ok": 3, "503": 1}


def test_both_outputs_of_one_run_agree() -> None:
    csv, lines = (read_run(FILES / name).samples for name in ("k6.csv", "k6.json.gz"))
    n = len(csv) - 1
    assert csv.duration_ms[:n] == pytest.approx(lines.duration_ms[:n])
    assert csv.outcome.to_list()[:n] == lines.outcome.to_list()[:n]
    csv, lines = (read_run(FILES / name).samples for name in ("vegeta.csv", "vegeta.json"))
    assert csv.start_s == pytest.approx(lines.start_s)
    assert csv.outcome.to_list() == lines.outcome.to_list()


def test_texts_of_locust_failures_beside_the_history_are_used(tmp_path: Path) -> None:
    history = tmp_path / "out_stats_history.csv"
    history.write_text(
        "Timestamp,User Count,Type,Name,Total Request Count,Total Failure Count\n"
        "100,1,GET,a,4,1\n100,1,,Aggregated,4,1\n101,2,GET,a,10,3\n101,2,,Aggregated,10,3\n"
    )
    assert "status" in read_run(history).lacks
    (tmp_path / "out_failures.csv").write_text(
        "Method,Name,Error,Occurrences,First Seen,Last Seen\n"
        "GET,a,HTTPError('503 Server Error: x for url: /a'),2,1970-01-01T00:01:40Z,1970-01-01T00:01:41Z\n"
        "GET,a,\"ConnectionRefusedError(111, 'Connection refused')\",1,,\n"
    )
    run = read_run(history)
    assert counts(run) == {"ok": 7, "503": 2, "refused": 1}
    assert "status" not in run.lacks
