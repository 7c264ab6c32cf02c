"""Registry: which file is read by whom, recognised by content alone; and files that are refused, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recording.case_csv import is_case_csv, read_case_csv
from recording.errors import UsageError
from recording.foreign import (
    jmeter_csv,
    jmeter_xml,
    k6,
    locust_sums,
    node_sums,
    printed,
    small_logs,
    vegeta,
)
from recording.foreign.head import has_columns, head_of
from recording.run import Run

Detect = Callable[[bytes], bool]
Read = Callable[[Path], Run]


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be read: `detect` looks at the first 64 kB."""

    name: str
    detect: Detect
    read: Read


@dataclass(frozen=True, slots=True)
class Refusal:
    """A format that is known and not read: why, and what to give instead."""

    name: str
    detect: Detect
    sentence: str


def _holds(*words: bytes) -> Detect:
    return lambda head: all(word in head for word in words)


def _names(*columns: str, delimiter: str = ",") -> Detect:
    return lambda head: has_columns(head, *columns, delimiter=delimiter)


def _begins(pattern: bytes) -> Detect:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda head: compiled.match(head) is not None


FORMATS: tuple[Format, ...] = (
    Format("case_csv", is_case_csv, read_case_csv),
    Format("taurus", jmeter_csv.is_taurus, jmeter_csv.read_taurus),
    Format("jmeter_xml", jmeter_xml.is_jmeter_xml, jmeter_xml.read_jmeter_xml),
    Format("k6_csv", k6.is_k6_csv, k6.read_k6_csv),
    Format("k6_json", k6.is_k6_json, k6.read_k6_json),
    Format("vegeta_csv", vegeta.is_vegeta_csv, vegeta.read_vegeta_csv),
    Format("vegeta_json", vegeta.is_vegeta_json, vegeta.read_vegeta_json),
    Format("hey_csv", small_logs.is_hey_csv, small_logs.read_hey_csv),
    Format("h2load_log", small_logs.is_h2load_log, small_logs.read_h2load_log),
    Format("locust_requests", small_logs.is_locust_requests, small_logs.read_locust_requests),
    Format("locust_history", locust_sums.is_locust_history, locust_sums.read_locust_history),
    Format("locust_stats", locust_sums.is_locust_stats, locust_sums.read_locust_stats),
    Format("locust_json", locust_sums.is_locust_json, locust_sums.read_locust_json),
    Format("artillery", node_sums.is_artillery, node_sums.read_artillery),
    Format("autocannon", node_sums.is_autocannon, node_sums.read_autocannon),
    Format("k6_summary", _holds(b'"metrics"', b'"http_reqs"', b'"root_group"'), printed.read_k6_summary),
    Format("ab", _holds(b"This is ApacheBench", b"Complete requests:"), printed.read_ab),
    Format("wrk", _holds(b"threads and", b"Thread Stats", b"requests in"), printed.read_wrk),
    Format(
        "hey_summary",
        _holds(b"Summary:", b"Requests/sec:", b"Status code distribution:"),
        printed.read_hey_summary,
    ),
    Format("h2load_summary", _holds(b"starting benchmark...", b"status codes:"), printed.read_h2load_summary),
    Format("siege", _holds(b'"failed_transactions"', b'"availability"'), printed.read_siege),
    Format("jmeter_csv", jmeter_csv.is_jmeter_csv, jmeter_csv.read_jmeter_csv),
)
"""No two claim the same file; the first that does reads it."""

REFUSED: tuple[Refusal, ...] = (
    Refusal(
        "Gatling's binary simulation.log",
        _begins(rb"\x00\x00\x00\x00[\x05-\x14]\d+\.\d+|\x00.{0,8}\d+\.\d+\.\d+"),
        "it has no status codes and only Gatling's own reader can open it; let a check write what you need, "
        "or record the run with loadverdict",
    ),
    Refusal(
        "Gatling's text simulation.log",
        _begins(rb"RUN\t"),
        "it is not read yet; give a JTL, k6, Vegeta or Locust file",
    ),
    Refusal(
        "the -g file of ab (ApacheBench)",
        _names("starttime", "seconds", "ctime", "dtime", "ttime", "wait", delimiter="\t"),
        "it does not tell which requests failed; give what ab printed, for the counts",
    ),
    Refusal(
        "the -e file of ab (ApacheBench)",
        _begins(rb"Percentage served,"),
        "it holds percentiles only; give what ab printed, for the counts",
    ),
    Refusal(
        "Locust's failures.csv",
        _names("Method", "Name", "Error", "Occurrences"),
        "it lacks the requests that went well; give the stats_history.csv beside it, or better the file of "
        "locust.contrib.csv_request_logger",
    ),
    Refusal(
        "Locust's exceptions.csv",
        _names("Count", "Message", "Traceback"),
        "it holds exceptions of the script, not requests; give the stats_history.csv beside it",
    ),
    Refusal(
        "the log of siege, one line per run",
        _names("Date & Time", "Trans", "OKAY", "Failed"),
        "it holds several runs; give the JSON that siege -j prints",
    ),
    Refusal(
        "Taurus's final statistics",
        lambda head: has_columns(head, "label", "avg_rt", "succ", "fail") or b"<FinalStatus" in head[:400],
        "give kpi.jtl of the same folder, which has every request",
    ),
    Refusal(
        "oha's CSV",
        _names("request-start", "request-duration", "status"),
        "it is not read yet and lacks failed requests; give a JTL, k6, Vegeta or Locust file",
    ),
    Refusal(
        "the binary (gob) file of vegeta attack",
        _holds(b"Attack", b"Latency", b"BytesOut", b"\xff"),
        "turn it into CSV first: vegeta encode -to csv",
    ),
)


def read_foreign(path: Path) -> Run:
    """Read a file of another tool.

    Raises:
        NoDataError: it is empty, or holds no request.
        UsageError: it is damaged, or in a format that is unknown or refused.
    """
    head = head_of(path)
    for known in FORMATS:
        if known.detect(head):
            return known.read(path)
    for refused in REFUSED:
        if refused.detect(head):
            raise UsageError(f"{path} is {refused.name}: {refused.sentence}")
    raise UsageError(
        f"{path} is in no known format; expected a run folder, a CSV with the header "
        "request_id,http_code,duration_ms,timestamp, or a result file of another tool (docs/formats.md)"
    )
