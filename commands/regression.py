"""`loadverdict regression`: one scheduled run, from the load to the exit code."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from analysis.comparison.seen import seen
from analysis.gate import MET, MISSED, gate_code
from analysis.render.trend_terminal import print_regression
from analysis.render.trend_write import write_regression
from analysis.trend.entry import Entry, entry_of
from analysis.trend.judge import regression, trend
from analysis.trend.report import Regression
from commands.all_runs import keep_index
from commands.diagnose import Diagnosis, show, shown_if_unwritten
from commands.gate import MEANING
from commands.one_at_a_time import one_at_a_time
from commands.run import Asked, run_once
from commands.target_commit import target_commit
from commands.trend import write_page
from commands.webhook import check_webhook, post
from history.store import opened
from recording.errors import IncompleteError, LoadverdictError, UsageError
from recording.scrub import scrub
from scenarios.scenario import load_scenario

SPARE = 1.2
"""A run takes a fifth longer than its load is planned: lab, answers under way, verdict."""
SUMMARY = "GITHUB_STEP_SUMMARY"
WEBHOOK = "LOADVERDICT_WEBHOOK"
"""An address that lets anybody write into a chat: never on a command line, which others can read."""


class Options(NamedTuple):
    """What the command line says."""

    asked: Asked
    history: Path
    at_most_s: float
    confirm: int
    wait_s: float
    commit: str | None


class Judged(NamedTuple):
    """A run that is over: what was found out, how its night stands in the history, and the exit codes of its
    gate alone and of both."""

    diagnosis: Diagnosis
    report: Regression
    gate: int
    code: int


def run_regression(options: Options, *, as_json: bool) -> int:
    """Run, gate, compare, record, report; returns the exit code.

    Raises:
        RefusedError: another regression run is under way.
        LoadverdictError: the run could not begin, or the history cannot be used.
    """
    console = Console(stderr=as_json)
    commit = target_commit(options.commit)
    webhook = os.environ.get(WEBHOOK) or None
    if webhook:
        check_webhook(webhook)
    try:
        judged = _scheduled(options, commit, console)
    except BaseException as error:
        # Whoever waits for the nightly answer must hear that there is none.
        _tell(webhook, f"❌ {options.asked.scenario}: no answer: {_trouble(error)}", console)
        raise
    if as_json:
        sys.stdout.write(judged.report.to_json())
    _tell(webhook, _message(judged), console)
    return judged.code


def _trouble(error: BaseException) -> str:
    if isinstance(error, LoadverdictError):
        return f"{scrub(str(error))} (exit code {error.exit_code})"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"unexpected {type(error).__name__}"


def _scheduled(options: Options, commit: str | None, console: Console) -> Judged:
    """Everything that can be known to be wrong first, then the runs, with nobody else's at the same time."""
    planned_s = load_scenario(options.asked.scenario).schedule().duration_s * SPARE
    if planned_s > options.at_most_s:
        raise UsageError(
            f"scenario {options.asked.scenario!r} takes about {planned_s:.0f} s, more than --at-most "
            f"{options.at_most_s:.0f} s: raise --at-most, or shorten the scenario"
        )
    with opened(options.history):
        pass
    with one_at_a_time(options.history.with_name(f"{options.history.name}.lock"), options.wait_s):
        return _runs(options, commit, planned_s, console)


def _runs(options: Options, commit: str | None, planned_s: float, console: Console) -> Judged:
    """A night: one run, and some more while it is open whether something is worse. The last one's answer
    is that of all."""
    until = time.monotonic() + options.at_most_s
    judged = _one(options, commit, until, console)
    try:
        judged = _repeated(options, commit, planned_s, until, judged, console)
    finally:
        # What a scheduler collects is the night's answer, not that of a run whose doubts came to nothing.
        _attempt(lambda: _write(judged), console)
    text = MEANING[judged.gate] if judged.code == judged.gate else "GATE CLOSED: worse than the runs before"
    console.print(Text(f"{text} (exit code {judged.code})", style="bold"))
    return judged


