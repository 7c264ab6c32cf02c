"""`loadverdict diagnose`: a run folder or a foreign file becomes verdict.json, a report and a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from analysis.case_table import case_table
from analysis.diagnose import judged
from analysis.gate import validity_code
from analysis.render.drawing import Drawing
from analysis.render.terminal import print_verdict
from analysis.render.write import write_figures, write_report
from analysis.slo.grammar import CASE_SLO, parse_slo
from analysis.verdict import Verdict
from commands.all_runs import keep_index, runs_dir_of
from recording.errors import IncompleteError, UsageError
from recording.folder import RunFolder, find_run, folder_of_findings, is_run_folder
from recording.follow import Follower
from recording.logs import finish
from recording.reader import read_run
from recording.run import Run

WAIT_LIMIT_S = 30


def diagnose_path(
    path: str,
    out: Path | None,
    runs_dir: Path,
    *,
    as_json: bool,
    wait: bool = False,
    drawing: Drawing | None = None,
) -> int:
    """Diagnose, write the report, print the summary; returns the exit code."""
    found = find_run(path, runs_dir)
    if wait:
        _wait_for_end(RunFolder(found))

    def tell(diagnosis: Diagnosis) -> None:
        show(diagnosis, as_json=as_json)
        if not as_json and diagnosis.run.source == "case_csv":
            sys.stdout.write("\n" + case_table(diagnosis.run))
        sys.stdout.flush()

    try:
        diagnosis = write_diagnosis(found, out, drawing=drawing, tell=tell)
    except UnwrittenError as error:
        if not error.is_told:
            _show(error.diagnosis.verdict, None, Console(), as_json=as_json)
        raise
    if is_run_folder(found):
        keep_index(found, runs_dir_of(found, runs_dir), Console(quiet=as_json))
    return validity_code(diagnosis.verdict)


class Diagnosis(NamedTuple):
    """A run, what was found out about it, and where report.html is (once it was drawn)."""

    run: Run
    verdict: Verdict
    report: Path


class UnwrittenError(UsageError):
    """The report cannot be written.

    Attributes:
        diagnosis: what would be in it.
        is_told: whether the answer has been told already.
    """

    def __init__(self, diagnosis: Diagnosis, folder: Path, error: OSError, *, is_told: bool) -> None:
        super().__init__(f"cannot write the report into {folder}: {error.strerror}; choose --out")
        self.diagnosis = diagnosis
        self.is_told = is_told


@contextmanager
def shown_if_unwritten(console: Console, *, as_json: bool) -> Iterator[None]:
    """Print the answer of a run whose report finds no room on the disk: the terminal has some.

    Raises:
        IncompleteError: the report cannot be written.
    """
    try:
        yield
    except UnwrittenError as error:
        _show(error.diagnosis.verdict, None, console, as_json=as_json)
        raise IncompleteError(
            f"{error}, or make room, and 'loadverdict diagnose {error.diagnosis.run.id}' writes it"
        ) from error


def write_diagnosis(
    path: Path,
    out: Path | None = None,
    *,
    draw: bool = True,
    drawing: Drawing | None = None,
    tell: Callable[[Diagnosis], None] | None = None,
) -> Diagnosis:
    """Read, judge and write; with or without the report and its pictures, which `drawing` may draw.

    `tell` is called as soon as the answer is known and written, before the pictures are.

    Raises:
        UnwrittenError: the report cannot be written.
    """
    if is_run_folder(path) and is_over(RunFolder(path)):
        with suppress(OSError):  # the logs say as much; that there is no room, the report says
            finish(RunFolder(path))
    run = read_run(path)
    verdict, cut = judged(run, slo_of(run))
    folder = out or folder_of_findings(path)
    diagnosis = Diagnosis(run, verdict, folder / "report.html")
    is_told = False

    def told() -> None:
        nonlocal is_told
        if tell is not None:
            tell(diagnosis)
            is_told = True

    try:
        if draw:
            write_report(verdict, cut, folder, drawing, told)
        else:
            write_figures(verdict, cut, folder)
    except OSError as error:
        raise UnwrittenError(diagnosis, folder, error, is_told=is_told) from error
    return diagnosis


def slo_of(run: Run) -> tuple[str, ...]:
    """The targets of the run's own scenario, or the default ones.

    Raises:
        UsageError: somebody wrote something else into scenario.yaml.
    """
    slo = run.scenario.get("slo", CASE_SLO)
    if not (isinstance(slo, list | tuple) and all(isinstance(target, str) for target in slo)):
        raise UsageError(f"{run.id}/scenario.yaml: slo: a list of texts is expected, as 'error_rate < 5 %'")
    try:
        for target in slo:
            parse_slo(target)
    except ValueError as error:
        raise UsageError(f"{run.id}/scenario.yaml: slo: {error}") from error
    return tuple(slo)


def is_over(folder: RunFolder) -> bool:
    """Whether a run has ended and its logs have not been turned into Parquet yet."""
    if folder.samples_parquet.exists() or not folder.samples_dir.exists():
        return False
    return bool(folder.manifest().get("end_utc")) and Follower(folder).look().ended


def show(diagnosis: Diagnosis, *, as_json: bool) -> None:
    """Print the verdict for a person or for a machine."""
    _show(diagnosis.verdict, diagnosis.report, Console(), as_json=as_json)


def _show(verdict: Verdict, report: Path | None, console: Console, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(verdict.to_json())
    else:
        print_verdict(verdict, console, report)


def _wait_for_end(folder: RunFolder) -> None:
    deadline = time.monotonic() + WAIT_LIMIT_S
    while time.monotonic() < deadline and not is_over(folder):
        time.sleep(0.2)
