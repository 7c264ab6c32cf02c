"""Seen: what a run leaves to explain, if anything: errors, or latency and freezes."""

from __future__ import annotations

from analysis import phrases
from analysis.investigation.report import Explains
from analysis.slo import UNITS, parse_slo
from analysis.verdict import SloOutcome, Verdict


def explains(verdict: Verdict) -> Explains:
    """What a change must take away to be the cause.

    Errors where there are any, unless their target is met and only latency or freezes miss theirs.
    """
    outcomes = _outcomes(verdict)
    missed = {metric for metric, outcome in outcomes.items() if outcome == "missed"}
    slow = any(metric == "freeze" or UNITS[metric] == "ms" for metric in missed)
    few = outcomes.get("error_rate") == "met"
    if verdict.errors and not (slow and few):
        return "errors"
    return "latency" if slow or verdict.freezes else "nothing"


def nothing_in_words(verdict: Verdict) -> str:
    """The sentence where there is nothing to explain."""
    asked = phrases.counted(verdict.requests, "request")
    targets = "every target was met" if verdict.slo else "no target was set"
    return f"Nothing to explain: none of {asked} failed, nothing froze, and {targets}."


def _outcomes(verdict: Verdict) -> dict[str, SloOutcome]:
    """By metric; of several targets for one the missed one, targets that are no targets left out."""
    found: dict[str, SloOutcome] = {}
    for result in sorted(verdict.slo, key=lambda result: result.outcome == "missed"):
        try:
            found[parse_slo(result.target).metric] = result.outcome
        except ValueError:
            continue
    return found
