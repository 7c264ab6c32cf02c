"""Trials: the experiments of an investigation one after another, until one supports or the time is over."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from rich.text import Text

from analysis import phrases
from analysis.experiment.judge import judge, what_moved
from analysis.experiment.report import ExperimentReport
from analysis.investigation.plan import Choice, Outcome, Possible, Step, Tried, following, remaining, takes_s
from analysis.investigation.report import Trial
from analysis.investigation.seen import of_another_kind
from analysis.render.experiment_write import write_experiment
from analysis.suspects import Suspect
from commands.changes import is_lab_at
from commands.conduct import At, Measured, Options, Prepared, command_of, experiment_of, measure, prepare
from recording.errors import RefusedError, UsageError
from scenarios.experiment import experiment_names
from scenarios.target import Target


class Clock(NamedTuple):
    """The time that an investigation may take, from its begin on."""

    at_most_s: float
    began_s: float

    @property
    def left_s(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.at_most_s - self.gone_s)

    @property
    def gone_s(self) -> float:
        """Seconds since its begin."""
        return time.monotonic() - self.began_s


@dataclass
class Trials:
    """What can be tried on one target, how, and what came out so far; `statuses` are those of the run that
    failed, see `seen.statuses_of`."""

    possible: Possible
    options: Options
    titles: Mapping[str, str]
    statuses: frozenset[str] = frozenset()
    done: list[Trial] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)

    def note(self, step: Step, trial: Trial, needed_s: float | None) -> None:
        """Add what came of a step."""
        outcome: Outcome = "cannot_tell" if trial.outcome == "not_tried" else trial.outcome
        self.done.append(trial)
        self.tried.append(Tried(step.choice.name, outcome, needed_s))


def choices(given: Sequence[str], known: Sequence[Suspect], *, on_lab: bool) -> tuple[Choice, ...]:
    """Every experiment of config/experiments, and those named on the command line.

    Raises:
        UsageError: a file cannot be used.
    """
    deciding = {suspect.experiment for suspect in known}
    usual = [name for name in experiment_names() if name not in given]
    return (
        *(_choice(name, decides=True, given=True, on_lab=on_lab) for name in dict.fromkeys(given)),
        *(_choice(name, decides=name in deciding, given=False, on_lab=on_lab) for name in usual),
    )


def _choice(name: str, *, decides: bool, given: bool, on_lab: bool) -> Choice:
    experiment, _ = experiment_of(name)
    length_s = takes_s(experiment.arm_s, experiment.warm_up_s, experiment.pairs)
    # That it is not possible is found out at once, whatever the time.
    if experiment.way == "lab" and not on_lab:
        length_s = 0.0
    return Choice(name, experiment.suspect, length_s, decides, given)


def run_trials(trials: Trials, clock: Clock, at: At) -> None:
    """Try one after another; what came out stands in `trials`, however it ends.

    Raises:
        KeyboardInterrupt: somebody wants it to end.
        LoadverdictError: the target does not answer any more, or a change went wrong.
    """
    while (step := following(trials.possible, trials.tried, clock.left_s)) is not None:
        options = _for_step(trials, step)
        number = len(trials.done) + 1
        most = number + len(remaining(trials.possible, trials.tried)) - 1
        left = phrases.seconds_about(clock.left_s)
        at.console.print(Text(f"\nexperiment {number} of at most {most}, {left} left", style="bold"))
        try:
            prepared = prepare(step.choice.name, options)
            _check_way(prepared, at.target)
            measured = measure(prepared, options, at)
        except (UsageError, RefusedError) as error:
            trials.note(step, _left_out(step, trials, "not_possible", str(error)), None)
            at.console.print(Text(f"not possible: {error}", style="dim"))
            continue
        if measured.arms:
            with at.signals.held():  # what was measured must not be lost to a signal
                _note_measured(step, trials, prepared, measured)
            last = trials.done[-1]
            at.console.print(Text(f"{last.outcome.replace('_', ' ')}: {last.moved}. {last.why}"))
        if measured.interrupted or at.signals.heard:
            raise KeyboardInterrupt


def _note_measured(step: Step, trials: Trials, prepared: Prepared, measured: Measured) -> None:
    report = judge(measured.arms, prepared.about)
    write_experiment(report, measured.folder)
    needed, needed_s = report.needed, None
    if needed is not None:
        needed_s = takes_s(needed.arm_s, report.about.warm_up_s, needed.pairs)
    trial = _trial(step, report, measured.folder)
    if strange := of_another_kind(trials.statuses, report):
        trial = trial.model_copy(update={"outcome": "cannot_tell", "why": strange, "needed": None})
        needed_s = None
    trials.note(step, trial, needed_s)


def not_tried(trials: Trials, clock: Clock, stopped: str) -> list[Trial]:
    """What was left out, and why."""
    left = phrases.seconds_about(clock.left_s)
    return [
        _left_out(step, trials, "not_tried", stopped or _too_long(step, left))
        for step in remaining(trials.possible, trials.tried)
    ]


def _too_long(step: Step, left: str) -> str:
    return f"no time: it takes {phrases.seconds_about(step.duration_s)}, and {left} were left"


def _for_step(trials: Trials, step: Step) -> Options:
    """The options of an experiment; of one that is repeated, as long as it said that it needs."""
    if step.reason != "longer":
        return trials.options
    command = _command(step, trials)
    needed = next(trial.needed for trial in trials.done if trial.command == command and trial.needed)
    return trials.options._replace(arm=f"{needed.arm_s:.0f}s", pairs=needed.pairs)


def _check_way(prepared: Prepared, target: Target) -> None:
    if prepared.experiment.way == "lab" and not is_lab_at(target.base_url):
        raise UsageError(
            "it changes a setting of the lab; say in a file of your own how to change yours (with 'command', "
            "'http' or 'ask'), and name it with --experiment"
        )


def _command(step: Step, trials: Trials) -> str:
    return command_of(step.choice.name, trials.options)


def _trial(step: Step, report: ExperimentReport, folder: Path) -> Trial:
    about = report.about
    return Trial(
        experiment=about.experiment,
        title=about.title,
        suspect=about.suspect,
        suspect_title=about.suspect_title,
        change=about.change,
        reason=step.reason,
        decides=step.choice.decides,
        outcome=report.conclusion,
        moved=what_moved(about, report.error_rate, report.p99_ms),
        why=report.why,
        measure=about.measure,
        error_rate=report.error_rate,
        p99_ms=report.p99_ms,
        changed_p99_ms=_highest_p99_ms(report, "changed"),
        load=f"{about.level:g} {about.unit}",
        valid=report.valid,
        complete=report.complete,
        report=f"{folder.name}/experiment.html",
        command=about.command,
        needed=report.needed,
    )


def _highest_p99_ms(report: ExperimentReport, state: str) -> float | None:
    found = [arm.p99_ms for arm in report.arms if arm.state == state and arm.p99_ms is not None]
    return max(found, default=None)


def _left_out(step: Step, trials: Trials, outcome: Literal["not_possible", "not_tried"], why: str) -> Trial:
    experiment, _ = experiment_of(step.choice.name)
    return Trial(
        experiment=experiment.name,
        title=experiment.title,
        suspect=experiment.suspect,
        suspect_title=trials.titles.get(experiment.suspect, experiment.suspect),
        change=experiment.change,
        reason=step.reason,
        decides=step.choice.decides,
        outcome=outcome,
        why=f"{why[:1].upper()}{why[1:].rstrip('.')}.",
        command=_command(step, trials),
    )
