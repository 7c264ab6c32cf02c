"""Conduct: an experiment from its file to its arms, on a target that is there already."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console
from rich.text import Text

from analysis.experiment.arms import Arm
from analysis.experiment.report import About
from analysis.suspects import known_suspects
from commands.arms import Place, Switch, run_arms
from commands.changed_note import ChangedNote
from commands.changes import change_of
from commands.interrupts import Interrupts
from commands.preflight import check_before_load
from commands.run import where
from recording.errors import UsageError
from recording.folder import make_folder, named
from scenarios.experiment import FIRST, Experiment, State, arms_of, load_experiment, order_of
from scenarios.load import Plan
from scenarios.overrides import duration_s
from scenarios.scenario import Scenario, load_scenario
from scenarios.target import Target
from scenarios.yaml_file import nearest

USUAL_SEED = 1


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
    measure: Literal["error_rate", "p99"] | None = None
    """Judge it by this instead of what its file says."""


class Prepared(NamedTuple):
    """An experiment that was read and fits its scenario; nothing has been sent yet."""

    experiment: Experiment
    file: Path
    scenarios: Mapping[State, Scenario]
    order: list[State]
    about: About


class At(NamedTuple):
    """Where it is conducted: the target as it can be reached now, and who notes what is changed there."""

    target: Target
    own_lab: bool
    note: ChangedNote
    signals: Interrupts
    console: Console


class Measured(NamedTuple):
    """The arms that were recorded, whether somebody interrupted them, and where they lie."""

    arms: list[Arm]
    interrupted: bool
    folder: Path


def prepare(name: str, options: Options) -> Prepared:
    """Read an experiment and what it needs.

    Raises:
        UsageError: one of the files is wrong, or they do not fit together.
    """
    experiment, file = _loaded(name, options)
    scenarios = arms_of(load_scenario(options.scenario), experiment, options.users)
    order = order_of(experiment.pairs, options.seed)
    about = _about(experiment, name, options, scenarios[FIRST].plan(), datetime.now(UTC))
    return Prepared(experiment, file, scenarios, order, about)


def measure(prepared: Prepared, options: Options, at: At) -> Measured:
    """Run the arms; however that ends, the first state is restored.

    Raises:
        UsageError: the change cannot be made there; nothing was sent.
        RefusedError: it would call a host that is not allowed.
        ChangeError: the change could not be made, or not be taken back.
    """
    for scenario in prepared.scenarios.values():
        check_before_load(scenario, at.target, processes=1)
    change = change_of(prepared.experiment, at.target, own_lab=at.own_lab)
    place = Place(
        at.target, options.target, made(options.folder.resolve() / prepared.about.id, "--experiments-dir")
    )
    _announce(at, prepared.about, len(prepared.order))
    switch = Switch(change, at.note, prepared.file, place, at.signals)
    with switch.back_at_the_end(at.console):
        arms, interrupted = run_arms(
            prepared.experiment, prepared.scenarios, prepared.order, place, switch, at.console
        )
    return Measured(arms, interrupted, place.folder)


def experiment_of(name: str) -> tuple[Experiment, Path]:
    """An experiment about somebody in the suspects' table, and its file.

    Raises:
        UsageError: no such experiment, mistakes in it, or a suspect that nobody knows.
    """
    experiment, file = load_experiment(name)
    known = {suspect.name for suspect in known_suspects()}
    if experiment.suspect not in known:
        raise UsageError(
            f"{file}: suspect: found {experiment.suspect!r}{nearest(experiment.suspect, sorted(known))}"
        )
    return experiment, file


def _loaded(name: str, options: Options) -> tuple[Experiment, Path]:
    experiment, file = experiment_of(name)
    arm_s = None if options.arm is None else duration_s(options.arm, "--arm")
    if arm_s is not None and not 2 <= arm_s <= 3600:
        raise UsageError(f"--arm {options.arm!r}: expected 2s to 1h")
    given = {"arm_s": arm_s, "pairs": options.pairs, "measure": options.measure}
    changes = {key: value for key, value in given.items() if value is not None}
    return experiment.model_copy(update=changes), file


def _about(experiment: Experiment, name: str, options: Options, plan: Plan, started: datetime) -> About:
    titles = {suspect.name: suspect.title for suspect in known_suspects()}
    return About(
        id=named(started, experiment.name),
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
        command=command_of(name, options),
    )


def command_of(name: str, options: Options) -> str:
    """The line to type for the same experiment."""
    words = ["loadverdict", "experiment", name]
    given = (
        ("--scenario", options.scenario, "steps"),
        ("--target", options.target, "lab"),
        ("--fault", options.fault, None),
        ("--users", options.users, None),
        ("--seed", options.seed, USUAL_SEED),
    )
    return shlex.join([*words, *typed(given)])


def typed(given: Sequence[tuple[str, object, object]]) -> list[str]:
    """Options as words of a command line, from (option, value, usual value); usual ones are left out."""
    told = ((option, value) for option, value, usual in given if value is not None and value != usual)
    return [word for option, value in told for word in (option, str(value))]


def made(folder: Path, option: str) -> Path:
    """The folder, made for its owner alone.

    Raises:
        UsageError: it cannot be made, or is there already; `option` chooses another.
    """
    try:
        make_folder(folder.parent)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}; choose another with {option}") from error
    return folder


def _announce(at: At, about: About, arms: int) -> None:
    length_s = arms * (about.arm_s + about.warm_up_s)
    at.console.print(
        Text(
            f"experiment {about.experiment} → {where(at.target)}: {about.title}\n{arms} arms at "
            f"{about.level:g} {about.unit}, about {length_s:.0f} s of load; first state and changed by turns"
        )
    )
