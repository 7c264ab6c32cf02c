"""Seen: what a run leaves to explain, if anything, and what a change leaves of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis import phrases
from analysis.evidence import SEEN_SHARE
from analysis.experiment.report import ExperimentReport
from analysis.investigation.report import Explains, Trial
from analysis.slo.grammar import SloTarget, parse_slo
from analysis.verdict import SloOutcome, SloResult, Verdict

_OF_ERRORS = frozenset({"error_rate", "status", "outcome"})
"""Metrics that only failures can move."""


def explains(verdict: Verdict) -> Explains:
    """What a change must take away to be the cause.

    Errors where there are any, unless their target is met and only latency, throughput or
    freezes miss theirs.
    """
    judged = list(_parsed(verdict.slo))
    missed = [target for target, outcome in judged if outcome == "missed"]
    slow = any(target.unit != "%" for target in missed)
    few = any(
        outcome == "met" and target.metric == "error_rate" and target.is_plain for target, outcome in judged
    )
    many = any(target.metric in _OF_ERRORS for target in missed)
    if verdict.errors and not (slow and few and not many):
        return "errors"
    return "latency" if slow or verdict.freezes else "nothing"


def nothing_in_words(verdict: Verdict) -> str:
    """The sentence where there is nothing to explain."""
    asked = phrases.counted(verdict.requests, "request")
    targets = "every target was met" if verdict.slo else "no target was set"
    unknown = [result.target for result in verdict.slo if result.outcome == "no_data"]
    if unknown:
        targets = f"no target was missed, but of {phrases.listed(unknown)} too little was measured to say"
    return f"Nothing to explain: none of {asked} failed, nothing froze, and {targets}."


def left_in_words(slo: Sequence[SloResult], trial: Trial) -> str:
    """Which targets are missed even with a change, as a sentence; "" if none that the experiment measured."""
    missed = list(_left(slo, trial))
    if not missed:
        return ""
    return f"It is not enough yet: with the change, at {trial.load}, {' and '.join(missed)}."


def _left(slo: Sequence[SloResult], trial: Trial) -> Iterator[str]:
    rate = trial.error_rate.changed.value if trial.error_rate is not None else None
    p99_ms = trial.changed_p99_ms
    for target, _ in _parsed(slo):
        if not target.is_plain:
            continue
        if target.metric == "error_rate" and rate is not None and not target.holds(rate):
            yield f"{phrases.percent(rate)} of requests fail (target: {target.text})"
        if target.metric == "p99" and p99_ms is not None and not target.holds(p99_ms):
            yield f"the P99 of successes is {phrases.milliseconds(p99_ms)} (target: {target.text})"


def statuses_of(verdict: Verdict) -> frozenset[str]:
    """How the run's requests failed: every status, or outcome, that holds a tenth of the failures."""
    return frozenset(
        name for name, group in verdict.by_status.items() if group.count >= SEEN_SHARE * verdict.errors
    )


def of_another_kind(statuses: frozenset[str], report: ExperimentReport) -> str:
    """Why an experiment explains nothing of the run: unchanged, other failures came; "" if alike."""
    here = {one.name.split(" ")[0] for one in report.by_class if (one.first.value or 0.0) > 0}
    if not statuses or not here or here & statuses:
        return ""
    return (
        f"here requests failed with {' and '.join(sorted(here))}, in the run with "
        f"{' and '.join(sorted(statuses))}: is it the same version, the same fault, the same load?"
    )


def _parsed(slo: Sequence[SloResult]) -> Iterator[tuple[SloTarget, SloOutcome]]:
    """Targets with their outcomes; texts that are none are left out."""
    for result in slo:
        try:
            yield parse_slo(result.target), result.outcome
        except ValueError:
            continue
