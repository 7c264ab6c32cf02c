"""Attribution: the error rate taken apart into its classes, and what the answer for all of them hides.

Two classes that cancel, or one class in five that rises, are told by name. What each adds to the rate and to
its slope comes from `analysis.shares`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis import phrases
from analysis.fingerprints import OTHER
from analysis.shares import Ends
from analysis.verdict import (
    Attribution,
    Finding,
    FingerprintReport,
    LoadAnswer,
    LoadEffect,
    Severity,
    StatusClass,
)

NAMED = 0.05
"""A class with more of the failures than this is named."""
MESSAGE = 40

_WITH_LOAD: dict[LoadAnswer, str] = {
    "rises": "rises with load",
    "constant": "does not depend on load",
    "falls": "falls with load",
    "inconclusive": "may or may not depend on load",
}


def attribution(
    by_status: dict[str, StatusClass], fingerprints: Sequence[FingerprintReport], errors: int
) -> list[Attribution]:
    """Every failure in one class: by status, and by message where a status hides kinds that differ.

    Returns:
        The largest first; counts, rates, slope parts and the rates at both ends sum to those of all failures.
    """
    found: list[Attribution] = []
    for status, group in by_status.items():
        kinds = _kinds_of(status, group, by_status, fingerprints, errors)
        found += [_of(kind, status, kind.id, kind.message, errors) for kind in kinds] or [
            _of(group, status, None, "", errors)
        ]
    return sorted(found, key=lambda part: -part.count)


def _of(
    group: StatusClass | FingerprintReport, status: str, fingerprint: str | None, message: str, errors: int
) -> Attribution:
    return Attribution(
        status=status,
        fingerprint=fingerprint,
        message=message,
        count=group.count,
        rate=group.share,
        share=group.count / max(errors, 1),
        load_effect=group.load_effect,
        slope=group.slope,
        low=group.low,
        high=group.high,
        slope_part=group.slope_part,
        at_lowest_load=group.at_lowest_load,
        at_highest_load=group.at_highest_load,
    )


def _kinds_of(
    status: str,
    group: StatusClass,
    by_status: dict[str, StatusClass],
    fingerprints: Sequence[FingerprintReport],
    errors: int,
) -> list[FingerprintReport]:
    """The messages of a status, if one of them worth naming is decided otherwise than their sum."""
    if any(kind.outcome == OTHER for kind in fingerprints):
        return []
    own = [kind for kind in fingerprints if label_of(kind, by_status) == status]
    hidden = [k for k in own if k.count > NAMED * errors and _differs(k.load_effect, group.load_effect)]
    whole = sum(kind.count for kind in own) == group.count
    return own if hidden and whole and len(own) > 1 else []


def label_of(kind: FingerprintReport, by_status: dict[str, StatusClass]) -> str:
    """What a kind of failure is called in `by_status`."""
    return str(kind.status) if str(kind.status) in by_status else kind.outcome


def _differs(answer: LoadAnswer, total: LoadAnswer) -> bool:
    return answer not in ("inconclusive", total)


def hidden(load: LoadEffect, parts: Sequence[Attribution]) -> list[Attribution]:
    """Classes worth naming whose decided answer is not that of all failures together."""
    return [p for p in named(parts) if len(parts) > 1 and _differs(p.load_effect, load.answer)]


def named(parts: Sequence[Attribution]) -> list[Attribution]:
    """Classes that hold enough of the failures to be named."""
    return [part for part in parts if part.share > NAMED]


def reason(load: LoadEffect, parts: Sequence[Attribution]) -> str:
    """The reason for the overall answer, with the classes that say otherwise."""
    others = [_clause(part) for part in hidden(load, parts)]
    return f"{load.why}; taken apart, {phrases.listed(others)}" if others else load.why


def findings(load: LoadEffect, parts: Sequence[Attribution]) -> list[Finding]:
    """A warning where the total hides a class that load moves; a note where one class alone stands still."""
    others = hidden(load, parts)
    if not others:
        return []
    moved = load.answer != "rises" and any(part.load_effect in ("rises", "falls") for part in others)
    severity: Severity = "warning" if moved else "note"
    total = {**_WITH_LOAD, "inconclusive": "cannot be decided"}[load.answer]
    text = (
        f"The error rate as a whole {total}, but {phrases.listed([_clause(part) for part in others])}: "
        "go by the classes."
    )
    return [Finding(code="classes_differ", severity=severity, text=text)]


def summary(rate: float | None, parts: Sequence[Attribution], ends: Ends | None, axis: str) -> str:
    """What the error rate is made of: "Of these 16.6 %, 12 points are 401, which ...".

    Empty where fewer than two classes are worth naming, or the error rate is not known.
    """
    told = named(parts)
    if rate is None or len(told) < 2:
        return ""
    undecided = all(part.load_effect == "inconclusive" for part in told)
    tell: Callable[[Attribution], str] = _amount if undecided else lambda part: _told(part, ends, axis)
    clauses = [tell(part) for part in told]
    rest = [part for part in parts if part.share <= NAMED]
    if rest:
        smaller = phrases.counted(len(rest), "smaller class").replace("classs", "classes")
        clauses.append(
            f"{phrases.percent(sum(part.rate for part in rest)).removesuffix(' %')} points in {smaller}"
        )
    return f"Of these {phrases.percent(rate)}, {'; '.join(clauses)}."


def _told(part: Attribution, ends: Ends | None, axis: str) -> str:
    return f"{_amount(part)}, which {_WITH_LOAD[part.load_effect]}{_from_to(part, ends, axis)}"


def _amount(part: Attribution) -> str:
    return f"{phrases.percent(part.rate).removesuffix(' %')} points are {name(part)}"


def _clause(part: Attribution) -> str:
    return f"{name(part)} ({phrases.percent(part.rate)} of requests) {_WITH_LOAD[part.load_effect]}"


def name(part: Attribution) -> str:
    """A class in a few words: "503", "total timeout", "500 'invalid hash'"."""
    status = part.status.replace("_", " ")
    if part.fingerprint is None:
        return status
    message = part.message or "no message"
    return f"{status} '{message if len(message) <= MESSAGE else message[: MESSAGE - 1] + '…'}'"


def _from_to(part: Attribution, ends: Ends | None, axis: str) -> str:
    """Rates at both ends of the load; where time hides the effect in them, the fitted difference."""
    low, high = part.at_lowest_load, part.at_highest_load
    if part.load_effect not in ("rises", "falls") or part.slope is None:
        return ""
    if ends is None or low is None or high is None or (high - low) * part.slope <= 0:
        return f" (by {phrases.points(abs(part.slope))} points)"
    return (
        f" (from {phrases.percent(low)} at {phrases.load(ends.load[0])} {axis} "
        f"to {phrases.percent(high)} at {phrases.load(ends.load[1])})"
    )
