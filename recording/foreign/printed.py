"""Printed summaries: what ab, wrk, siege, hey, h2load and k6 say at their end, as counts.

What each line means was checked against a server whose answers were known; see docs/formats.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from recording.errors import UsageError
from recording.foreign.head import opened
from recording.foreign.json_lines import whole_object
from recording.foreign.sums import Sum, sums_run
from recording.json_values import is_number
from recording.run import Run

LONGEST = 4 << 20
NO_REASON = "no answer, reason not told"
_CLASSES = {4: "status of a client error", 5: "status of a server error"}


def _reader(
    source: str, count: Callable[[str], tuple[list[Sum], float | None]], *lacks: str
) -> Callable[[Path], Run]:
    def read(path: Path) -> Run:
        with opened(path) as stream:
            text = stream.read(LONGEST).decode("utf-8", "replace")
        sums, length = count(text)
        return sums_run(path, source, sums, lacks, length_s=length)

    return read


def _number(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    number = float(found.group(1)) if found else None
    return number if is_number(number) else None


def _count(pattern: str, text: str) -> int:
    return int(_number(pattern, text) or 0)


def _ab(text: str) -> tuple[list[Sum], float | None]:
    """Connect, Receive and Exceptions had no answer. Length is no failure of its own: it counts every answer
    as long as the first one was not, failed ones among them."""
    lost = sum(_count(rf"\b{name}: (\d+)", text) for name in ("Connect", "Receive", "Exceptions"))
    other = _count(r"Non-2xx responses:\s+(\d+)", text)
    done = _count(r"Complete requests:\s+(\d+)", text)
    sums = [
        Sum(done - lost - other),
        Sum(other, 0, "status that is no success", True),
        Sum(lost, 0, NO_REASON, True),
    ]
    return sums, _number(r"Time taken for tests:\s+([\d.]+)", text)


def _wrk(text: str) -> tuple[list[Sum], float | None]:
    """Requests are those answered; socket errors come on top, time-outs too."""
    done = _count(r"(\d+) requests in", text)
    other = _count(r"Non-2xx or 3xx responses: (\d+)", text)
    kinds = {name: _count(rf"Socket errors:.*\b{name} (\d+)", text) for name in ("connect", "read", "write")}
    late = _count(r"Socket errors:.*\btimeout (\d+)", text)
    sums = [Sum(done - other), Sum(other, 0, "status that is no success", True)]
    sums += [Sum(n, 0, f"socket {name} error", True) for name, n in kinds.items()]
    return [*sums, Sum(late, 0, "timeout", True)], _number(r"requests in ([\d.]+)s", text)


def _hey(text: str) -> tuple[list[Sum], float | None]:
    """Answers by status and failures by text: complete, unlike hey's CSV."""
    sums = [
        Sum(int(n), int(code), "", int(code) >= 400)
        for code, n in re.findall(r"^\s+\[(\d+)\]\s+(\d+) responses", text, re.MULTILINE)
    ]
    _, _, errors = text.partition("Error distribution:")
    sums += [
        Sum(int(n), 0, words, True)
        for n, words in re.findall(r"^\s+\[(\d+)\]\s+(\S.*)$", errors, re.MULTILINE)
    ]
    return sums, _number(r"Total:\s+([\d.]+) secs", text)


def _h2load(text: str) -> tuple[list[Sum], float | None]:
    """Requests are those started; those that h2load never sent after a connection broke are none."""
    started, done = (_count(rf"(\d+) {word}\b", text) for word in ("started", "done"))
    by_class = {int(c): int(n) for n, c in re.findall(r"(\d+) ([2345])xx", text)}
    sums = [Sum(by_class.get(2, 0) + by_class.get(3, 0))]
    sums += [Sum(by_class.get(c, 0), 0, words, True) for c, words in _CLASSES.items()]
    return [*sums, Sum(started - done, 0, NO_REASON, True)], _number(r"finished in ([\d.]+)s", text)


def read_siege(path: Path) -> Run:
    """The JSON of siege -j, which colours and warnings may precede; failures come without reasons."""
    with opened(path) as stream:
        text = stream.read(LONGEST).decode("utf-8", "replace")
    try:
        whole = json.loads(text[text.index("{") :])
        good, failed = int(whole["successful_transactions"]), int(whole["failed_transactions"])
        length = float(whole["elapsed_time"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected the JSON of siege -j, which cannot be read here: {error}"
        ) from error
    sums = [Sum(good), Sum(failed, 0, "failed, kind unknown", True)]
    return sums_run(path, "siege", sums, {"status", "endpoint"}, length_s=length)


read_ab = _reader("ab", _ab, "status", "endpoint")
read_wrk = _reader("wrk", _wrk, "status", "endpoint")
read_hey_summary = _reader("hey_summary", _hey)
read_h2load_summary = _reader("h2load_summary", _h2load, "status")


def read_k6_summary(path: Path) -> Run:
    """Requests and failures in all, from --summary-export."""
    whole = whole_object(path, "k6")
    try:
        metrics = whole["metrics"]
        requests = int(metrics["http_reqs"]["count"])
        failures = int(metrics["http_req_failed"]["passes"])
        rate = float(metrics["http_reqs"]["rate"])
        if not all(map(is_number, (requests, failures, rate))):
            raise ValueError("a count without end")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{path}: no http_reqs and http_req_failed in this summary of k6") from error
    sums = [Sum(requests - failures), Sum(failures, 0, "failed, kind unknown", True)]
    return sums_run(path, "k6_summary", sums, {"status"}, length_s=requests / rate if rate > 0 else None)
