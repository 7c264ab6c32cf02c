"""Files of other tools against one server whose answers are known: counts, rates, and what the verdict says.

    python -m benchmarks.foreign_samples PATH [--rivals FOLDER]

PATH holds a folder per tool (jmeter, taurus, k6, hey, ...). The server answered request n by n mod 50: 42
times 200, three 503, two 500, one 401, one held until the client gave up, one reset. Every file must be
read with exactly the requests and failures that its tool counted in its own summary, its failures must be a
stretch of that pattern, and none may be said to rise with load. `--rivals` names a folder with virtual
environments `heimr-ai` and `lysiro`, whose answers on the same files are printed beside.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analysis.diagnose import diagnose
from analysis.verdict import Verdict
from benchmarks.rivals import rivals_table
from recording.errors import LoadverdictError
from recording.reader import read_run
from recording.run import Run

CYCLE = 50
SPECIAL = {0: "hang", 25: "reset", 7: "500", 31: "500", 12: "503", 13: "503", 14: "503", 40: "401"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file holds by its tool's own word.

    Attributes:
        requests: requests, those to a closed port included.
        errors: failures among them.
        source: where the numbers stand.
    """

    requests: int
    errors: int
    source: str


EXPECTED: dict[str, Expected] = {
    "ab/out.txt": Expected(300, 48, "Complete 300; Non-2xx 36, Receive 6, Exceptions 6"),
    "artillery/out.json": Expected(263, 60, "aggregate: codes 401+500+503 = 29, errors 31"),
    "artillery/out_plain.json": Expected(144, 23, "aggregate: codes 18, errors 5"),
    "autocannon/out.json": Expected(300, 48, "sent 300; non2xx 36, errors 12"),
    "h2load/log.tsv": Expected(120, 16, "out.txt: 120 done, 104 succeeded"),
    "h2load/out.txt": Expected(125, 21, "125 started, 104 succeeded"),
    "hey/out.csv": Expected(288, 36, "README: 288 rows; 300 by the pattern less 12 without a row"),
    "hey/summary.txt": Expected(300, 48, "252 x 200; 36 other codes, 12 errors"),
    "jmeter/out.jtl": Expected(306, 54, "17.65 % of 306"),
    "jmeter/out_no_header.jtl": Expected(78, 18, "success false in 18 of 78 lines"),
    "jmeter/out_xml.jtl": Expected(78, 17, 's="false" in 17 of 78 samples'),
    "k6/out.csv": Expected(175, 47, "stdout.txt: 47 out of 175"),
    "k6/out.json.gz": Expected(175, 47, "stdout.txt: 47 out of 175"),
    "k6/out_unix_micro.csv.gz": Expected(175, 45, "http_req_failed 1 in 45 of 175 rows"),
    "k6/summary-export.json": Expected(175, 47, "http_req_failed passes 47"),
    "locust/out_stats.csv": Expected(994, 260, "Aggregated"),
    "locust/out_stats_history.csv": Expected(994, 260, "out_stats.csv, Aggregated"),
    "locust/requests.csv": Expected(328, 78, "an exception in 78 of 328 lines"),
    "locust/summary.json": Expected(1001, 263, "num_requests 875 + 126, num_failures 137 + 126"),
    "siege/out.json": Expected(306, 43, "263 successful, 43 failed"),
    "taurus/kpi.jtl": Expected(527, 124, "stats.csv: succ 403, fail 124"),
    "wrk/out.txt": Expected(302, 45, "293 answered, 36 of them bad; 9 read errors"),
}
"""Each number is that of the tool, none was taken from our own readers."""


def main() -> int:
    """Print the tables; exit code 1 if a count differs or a file is said to rise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--rivals", type=Path, metavar="FOLDER", help="virtual environments to compare with")
    options = parser.parse_args()
    print("file | format | requests | errors | rate | unknown | off pattern | load | bursts | lacks")
    print("---|---|---|---|---|---|---|---|---|---")
    wrong = sum(not _row(options.path, name, expected) for name, expected in EXPECTED.items())
    print(f"\n{len(EXPECTED) - wrong} of {len(EXPECTED)} files agree")
    _refused(options.path)
    if options.rivals:
        rivals_table(options.path, options.rivals)
    return 1 if wrong else 0


def _row(path: Path, name: str, expected: Expected) -> bool:
    """One line of the table, and whether all agrees."""
    run = read_run(path / name)
    verdict = diagnose(run)
    agrees = (verdict.requests, verdict.errors) == (expected.requests, expected.errors)
    agrees &= verdict.load_effect.answer != "rises"
    rate = "unknown" if verdict.error_rate.value is None else f"{verdict.error_rate.value:.2%}"
    counts = _counts(run)
    cells = [
        name,
        run.source,
        str(verdict.requests),
        str(verdict.errors),
        rate,
        f"{counts['unknown'] / max(verdict.errors, 1):.1%}",
        _off(run, verdict, counts),
        verdict.load_effect.answer,
        verdict.temporal.answer,
        ", ".join(sorted(run.lacks - {"readings", "unfinished", "message"})) or "-",
    ]
    marked = "" if agrees else f"  WRONG: expected {expected.requests}, {expected.errors} ({expected.source})"
    print(" | ".join(cells) + marked)
    return agrees


def _counts(run: Run) -> Counter[str]:
    found: Counter[str] = Counter()
    rows = run.samples
    for status, outcome, weight in zip(rows.status, rows.outcome.to_list(), rows.weight, strict=True):
        name = str(status) if outcome == "http_error" and status else outcome
        found["hang" if name.endswith("_timeout") else name] += int(weight)
    return found


def _off(run: Run, verdict: Verdict, counts: Counter[str]) -> str:
    """By how many requests the file differs from the nearest stretch of the server's pattern."""
    if "status" in run.lacks and "ok" in counts and counts["unknown"] == verdict.errors:
        return "cannot tell"
    if run.lacks & {"status"} or counts["unknown"]:
        kinds: list[tuple[str, ...]] = [("ok",)]
    else:
        kinds = [("ok",), ("401",), ("500",), ("503",), ("hang", "closed_early"), ("reset",)]
    if "failed_requests" in run.lacks:
        kinds = kinds[:4]
    reached = verdict.requests - counts["refused"]
    answered = sum(counts[name] for names in kinds for name in names)
    least = None
    for length in {reached, *(range(answered, answered + 30) if "failed_requests" in run.lacks else ())}:
        for first in range(CYCLE):
            pattern = Counter(SPECIAL.get((first + i) % CYCLE, "ok") for i in range(length))
            off = sum(abs(pattern[names[0]] - sum(counts[n] for n in names)) for names in kinds)
            least = off if least is None else min(least, off)
    return str(least)


def _refused(path: Path) -> None:
    """Files that hold no requests, or not what failed: each is one sentence."""
    for file in sorted(path.glob("*/*")):
        name = str(file.relative_to(path))
        if name in EXPECTED:
            continue
        try:
            read_run(file)
            print(f"UNEXPECTED: {name} was read")
        except LoadverdictError as error:
            sentence = str(error).replace(f"{path}/", "")
            if "no known format" not in sentence:
                print(f"- {sentence}")


if __name__ == "__main__":
    sys.exit(main())
