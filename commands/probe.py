"""`loadverdict probe`: the quick diagnosis that people do by hand, without the weaknesses of the script."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from analysis.case_table import case_table
from analysis.gate import validity_code
from commands.all_runs import keep_index
from commands.diagnose import show, shown_if_unwritten, write_diagnosis
from commands.preflight import check_before_load
from commands.run import record
from commands.with_lab import reachable
from recording.case_csv import write_case_csv
from recording.errors import IncompleteError
from recording.folder import RunFolder, replacing
from scenarios.scenario import load_scenario
from scenarios.target import load_target

SCENARIO = "probe"


def run_probe(target_name: str, fault: str | None, runs_dir: Path, *, as_json: bool) -> int:
    """Send the requests, write the CSV, print the tables and the verdict; returns the exit code."""
    console = Console(stderr=as_json)
    scenario, target = load_scenario(SCENARIO), load_target(target_name)
    with reachable(target, fault, console) as there:
        check_before_load(scenario, there, processes=1)
        folder = RunFolder.create(runs_dir.resolve(), scenario.name)
        record(scenario, SCENARIO, there, target_name, 1, folder, console)
    with shown_if_unwritten(console, as_json=as_json):
        diagnosis = write_diagnosis(folder.path)
    show(diagnosis, as_json=as_json)
    csv = folder.path / "requests.csv"
    try:
        with replacing(csv) as temporary:
            write_case_csv(diagnosis.run.samples, temporary)
    except OSError as error:
        raise IncompleteError(
            f"cannot write {csv}: {error.strerror}; the run itself is kept in its folder"
        ) from error
    if not as_json:
        sys.stdout.write("\n" + case_table(diagnosis.run) + f"\nevery request: {csv}\n")
        sys.stdout.flush()
    keep_index(folder.path, runs_dir, console)
    return validity_code(diagnosis.verdict)
