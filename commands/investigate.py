"""`loadverdict investigate`: a run, its suspects, the experiments that decide about them, one report."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from analysis import phrases
from analysis.gate import INCOMPLETE, INVALID, MET
from analysis.investigation.conclude import investigation
from analysis.investigation.plan import Choice, Possible
from analysis.investigation.report import About, Investigation, Seen
from analysis.investigation.seen import explains, statuses_of
from analysis.render.investigation_terminal import print_investigation
from analysis.render.investigation_write import write_investigation
from analysis.suspects import known_suspects
from analysis.verdict import Verdict
from commands import conduct
from commands.all_runs import keep_index
from commands.changed_note import USUAL_FOLDER, ChangedNote
from commands.changes import is_lab_at
from commands.conduct import At
from commands.diagnose import Diagnosis, write_diagnosis
from commands.interrupts import interrupts
from commands.preflight import check_before_load
from commands.run import record
from commands.trials import Clock, Trials, choices, not_tried, run_trials
from commands.with_lab import reachable
from recording.errors import LoadverdictError, NoDataError, UsageError
from recording.folder import RunFolder, find_run, is_run_folder, named
from scenarios.overrides import duration_s
from scenarios.scenario import Scenario, load_scenario
from scenarios.target import load_target

INTERRUPTED = "it was interrupted"
DRAIN_S = 15.0
"""A run ends when its last requests have; and the lab has to start."""


class Options(NamedTuple):
    """What the command line says. `run`: a run that exists, instead of a new one."""

    scenario: str
    target: str
    fault: str | None
    run: str | None
    at_most: str
    seed: int
    experiments: tuple[str, ...]
    folder: Path
    runs_dir: Path


@dataclass
class _Found:
    """What was found so far; an interruption leaves it as it is."""

    diagnosis: Diagnosis | None = None
    trials: Trials | None = None
    stopped: str = ""
    code: int = MET


def run_investigation(options: Options, *, as_json: bool) -> int:
    """Run, rank, try, report; returns the exit code."""
    console = Console(stderr=as_json)
    clock = Clock(duration_s(options.at_most, "--at-most"), time.monotonic())
    started = datetime.now(UTC)
    scenario, target = load_scenario(options.scenario), load_target(options.target)
    on_lab = target.is_lab or is_lab_at(target.base_url)
    experiments = choices(options.experiments, known_suspects(), on_lab=on_lab)
    run = None if options.run is None else _run_of(options, scenario)
    if run is None:
        _check_time(scenario, clock, options.at_most)
    folder = options.folder.resolve() / named(started, scenario.name)
    # Where experiments note their changes too: neither may begin on what the other has changed.
    note, found = ChangedNote(options.folder.parent / USUAL_FOLDER.name), _Found()
    with note.alone(), interrupts() as signals:
        try:
            with reachable(target, options.fault, console) as there:
                check_before_load(scenario, there, processes=1)
                conduct.made(folder, "--investigations-dir")
                at = At(there, False, note, signals, console)
                if run is None:
                    run = _record(scenario, options, folder, at, found, clock)
                with signals.held():
                    found.diagnosis = write_diagnosis(run)
                _tell(found.diagnosis.verdict, console)
                found.trials = _trials(found.diagnosis.verdict, options, folder, experiments)
                if found.trials is not None and not found.stopped:
                    run_trials(found.trials, clock, at)
        except KeyboardInterrupt:
            found.stopped = INTERRUPTED
        except LoadverdictError as error:
            if found.diagnosis is None:
                raise
            found.stopped, found.code = str(error), error.exit_code
        except (
            OSError
        ) as error:  # a full disk, a terminal that is gone: what was found is reported all the same
            if found.diagnosis is None:
                raise
            found.stopped, found.code = f"the system said: {error.strerror}", INCOMPLETE
        if found.diagnosis is None:
            raise NoDataError("the investigation was interrupted before anything was measured")
        with signals.held(last=True):
            report = _report(found.diagnosis, found, options, folder, started, clock)
            write_investigation(report, folder)
    if as_json:
        sys.stdout.write(report.to_json())
    else:
        print_investigation(report, Console(), folder / "investigation.html")
    keep_index(folder, options.runs_dir, console)
    return exit_code(report, found.code)


def exit_code(report: Investigation, stopped_code: int = MET) -> int:
    """0 if all went as planned, whatever came out; never 0 if it was cut short or cannot be trusted."""
    if report.seen.requests == 0:
        return NoDataError.exit_code
    if report.stopped:
        return stopped_code or INCOMPLETE
    if not report.valid:
        return INVALID
    return MET if report.complete else INCOMPLETE


def _record(scenario: Scenario, options: Options, folder: Path, at: At, found: _Found, clock: Clock) -> Path:
    run = RunFolder.create(folder, scenario.name)
    plan = scenario.schedule()
    at.console.print(
        Text.assemble(
            (f"run first, then experiments; {phrases.seconds_about(clock.left_s)} left\n", "bold"),
            f"scenario {scenario.name} → {at.target.name} ({at.target.base_url}): {plan.most}, "
            f"about {plan.duration_s:.0f} s; all of it goes into {folder}",
        )
    )
    if record(scenario, options.scenario, at.target, options.target, 1, run, at.console):
        found.stopped = INTERRUPTED
    return run.path


def _trials(verdict: Verdict, options: Options, folder: Path, experiments: Sequence[Choice]) -> Trials | None:
    """What there is to try; None where nothing is to be explained, or the run cannot be trusted."""
    what = explains(verdict)
    if what == "nothing" or not verdict.quality.valid or not verdict.requests:
        return None
    known = known_suspects()
    weights = {suspect.name: suspect.weight for suspect in verdict.suspects}
    possible = Possible(tuple(suspect.name for suspect in known), weights, tuple(experiments))
    how = conduct.Options(
        scenario=options.scenario,
        target=options.target,
        fault=options.fault,
        users=None,
        arm=None,
        pairs=None,
        seed=options.seed,
        folder=folder,
        measure="error_rate" if what == "errors" else "p99",
    )
    titles = {suspect.name: suspect.title for suspect in known}
    return Trials(possible, how, titles, statuses_of(verdict))


def _report(
    diagnosis: Diagnosis, found: _Found, options: Options, folder: Path, started: datetime, clock: Clock
) -> Investigation:
    trials = found.trials
    tried = [] if trials is None else [*trials.done, *not_tried(trials, clock, found.stopped)]
    about = About(
        id=folder.name,
        scenario=options.scenario,
        target=options.target,
        fault=options.fault,
        seed=options.seed,
        at_most_s=clock.at_most_s,
        started_utc=started.isoformat(timespec="seconds"),
        duration_s=round(clock.gone_s, 1),
        command=_command(options),
    )
    verdict = diagnosis.verdict
    seen = _seen(diagnosis, folder)
    return investigation(
        about, verdict, seen, explains(verdict), tried, known_suspects(), stopped=found.stopped
    )


def _seen(diagnosis: Diagnosis, folder: Path) -> Seen:
    verdict = diagnosis.verdict
    return Seen(
        run_id=verdict.run_id,
        folder=os.path.relpath(diagnosis.report.parent.parent, folder),
        report=os.path.relpath(diagnosis.report, folder),
        sentence=verdict.sentence,
        requests=verdict.requests,
        errors=verdict.errors,
        error_rate=verdict.error_rate,
        p99_ms=verdict.latency_ms.all.p99,
        freezes=len(verdict.freezes),
        slo=verdict.slo,
        doubts=[f.text for f in verdict.quality.findings if f.severity in ("invalid", "incomplete")],
    )


def _run_of(options: Options, scenario: Scenario) -> Path:
    """The run to begin with; experiments on something else would explain nothing of it.

    Raises:
        UsageError: it is no run folder, or one of another scenario or target.
        NoDataError: there is none.
    """
    path = find_run(options.run or "", options.runs_dir)
    if not is_run_folder(path):
        raise UsageError(f"--run {options.run}: {path} is no run folder, and says nothing about its load")
    manifest = RunFolder(path).manifest()
    for what, option, expected in (
        ("scenario", "as the first argument", scenario.name),
        ("target", "with --target", load_target(options.target).name),
    ):
        named = manifest.get(what)
        name = named.get("name") if isinstance(named, dict) else named
        if isinstance(name, str) and name != expected:
            raise UsageError(
                f"run {path.name} is of {what} {name!r}, the experiments would be of {expected!r}; name the "
                f"run's own {option}"
            )
    return path


def _check_time(scenario: Scenario, clock: Clock, at_most: str) -> None:
    needed_s = scenario.schedule().duration_s + DRAIN_S
    if needed_s > clock.at_most_s:
        raise UsageError(
            f"--at-most {at_most} is too short: the run of scenario {scenario.name!r} alone takes about "
            f"{phrases.seconds_about(needed_s)}; give it more, or a run that exists with --run"
        )


def _tell(verdict: Verdict, console: Console) -> None:
    first = ", ".join(f"{one.title} ({one.weight:g})" for one in verdict.suspects[:4])
    console.print(Text(f"seen: {verdict.sentence}"))
    if first:
        console.print(Text(f"it points at: {first}"))


def _command(options: Options) -> str:
    words = ["loadverdict", "investigate", options.scenario]
    given = (
        ("--target", options.target, "lab"),
        ("--fault", options.fault, None),
        ("--run", options.run, None),
        ("--at-most", options.at_most, "15m"),
        ("--seed", options.seed, conduct.USUAL_SEED),
    )
    words += conduct.typed(given)
    for name in options.experiments:
        words += ["--experiment", name]
    return shlex.join(words)
