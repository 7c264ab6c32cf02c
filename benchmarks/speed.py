"""How long a diagnosis takes, against the shell pipeline that people use today on the same file.

    python -m benchmarks.speed [--rows 1000,1000000,10000000] [--folders 1000,10000000] [--repeat 3]
    python -m benchmarks.speed --rows 100000000 --folders 100000000 --repeat 1 --without-shell

Makes the files in a temporary folder (--in FOLDER chooses where; 100 million rows need 4 GB), and removes
them. Both commands run in turn; the counts of the shell must be those of the verdict, or this fails. The
first line says how fast Python runs at that moment: a virtual machine differs from itself by a factor of two.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.big_files import write_csv, write_folder

SHELL = """
set -euo pipefail
cut -d, -f2 "$1" | tail -n +2 | sort | uniq -c | sort -rn
echo ---
awk -F, 'NR > 1 && ($2 == 0 || $2 >= 400) {
           n++; sum += $3; if (n == 1 || $3 < least) least = $3; if ($3 > most) most = $3 }
         END { printf "%d %.1f %.1f %.1f\\n", n, least, sum / n, most }' "$1"
echo ---
awk -F, 'NR > 1 && ($2 == 0 || $2 >= 400) { count[int($4 / 10) * 10]++ }
         END { for (w in count) print w, count[w] }' "$1" | sort -n
"""
"""The quick diagnosis by hand: distribution of codes; count, least, mean and most of the errors' durations;
errors per ten seconds. Failures without an answer (000) are counted in, which the usual script forgets."""

_USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Users keep their compiled modules; where that is switched off, most of a small run would be compiling."""

HEADER = "| input | command | wall s | CPU s | peak MB |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took: seconds of wall time and of CPU, megabytes at its peak, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str


def measured(command: Sequence[str]) -> Cost:
    """Run a command to its end, its children included.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryFile("w+") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, text=True, env=_USUAL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)[:200]} ended with {process.returncode}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def best_of(repeat: int, *runs: Callable[[], Cost]) -> list[Cost]:
    """Each run several times, in turn; of each the quickest."""
    found = [[run() for run in runs] for _ in range(repeat)]
    return [min(costs, key=lambda cost: cost.wall_s) for costs in zip(*found, strict=True)]


def diagnosis(path: Path, out: Path) -> Cost:
    """`loadverdict diagnose` as a process of its own, start-up, pictures and page included."""
    return measured([sys.executable, "-m", "commands.main", "diagnose", str(path), "--out", str(out)])


def by_hand(path: Path) -> Cost:
    """The shell pipeline."""
    return measured(["bash", "-c", SHELL, "quick-diagnosis", str(path)])


def compare(shell: str, printed: str, verdict: dict[str, object]) -> None:
    """Fail if any figure of the shell differs from ours.

    Raises:
        SystemExit: it does.
    """
    codes, errors, windows = shell.split("---\n")
    theirs = {code.zfill(3): int(n) for n, code in (line.split() for line in codes.splitlines())}
    ours = {
        code: int(n.replace(",", ""))
        for n, code in re.findall(r"^ +([\d,]+) +[\d.]+% +(\d{3})(?: |$)", printed, re.MULTILINE)
    }
    found = re.search(
        r"^errors: ([\d,]+); least ([\d.]+) ms, mean ([\d.]+) ms, most ([\d.]+) ms", printed, re.M
    )
    told = " ".join(found.groups()).replace(",", "") if found else "nothing"
    in_windows = sum(int(line.split()[1]) for line in windows.splitlines())
    if theirs != ours or errors.strip() != told or in_windows != verdict["errors"]:
        sys.exit(f"the counts differ: {theirs} and {ours}; {errors.strip()} and {told}; {in_windows}")


def row(name: str, command: str, cost: Cost) -> str:
    """One line of the table; what bash reports as its peak is that of the process it was started from."""
    peak = f"{cost.peak_mb:,.0f}" if command == "loadverdict" else "–"
    return f"| {name} | {command} | {cost.wall_s:.2f} | {cost.cpu_s:.2f} | {peak} |"


def csv_rows(rows: int, whole: bool, options: argparse.Namespace, folder: Path) -> None:
    """A CSV, by hand and by us."""
    path, out = folder / "results.csv", folder / "report"
    write_csv(path, rows, options.seed, users=not whole, whole=whole)
    kind = "whole seconds, no users" if whole else "with users"
    name = f"{rows:,} rows, {kind}, {path.stat().st_size >> 20} MB"
    runs: list[Callable[[], Cost]] = [lambda: diagnosis(path, out)]
    runs += [] if options.without_shell else [lambda: by_hand(path)]
    ours, *others = best_of(options.repeat, *runs)
    for shell in others:
        compare(shell.output, ours.output, json.loads((out / "verdict.json").read_text()))
        print(row(name, "shell", shell), flush=True)
    print(row(name, "loadverdict", ours), flush=True)
    path.unlink()


def folder_rows(rows: int, options: argparse.Namespace, folder: Path) -> None:
    """A run folder with accounts and endpoints."""
    path = folder / f"run-{rows}"
    write_folder(path, rows, options.seed)
    size = (path / "samples.parquet").stat().st_size >> 20
    (cost,) = best_of(options.repeat, lambda: diagnosis(path, folder / "report"))
    print(row(f"run folder, {rows:,} rows, {size} MB", "loadverdict", cost), flush=True)
    (path / "samples.parquet").unlink()


def lengths(text: str) -> list[int]:
    """Numbers with commas between them; none is fine."""
    return [int(n) for n in text.split(",") if n]


def python_s(additions: int = 5_000_000) -> float:
    """Seconds that so many additions take now."""
    begin, total = time.perf_counter(), 0
    for number in range(additions):
        total += number
    return time.perf_counter() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=lengths, default="1000,1000000,10000000", help="of CSV files")
    parser.add_argument("--folders", type=lengths, default="1000,10000000", help="of run folders")
    parser.add_argument("--repeat", type=int, default=3, help="the quickest of so many counts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-shell", action="store_true")
    parser.add_argument("--in", dest="folder", type=Path, help="where the files are made")
    options = parser.parse_args()
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    print(f"{load}, 5 million additions in {python_s():.2f} s\n\n{HEADER}", flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for rows in options.rows:
            for whole in (False, True):
                csv_rows(rows, whole, options, Path(name))
        for rows in options.folders:
            folder_rows(rows, options, Path(name))


if __name__ == "__main__":
    main()
