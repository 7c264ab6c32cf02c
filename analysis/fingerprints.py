"""Fingerprints: failures grouped by what they have in common: status, outcome, code and masked message."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.classes import Judge
from analysis.clear_messages import Clearness, clearness
from analysis.latency import percentiles
from analysis.messages import masked
from analysis.usable import Bools, Ints, distinct_of
from analysis.verdict import Example, FingerprintReport
from analysis.withheld import no_percentiles
from recording.names import OTHER as VARIOUS
from recording.run import ErrorExample, Run

MOST = 50
"""Kinds listed one by one; whatever is rarer is told together as "other"."""
EXAMPLES = 3
OTHER = "other"

Key = tuple[int, str, str]
"""Status, outcome and code of a Sample: what examples are kept by."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One fingerprint before it is judged; `failed` holds the indices of its rows."""

    status: int
    outcome: str
    message: str
    failed: Ints
    examples: tuple[ErrorExample, ...]
    id: str


def fingerprints(kinds: Sequence[Kind], judge: Judge, lacks: frozenset[str]) -> list[FingerprintReport]:
    """Each kind judged on its own, in the order given."""
    return [_report(kind, judge, lacks, several=len(kinds) > 1) for kind in kinds]


def kinds_of(run: Run, judge: Judge) -> list[Kind]:
    """At most 50 kinds of failure and "other", the most frequent first."""
    failing = judge.failing
    keys, group = _keys(judge, failing)
    examples = _examples(run)
    merged: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        merged[key[0], key[1], _message(key, examples.get(key, ()))].append(i)
    sizes = np.bincount(group, judge.weight[failing], minlength=len(keys))
    ordered = sorted(merged, key=lambda name: (-sum(sizes[i] for i in merged[name]), name))
    kinds = [
        Kind(
            *name,
            failed=failing[_holding(group, merged[name], len(keys))],
            examples=tuple(e for i in merged[name] for e in examples.get(keys[i], ())),
            id=_identity(*name),
        )
        for name in ordered[:MOST]
    ]
    rest = ordered[MOST:]
    if rest:
        failed = failing[_holding(group, [i for name in rest for i in merged[name]], len(keys))]
        message = f"{len(rest):,} rarer kinds of failure"
        kinds.append(Kind(0, OTHER, message, failed, (), OTHER))
    return kinds


def _holding(group: Ints, wanted: list[int], count: int) -> Bools:
    """Which rows belong to one of the groups wanted."""
    return np.bincount(wanted, minlength=count).astype(bool)[group]


def _keys(judge: Judge, failing: Ints) -> tuple[list[Key], Ints]:
    """The distinct keys of failures, and for each failing row which one it has."""
    rows = judge.rows.samples
    outcomes, codes = rows.outcome.names, rows.code.names
    packed = (rows.status[failing].astype(np.int64) * len(outcomes) + rows.outcome.codes[failing]) * len(
        codes
    ) + rows.code.codes[failing]
    distinct, group = distinct_of(packed)
    keys = []
    for value in distinct.tolist() if len(failing) else ():
        rest, code = divmod(value, len(codes))
        status, outcome = divmod(rest, len(outcomes))
        keys.append((status, outcomes[outcome], codes[code]))
    return keys, group


def _examples(run: Run) -> dict[Key, tuple[ErrorExample, ...]]:
    kept: dict[Key, list[ErrorExample]] = defaultdict(list)
    for example in run.examples:
        kept[example.status, example.outcome, example.code].append(example)
    return {key: tuple(sorted(found, key=lambda e: e.time_s)) for key, found in kept.items()}


def _message(key: Key, examples: tuple[ErrorExample, ...]) -> str:
    """Most frequent masked message of the examples; else the code in words; "" if nothing was recorded."""
    if key[2] == VARIOUS:
        return "various texts, too many to tell apart"
    texts = Counter(text for e in examples if (text := masked(e.message)))
    if texts:
        return min(texts, key=lambda text: (-texts[text], text))
    return key[2].replace("_", " ")


def _identity(status: int, outcome: str, message: str) -> str:
    """The same in every run, so that runs can be compared."""
    digest = hashlib.sha256(f"{status}|{outcome}|{message}".encode()).hexdigest()
    return f"{status or outcome}-{digest[:8]}"


def told_clearly(kind: Kind, lacks: frozenset[str]) -> Clearness:
    """Whether clients were told what to do, and why that is so."""
    if kind.outcome == OTHER:
        return Clearness(None, "many kinds, not looked at one by one", [])
    # Texts of a foreign file are the tool's; what the answer itself said is not in it.
    return clearness(kind.status, kind.outcome, () if "message" in lacks else kind.examples)


def _report(kind: Kind, judge: Judge, lacks: frozenset[str], *, several: bool) -> FingerprintReport:
    rows, failed = judge.rows.samples, kind.failed
    timed = failed[~rows.is_held_up[failed]]
    start = rows.start_s[failed] - judge.windows.origin_s
    count = int(judge.weight[failed].sum())
    told = told_clearly(kind, lacks)
    return FingerprintReport(
        id=kind.id,
        status=kind.status,
        outcome=kind.outcome,
        message=kind.message,
        count=count,
        share=count / judge.rows.requests,
        first_s=float(start.min()),
        last_s=float(start.max()),
        **judge.answers(failed, several=several),
        clear=told.clear,
        clear_why=told.why,
        checks=told.checks,
        duration_ms=no_percentiles()
        if "durations" in lacks
        else percentiles(rows.duration_ms[timed], judge.weight[timed]),
        examples=[_example(e) for e in kind.examples[:EXAMPLES]],
    )


def _example(example: ErrorExample) -> Example:
    return Example(
        time_s=example.time_s,
        endpoint=example.endpoint,
        message=example.message,
        body=example.body,
        headers=example.headers,
    )
