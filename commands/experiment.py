"""`loadverdict experiment`: one thing changed between arms of equal load; does it take the errors away?"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.experiment.judge import judge
from analysis.experiment.report import ExperimentReport
from analysis.render.experiment_terminal import print_experiment
from analysis.render.experiment_write import write_experiment
from commands.all_runs import keep_index
from commands.changed_note import ChangedNote, same_file
from commands.changes import change_of, is_lab_at
from commands.conduct import At, Options, measure, prepare
from commands.interrupts import interrupts
from commands.with_lab import reachable
from recording.errors import NoDataError, UsageError
from scenarios.experiment import experiment_names, load_experiment
from scenarios.target import load_target

MET, INTERRUPTED, INVALID, NO_DATA = 0, 3, 4, 6


def run_experiment(name: str, options: Options, runs_dir: Path, *, as_json: bool) -> int:
    """Run the arms, judge them, write and print the report; returns the exit code."""
    console = Console(stderr=as_json)
    note = ChangedNote(options.folder)
    prepared = prepare(name, options)
    target = load_target(options.target)
    with note.alone(), interrupts() as signals, reachable(target, options.fault, console) as there:
        at = At(there, target.is_lab, note, signals, console)
        measured = measure(prepared, options, at)
    if not measured.arms:
        raise NoDataError("the experiment was interrupted before anything was measured")
    report = judge(measured.arms, prepared.about)
    write_experiment(report, measured.folder)
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        print_experiment(report, Console(), measured.folder / "experiment.html")
    keep_index(measured.folder, runs_dir, console)
    return exit_code(report, measured.interrupted)


def exit_code(report: ExperimentReport, interrupted: bool) -> int:
    """0 with an answer, and also where there is none though everything went as planned."""
    if interrupted or not report.complete:
        return INTERRUPTED
    if not any(arm.requests for arm in report.arms):
        return NO_DATA
    return MET if report.valid else INVALID


def list_experiments(console: Console) -> int:
    """Print every experiment with what it is about."""
    for name in experiment_names():
        experiment, _ = load_experiment(name)
        console.print(
            Text.assemble((f"{name:<20}", "bold"), f"{experiment.title} (suspect: {experiment.suspect})")
        )
    console.print(Text("run one with: loadverdict experiment NAME", style="dim"))
    return MET


def restore(folder: Path) -> int:
    """Take back what a killed experiment left changed.

    Raises:
        UsageError: the experiment is still at work, or its file is no longer what it was.
        ChangeError: the change could not be taken back.
    """
    note = ChangedNote(folder)
    found = note.read()
    if found is None:
        print("nothing is changed")
        return MET
    if found.at_work:
        raise UsageError(
            f"{found.in_words} and is still at work (pid {found.pid}): interrupt it, it restores by itself"
        )
    if not same_file(found):
        raise UsageError(
            f"{found.in_words}, and {found.experiment} is no longer what it was then; put the target back by "
            f"hand, then remove {folder / 'changed.json'}"
        )
    experiment, _ = load_experiment(str(found.experiment))
    if experiment.way == "lab" and not is_lab_at(found.base_url):
        note.remove()
        print(f"{found.in_words}; that lab is gone, and the change with it")
        return MET
    target = load_target(found.target).at(found.base_url, None)
    with interrupts() as signals, signals.held(last=True):
        change_of(experiment, target, own_lab=False, before=found.before).undo()
    note.remove()
    print(f"restored: {found.in_words}, and that is taken back")
    return MET
