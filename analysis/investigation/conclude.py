"""Conclude: from the run's verdict and what was tried to the whole report. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analysis import phrases
from analysis.investigation.report import (
    About,
    Advice,
    Cause,
    Conclusion,
    Excluded,
    Explains,
    Investigation,
    Open,
    Seen,
    Trial,
)
from analysis.investigation.seen import left_in_words, nothing_in_words
from analysis.suspects import Suspect
from analysis.verdict import Verdict

WHAT = {"errors": "the errors", "latency": "the latency", "nothing": "anything"}


class _Sorted(NamedTuple):
    """Whom the trials convicted, whom they cleared, and who stays."""

    cause: Cause | None
    cleared: list[Excluded]
    open: list[Open]


def investigation(
    about: About,
    verdict: Verdict,
    seen: Seen,
    explains: Explains,
    trials: Sequence[Trial],
    known: Sequence[Suspect],
    stopped: str = "",
) -> Investigation:
    """The report.

    Args:
        about: what was investigated.
        verdict: of the run that it began with.
        seen: the same in short, and where the run lies.
        explains: what the cause must explain.
        trials: in the order in which they were tried, those that were not tried last.
        known: the suspects' table.
        stopped: why it ended before its end, "" if it did not.
    """
    found = _Sorted(*_sorted(verdict, trials, known))
    conclusion = _conclusion(explains, verdict, found, trials, stopped)
    done = [trial for trial in trials if trial.error_rate is not None or trial.p99_ms is not None]
    return Investigation(
        about=about,
        conclusion=conclusion,
        sentence=_sentence(conclusion, verdict, found, explains),
        why=_why(conclusion, verdict, found, explains, trials, stopped),
        explains=explains,
        seen=seen,
        suspects=verdict.suspects,
        trials=list(trials),
        cause=found.cause,
        ruled_out=found.cleared,
        open=[] if found.cause or explains == "nothing" else found.open,
        advice=[] if explains == "nothing" else _advice(found, known, verdict),
        stopped=stopped,
        valid=verdict.quality.valid and (found.cause is not None or all(trial.valid for trial in done)),
        complete=not stopped and verdict.quality.complete and all(trial.complete for trial in done),
    )


def _sorted(
    verdict: Verdict, trials: Sequence[Trial], known: Sequence[Suspect]
) -> tuple[Cause | None, list[Excluded], list[Open]]:
    supported = next((trial for trial in trials if trial.outcome == "supports"), None)
    cause = None if supported is None else _cause(supported, verdict)
    contradicted = [trial for trial in trials if trial.outcome == "contradicts" and trial.decides]
    cleared = list({trial.suspect: _excluded(trial) for trial in contradicted}.values())
    settled = {one.suspect for one in cleared}
    pointed_at = {suspect.name: suspect for suspect in verdict.suspects}
    stay = [*pointed_at, *(t.suspect for t in trials if t.outcome in ("cannot_tell", "not_tried"))]
    titles = {suspect.name: suspect.title for suspect in known}
    missing = {name: pointed_at[name].missing for name in pointed_at}
    open_ = [
        _open(name, titles.get(name, name), trials, missing.get(name, []), verdict.quality.valid)
        for name in dict.fromkeys(stay)
        if name not in settled and (cause is None or name != cause.suspect)
    ]
    return cause, cleared, open_


def _cause(trial: Trial, verdict: Verdict) -> Cause:
    return Cause(
        suspect=trial.suspect,
        title=trial.suspect_title,
        experiment=trial.experiment,
        change=trial.change,
        moved=trial.moved,
        why=trial.why,
        left=left_in_words(verdict.slo, trial),
    )


def _excluded(trial: Trial) -> Excluded:
    how = f"{trial.moved}, at {trial.load}" if trial.load else trial.moved
    return Excluded(suspect=trial.suspect, title=trial.suspect_title, experiment=trial.experiment, how=how)


def _open(name: str, title: str, trials: Sequence[Trial], missing: list[str], valid: bool) -> Open:
    """Why nothing decided about a suspect, by the last thing that was tried."""
    own = [trial for trial in trials if trial.suspect == name]
    why, command = "there is no experiment for it" if valid else "the run is not valid", None
    if own:
        last = max(
            reversed(own), key=lambda trial: (trial.outcome == "cannot_tell", trial.outcome == "not_tried")
        )
        why = _why_open(last)
        command = (last.needed.command if last.needed else None) or _worth_a_try(last)
    return Open(suspect=name, title=title, why=why, missing=missing, command=command)


def _why_open(trial: Trial) -> str:
    why = trial.why.rstrip(".")
    if trial.outcome == "contradicts":
        return f"{trial.moved}, but that experiment cannot clear it"
    if trial.outcome in ("not_possible", "not_tried"):
        how = trial.outcome.removeprefix("not_")
        return f"{trial.experiment} was not {how}: {why[:1].lower()}{why[1:]}"
    return f"{trial.moved}. {why}" if trial.moved else why


def _worth_a_try(trial: Trial) -> str | None:
    return trial.command if trial.outcome == "not_tried" or not trial.complete else None


def _conclusion(
    explains: Explains, verdict: Verdict, found: _Sorted, trials: Sequence[Trial], stopped: str
) -> Conclusion:
    if found.cause is not None:
        return "cause_found"
    if not verdict.quality.valid or stopped:
        return "cannot_tell"
    if explains == "nothing":
        told = all(result.outcome != "no_data" for result in verdict.slo)
        return "nothing_to_explain" if verdict.quality.complete and told else "cannot_tell"
    # Of one that was repeated, the last counts; who is cleared stays so, whatever else was tried about him.
    last = {trial.experiment: trial for trial in trials}.values()
    settled = {one.suspect for one in found.cleared}
    undecided = any(
        trial.outcome in ("cannot_tell", "not_tried") for trial in last if trial.suspect not in settled
    )
    return "ruled_out" if found.cleared and not undecided else "cannot_tell"


def _sentence(conclusion: Conclusion, verdict: Verdict, found: _Sorted, explains: Explains) -> str:
    if found.cause is not None:
        return f"Cause: {found.cause.title}. {_capital(found.cause.moved)}."
    if explains == "nothing" and verdict.quality.valid:
        return nothing_in_words(verdict)
    if not verdict.quality.valid:
        return "Cannot tell: the load generator makes the run invalid."
    cleared = phrases.listed([one.title for one in found.cleared], most=6)
    left = phrases.listed([one.title for one in found.open])
    if conclusion == "ruled_out":
        rest = f" What remains: {left}." if left else " No suspect of the table remains."
        return f"No cause found for {WHAT[explains]}. Ruled out: {cleared}.{rest}"
    out = f" Ruled out: {cleared}." if cleared else ""
    rest = f" Open: {left}." if left else ""
    return f"Cannot tell yet what causes {WHAT[explains]}.{out}{rest}"


def _why(
    conclusion: Conclusion,
    verdict: Verdict,
    found: _Sorted,
    explains: Explains,
    trials: Sequence[Trial],
    stopped: str,
) -> str:
    """One sentence behind the first."""
    if found.cause is not None:
        return found.cause.why
    if stopped:
        return f"It ended early: {stopped.rstrip('.')}."
    if not verdict.quality.valid:
        return next((f.text for f in verdict.quality.findings if f.severity == "invalid"), "")
    if conclusion == "nothing_to_explain":
        return "No experiment was run."
    done = sum(trial.error_rate is not None or trial.p99_ms is not None for trial in trials)
    ran = "1 experiment was run, and it" if done == 1 else f"{done} experiments were run, and none"
    took = "did not take" if done == 1 else "took"
    return f"{ran} {took} {WHAT[explains]} away beyond doubt." if done else ""


def _advice(found: _Sorted, known: Sequence[Suspect], verdict: Verdict) -> list[Advice]:
    """About the cause; without one, about the suspects that stay, the likeliest three."""
    by_name = {suspect.name: suspect for suspect in known}
    # With the figures of the run, where it pointed at them.
    measured = {suspect.name: suspect.advice for suspect in verdict.suspects}
    names = [found.cause.suspect] if found.cause else [one.suspect for one in found.open][:3]
    return [
        Advice(
            suspect=name,
            title=by_name[name].title,
            now=measured.get(name, by_name[name].advice),
            long_run=by_name[name].long_run,
            watch=by_name[name].watch,
        )
        for name in names
        if name in by_name
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
