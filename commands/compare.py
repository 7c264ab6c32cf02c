"""`loadverdict compare`: two runs of one scenario; what became better, worse, or neither."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from analysis.comparison.judge import compare
from analysis.comparison.report import Comparison
from analysis.comparison.seen import Seen, seen
from analysis.render.comparison_terminal import print_comparison
from analysis.render.comparison_write import write_comparison
from recording.errors import UsageError
from recording.folder import find_run, folder_of_findings
from recording.reader import read_run

SAME, WORSE, INCOMPLETE, INVALID, NO_DATA = 0, 1, 3, 4, 6


def compare_paths(
    base: str, new: str, runs_dir: Path, out: Path | None, *, anyway: bool, as_json: bool
) -> int:
    """Compare, write and print; returns the exit code.

    Raises:
        UsageError: the runs are not alike, or the report cannot be written.
    """
    paths = [[find_run(name, runs_dir) for name in _names(side)] for side in (base, new)]
    sides = [[_seen(path) for path in side] for side in paths]
    report = compare(*sides)
    if report.unlike and not anyway:
        differences = "; ".join(f"{one.what}: {one.base} and {one.new}" for one in report.unlike)
        raise UsageError(
            f"these runs are not alike ({differences}), so a difference would not tell what the change did; "
            "compare runs of one scenario, load, target and generator, or say --anyway"
        )
    folder = out or folder_of_findings(paths[-1][-1])
    try:
        write_comparison(report, folder)
    except OSError as error:
        raise UsageError(f"cannot write the report into {folder}: {error.strerror}; choose --out") from error
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        print_comparison(report, Console(), folder / "comparison.html")
    return exit_code(report)


def exit_code(report: Comparison) -> int:
    """1 where something is worse; 6, 4 or 3 where a side has no data, is invalid or incomplete; else 0."""
    if not (report.base.requests and report.new.requests):
        return NO_DATA
    if not report.valid:
        return INVALID
    if not report.complete:
        return INCOMPLETE
    return WORSE if report.answer in ("worse", "mixed") else SAME


def _names(side: str) -> Sequence[str]:
    names = [name.strip() for name in side.split(",") if name.strip()]
    if not names:
        raise UsageError("name a run, or several with commas between them")
    return names


def _seen(path: Path) -> Seen:
    return seen(read_run(path))
