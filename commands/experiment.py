"""`loadverdict experiment`: one thing changed between arms of equal load; does it take the errors away?"""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from analysis.experiment.judge import judge
from analysis.experiment.report import About, ExperimentReport
from analysis.render.experiment_terminal import print_experiment
from analysis.render.experiment_write import write_experiment
from analysis.suspects import known_suspects
from commands.arms import Place, Switch, run_arms
from commands.changed_note import ChangedNote, same_file
from commands.changes import change_of, is_lab_at
from commands.interrupts import interrupts
from commands.preflight import check_before_load
from commands.with_lab import reachable
from recording.errors import NoDataError, UsageError
from scenarios.experiment import FIRST, Experiment, arms_of, experiment_names, load_experiment, order_of
from scenarios.load import Plan
from scenarios.overrides import duration_s
from scenarios.scenario import load_scenario
from scenarios.target import load_target
from scenarios.yaml_file import nearest

USUAL_SEED = 1
MET, INTERRUPTED, INVALID, NO_DATA = 0, 3, 4, 6


class Options(NamedTuple):
    """What the command line says beside the experiment's name."""

    scenario: str
    target: str
    fault: str | None
    users: int | None
    arm: str | None
    pairs: int | None
    seed: int
    folder: Path


def run_experiment(name: str, options: Options, *, as_json: bool) -> int:
    """Run the arms, judge them, write and print the report; returns the exit code."""
    console = Console(stderr=as_json)
    experiment, file = _loaded(name, options)
    note = ChangedNote(options.folder)
    scenarios = arms_of(load_scenario(options.scenario), experiment, options.users)
    target = load_target(options.target)
    order = order_of(experiment.pairs, options.seed)
    started = datetime.now(UTC)
    about = _about(experiment, name, options, scenarios[FIRST].plan(), started)
    with note.alone(), interrupts() as signals, reachable(target, options.fault, console) as there:
        for scenario in scenarios.values():
            check_before_load(scenario, there, processes=1)
        change = change_of(experiment, there, own_lab=target.is_lab)
        folder = _made(options.folder, about.id)
        place = Place(there, options.target, folder)
        _announce(console, about, len(order))
        switch = Switch(change, note, file, place, signals)
        with switch.back_at_the_end(console):
            arms, interrupted = run_arms(experiment, scenarios, order, place, switch, console)
    if not arms:
        raise NoDataError("the experiment was interrupted before anything was measured")
    report = judge(arms, about)
    write_experiment(report, folder)
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        print_experiment(report, Console(), folder / "experiment.html")
    return exit_code(report, interrupted)


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


def _loaded(name: str, options: Options) -> tuple[Experiment, Path]:
    experiment, file = load_experiment(name)
    known = {suspect.name for suspect in known_suspects()}
    if experiment.suspect not in known:
        raise UsageError(
            f"{file}: suspect: found {experiment.suspect!r}{nearest(experiment.suspect, sorted(known))}"
        )
    given = {
        "arm_s": None if options.arm is None else duration_s(options.arm, "--arm"),
        "pairs": options.pairs,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    if not 2 <= changes.get("arm_s", 2) <= 3600:
        raise UsageError(f"--arm {options.arm!r}: expected 2s to 1h")
    return experiment.model_copy(update=changes), file


def _about(experiment: Experiment, name: str, options: Options, plan: Plan, started: datetime) -> About:
    titles = {suspect.name: suspect.title for suspect in known_suspects()}
    return About(
        id=f"{started.strftime('%Y%m%dT%H%M%SZ')}-{experiment.name}",
        experiment=experiment.name,
        title=experiment.title,
        suspect=experiment.suspect,
        suspect_title=titles[experiment.suspect],
        change=experiment.change,
        measure=experiment.measure,
        scenario=options.scenario,
        target=options.target,
        level=plan.peak_level,
        unit=plan.unit,
        seed=options.seed,
        arm_s=experiment.arm_s,
        warm_up_s=experiment.warm_up_s,
        pairs=experiment.pairs,
        started_utc=started.isoformat(timespec="seconds"),
        command=_command(name, options),
    )


def _command(name: str, options: Options) -> str:
    words = ["loadverdict", "experiment", name]
    given = (
        ("--scenario", options.scenario, "steps"),
        ("--target", options.target, "lab"),
        ("--fault", options.fault, None),
        ("--users", options.users, None),
        ("--seed", options.seed, USUAL_SEED),
    )
    for option, value, usual in given:
        if value is not None and value != usual:
            words += [option, str(value)]
    return shlex.join(words)


def _made(parent: Path, name: str) -> Path:
    folder = parent.resolve() / name
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"cannot make {folder}: {error.strerror}; choose another with --experiments-dir"
        ) from error
    return folder


def _announce(console: Console, about: About, arms: int) -> None:
    length_s = arms * (about.arm_s + about.warm_up_s)
    console.print(
        Text(
            f"experiment {about.experiment}: {about.title}\n{arms} arms at {about.level:g} {about.unit}, "
            f"about {length_s:.0f} s of load; first state and changed by turns"
        )
    )