def _repeated(
    options: Options, commit: str | None, planned_s: float, until: float, judged: Judged, console: Console
) -> Judged:
    first = judged.report.run_id
    for number in range(options.confirm):
        if judged.gate != MET or not judged.report.doubtful:
            break
        if time.monotonic() + planned_s > until:
            console.print(Text("no time is left for another run within --at-most"))
            break
        names = ", ".join(judged.report.doubtful)
        console.print(Text(f"\nonce more ({number + 1} of {options.confirm} at most), because of: {names}"))
        try:
            again = _one(options, commit, until, console, repeats=first)
        except LoadverdictError as error:
            console.print(Text(f"the repeated run could not be made: {error}", style="yellow"))
            break
        if _interrupted(again) and time.monotonic() < until:
            return again  # somebody did not want to wait for the answer: none stands
        if again.report.answer == "not_judged" and again.gate != MISSED:
            text = "the repeated run cannot be used: the answer before it stands"
            console.print(Text(text, style="yellow"))
            break
        judged = again
    return judged


def _interrupted(judged: Judged) -> bool:
    return any(event.get("kind") == "interrupted" for event in judged.diagnosis.run.events)


def _one(
    options: Options, commit: str | None, until: float, console: Console, repeats: str | None = None
) -> Judged:
    with shown_if_unwritten(console, as_json=False):
        diagnosis = run_once(options.asked, console, max(1.0, until - time.monotonic()))
    gate = gate_code(diagnosis.verdict)
    entry = entry_of(seen(diagnosis.run, diagnosis.verdict), gate, commit, repeats)
    try:
        report = _recorded(options.history, entry)
    finally:  # a history that takes no more must not cost the run's own answer
        if not console.stderr:
            _attempt(lambda: show(diagnosis, as_json=False), console)
    code = MISSED if gate == MET and report.alarms else gate
    console.print()
    print_regression(report, console)
    _attempt(lambda: _write_page(options.history, console), console)
    keep_index(diagnosis.report.parent.parent, options.asked.runs_dir, console)
    return Judged(diagnosis, report, gate, code)


def _recorded(history: Path, entry: Entry) -> Regression:
    """Keep the run, then hold it against those before it.

    Raises:
        IncompleteError: the history takes no more.
    """
    try:
        with opened(history) as kept:
            kept.record(entry)
            entries = kept.runs(entry.scenario)
    except UsageError as error:
        raise IncompleteError(
            f"{error}; the run is kept in its folder: 'loadverdict trend --add {entry.run_id}' adds it later"
        ) from error
    mine = next(place for place, one in enumerate(entries) if one.run_id == entry.run_id)
    return regression(entries[: mine + 1])


def _write(judged: Judged) -> None:
    diagnosis = judged.diagnosis
    text = write_regression(judged.report, diagnosis.verdict, diagnosis.report.parent)
    summary = os.environ.get(SUMMARY)
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)


def _write_page(history: Path, console: Console) -> None:
    """The page of every scenario."""
    with opened(history) as kept:
        found = trend(kept.runs())
    console.print(Text(f"trend: {write_page(found, history)}", style="dim"))


def _attempt(write: Callable[[], None], console: Console) -> None:
    """Once a run is in the history, its answer must get out: what cannot be written is one line, no more."""
    try:
        write()
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        console.print(Text(f"not written: {why}", style="yellow"))


def _message(judged: Judged) -> str:
    verdict = judged.diagnosis.verdict
    missed = [result.text for result in verdict.slo if result.outcome != "met"]
    parts = [judged.report.sentence, verdict.sentence, *missed[:3]]
    return f"{'✅' if judged.code == MET else '❌'} {' '.join(parts)} (exit code {judged.code})"


def _tell(webhook: str | None, text: str, console: Console) -> None:
    """The answer to the chat; what goes wrong there is said and changes nothing."""
    if webhook and (trouble := post(webhook, text)) is not None:
        console.print(Text(f"the webhook was not told: {trouble}", style="yellow"))
