"""Weigh: every suspect against the evidence, and against each larger kind of failure on its own.

A run may have several causes. Taken together they blur each other: a constant bug among failures that rise
neither rises nor stays. So a suspect is weighed on all failures and on each kind alone, where only a part of
the failures speaks and the weight shrinks with the root of that part; what it does best at is what counts.
Each kind is attributed to the suspect that fits it best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from analysis.advice import measured_advice
from analysis.evidence import SEEN_SHARE, Evidence
from analysis.signals import SIGNALS
from analysis.suspects import MissingLine, Suspect
from analysis.verdict import FingerprintReport, SuspectReport

MOST_KINDS = 8
SLOWNESS = frozenset({"freezes", "stalls", "on_the_way", "occupies", "generator"})
"""Signals that explain slow answers: without a failure, a suspect needs one of them."""


class _Weighed(NamedTuple):
    """A suspect on one view of the evidence."""

    weight: float
    supports: list[str]
    contradicts: list[str]
    missing: list[str]
    listed: bool


def weigh(suspects: Sequence[Suspect], evidence: Evidence) -> list[SuspectReport]:
    """Suspects with evidence for them, the heaviest first."""
    kinds = _large(evidence)
    views = [evidence.about(kind) for kind in kinds]
    best: dict[str, _Weighed] = {}
    alone: list[dict[str, _Weighed]] = [{} for _ in kinds]
    for suspect in suspects:
        found = [_weigh(suspect, evidence)]
        for kind, view, here in zip(kinds, views, alone, strict=True):
            own = _weigh(suspect, view)
            if own.listed:
                here[suspect.name] = own
            part = math.sqrt(kind.count / evidence.errors)
            weight = own.weight * part
            found.append(own._replace(weight=weight, listed=own.listed and weight >= suspect.listed_from))
        listed = [one for one in found if one.listed]
        if listed:
            best[suspect.name] = max(listed, key=lambda one: one.weight)
    explained = _explained(evidence, kinds, alone, best)
    reports = [
        _report(suspect, best[suspect.name], explained.get(suspect.name, []), evidence)
        for suspect in suspects
        if suspect.name in best
    ]
    reports.sort(key=lambda report: (-report.weight, report.name))
    return [report.model_copy(update={"rank": i + 1}) for i, report in enumerate(reports)]


def _large(evidence: Evidence) -> list[FingerprintReport]:
    """Kinds worth a view of their own; none where there is only one."""
    if len(evidence.fingerprints) < 2:
        return []
    return [kind for kind in evidence.fingerprints if kind.count >= SEEN_SHARE * evidence.errors][:MOST_KINDS]


def _explained(
    evidence: Evidence,
    kinds: Sequence[FingerprintReport],
    alone: Sequence[Mapping[str, _Weighed]],
    best: Mapping[str, _Weighed],
) -> dict[str, list[FingerprintReport]]:
    """By suspect, the kinds of failure that it fits best; all, where none is large enough by itself."""
    if not kinds:
        kinds, alone = evidence.fingerprints, [best] * len(evidence.fingerprints)
    found: dict[str, list[FingerprintReport]] = {}
    for kind, here in zip(kinds, alone, strict=True):
        listed = {name: weighed.weight for name, weighed in here.items() if name in best}
        if listed:
            found.setdefault(min(listed, key=lambda name: (-listed[name], name)), []).append(kind)
    return found


def _weigh(suspect: Suspect, evidence: Evidence) -> _Weighed:
    pattern = next((line.pattern for line in suspect.evidence if line.signal == "message"), None)
    own = evidence.own(pattern)
    weight, tells = 0.0, evidence.errors > 0
    own_signs: list[float] = []
    supports: list[tuple[float, str]] = []
    contradicts: list[tuple[float, str]] = []
    missing = [m if isinstance(m, str) else m.text for m in suspect.missing if _is_missing(m, evidence)]
    for line in suspect.evidence:
        shown = SIGNALS[line.signal](evidence, line, own)
        if shown is None:
            if line.signal == "message" and evidence.errors:
                missing.append("the text of the failed answers")
            continue
        if line.signal in suspect.needs:
            own_signs.append(shown.strength)
        if shown.strength > 0 and line.for_ > 0:
            weight += line.for_ * shown.strength
            supports.append((line.for_ * shown.strength, shown.text))
            tells = tells or line.signal in SLOWNESS
        elif shown.strength == 0 and line.against > 0:
            weight -= line.against
            contradicts.append((line.against, shown.text))
    listed = bool(supports) and tells and weight >= suspect.listed_from and any(own_signs or [1.0])
    return _Weighed(weight, _strongest_first(supports), _strongest_first(contradicts), missing, listed)


def _strongest_first(told: list[tuple[float, str]]) -> list[str]:
    return list(dict.fromkeys(text for _, text in sorted(told, key=lambda one: -one[0])))


def _is_missing(line: str | MissingLine, evidence: Evidence) -> bool:
    return isinstance(line, str) or line.is_missing(evidence)


def _report(
    suspect: Suspect, weighed: _Weighed, kinds: Sequence[FingerprintReport], evidence: Evidence
) -> SuspectReport:
    return SuspectReport.model_validate(
        {
            "name": suspect.name,
            "title": suspect.title,
            "rank": 0,
            "weight": round(weighed.weight, 2),
            "explains": sum(kind.share for kind in kinds) if kinds else None,
            "kinds": [kind.id for kind in kinds],
            "for": weighed.supports,
            "against": weighed.contradicts,
            "missing": weighed.missing,
            "advice": [*measured_advice(suspect.name, evidence), *suspect.advice],
            "experiment": suspect.experiment if suspect.experiments_on in (None, evidence.target) else None,
        }
    )
