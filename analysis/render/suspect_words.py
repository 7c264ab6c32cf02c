"""Suspects in words: the same on terminal, page and in Markdown."""

from __future__ import annotations

from analysis import phrases
from analysis.render import wording
from analysis.verdict import SuspectReport, Verdict

ALL_OF_IT = 0.95
"""A suspect that fits so much of the failures fits them: no need to say how many."""


def ranked(verdict: Verdict) -> list[SuspectReport]:
    """Suspects, the likeliest first."""
    return sorted(verdict.suspects, key=lambda suspect: suspect.rank)


def arguments(suspect: SuspectReport) -> list[tuple[str, list[str]]]:
    """What speaks for and against a suspect, what is missing and what to do; empty ones left out."""
    lists = [
        ("For", suspect.for_),
        ("Against", suspect.against),
        ("Not measured", suspect.missing),
        ("Advice", suspect.advice),
    ]
    return [(label, texts) for label, texts in lists if texts]


def part(verdict: Verdict, suspect: SuspectReport) -> str:
    """How much of the error rate fits the suspect best: "12 of the 16.6 %"; "" if all, none or not known."""
    rate = verdict.error_rate.value
    if suspect.explains is None or not rate or suspect.explains >= ALL_OF_IT * rate:
        return ""
    return f"{phrases.percent(suspect.explains).removesuffix(' %')} of the {phrases.percent(rate)}"


def blame(verdict: Verdict) -> str:
    """Whose failures these are, where there are several causes or a rest; "" where there is one.

    "Of these 16.6 %, 12 points fit Code or configuration fault best, 4.6 points Storage lock timeout."
    """
    rate = verdict.error_rate.value
    fitting = sorted(
        (suspect for suspect in verdict.suspects if suspect.explains), key=lambda s: -(s.explains or 0.0)
    )
    if not rate or not fitting:
        return ""
    rest = rate - sum(suspect.explains or 0.0 for suspect in fitting)
    if len(fitting) == 1 and rest <= (1 - ALL_OF_IT) * rate:
        return ""
    words = [f"{_points(suspect.explains or 0.0)} {wording.clean(suspect.title, 60)}" for suspect in fitting]
    words[0] = words[0].replace(" points ", " points fit best ", 1)
    if rest > (1 - ALL_OF_IT) * rate:
        words.append(f"{_points(rest)} nobody in particular")
    return f"Of these {phrases.percent(rate)}, {phrases.listed(words, 5)}."


def _points(share: float) -> str:
    return f"{phrases.percent(share).removesuffix(' %')} points"
