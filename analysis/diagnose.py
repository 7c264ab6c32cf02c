"""Diagnose: from a Run to its Verdict. Pure: no files but the suspects' table, no clock, no chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from analysis.attribution import summary
from analysis.change import what_would_change
from analysis.class_rates import class_rates
from analysis.ended_early import decided, was_cut_off
from analysis.evidence import Evidence, endpoint_counts
from analysis.found import Cut, Found, find
from analysis.levels import capacity
from analysis.lines import warm_up_s
from analysis.looks import Looks
from analysis.next_plan import seen
from analysis.next_run import next_run
from analysis.sentence import Facts, sentence
from analysis.slo.figure import Basis
from analysis.slo.grammar import CASE_SLO, parse_slo
from analysis.slo.judge import evaluate
from analysis.suspects import Suspect, known_suspects
from analysis.tree import tree
from analysis.verdict import Capacity, NextRun, Quality, Verdict
from analysis.weigh import weigh
from analysis.windows import Windows
from analysis.withheld import told_windows
from recording.run import Run

ERROR_LIMIT = 0.05
"""Error target used for the capacity where the run names none: the case's five per cent."""


class Judged(NamedTuple):
    """The verdict on a run, and the windows that it was read off, for the pictures."""

    verdict: Verdict
    windows: Windows


def diagnose(run: Run, slo: Sequence[str] = CASE_SLO, suspects: Sequence[Suspect] | None = None) -> Verdict:
    """Judge a run; see `judged`."""
    return judged(run, slo, suspects).verdict


def judged(
    run: Run,
    slo: Sequence[str] = CASE_SLO,
    suspects: Sequence[Suspect] | None = None,
    looks: Looks | None = None,
) -> Judged:
    """Judge a run.

    Args:
        run: what `recording.reader.read_run` gives, of any source.
        slo: targets as text; see `analysis.slo.grammar`.
        suspects: whom to weigh; default those of config/suspects.yaml.
        looks: how strict to be with a run that is going on; default what its own events tell.

    Raises:
        ValueError: a target does not follow the grammar.
        analysis.suspects.SuspectsError: config/suspects.yaml is missing or wrong.
    """
    found = find(run, looks)
    known = known_suspects() if suspects is None else suspects
    return Judged(_verdict(run, found, slo, known), told_windows(found.cut.windows, run.lacks))


def _verdict(run: Run, found: Found, slo: Sequence[str], suspects: Sequence[Suspect]) -> Verdict:
    """What was found, in words."""
    cut, rows = found.cut, found.cut.rows
    targets = evaluate(slo, _basis(run, found))
    quality = decided(found.quality, targets)
    facts = _facts(found, quality)
    following = _following(run, found)
    ends = cut.judge.shares.ends if cut.judge.shares is not None else None
    return Verdict(
        run_id=run.id,
        source=run.source,
        **_origin(run),
        duration_s=found.duration_s,
        sentence=sentence(facts),
        what_would_change=what_would_change(facts, following),
        requests=rows.requests,
        errors=rows.errors,
        unfinished=int(rows.weight[rows.samples.outcome.equals("unfinished")].sum()),
        error_rate=found.rate,
        load_effect=found.load,
        temporal=found.temporal,
        time_drift=found.drift,
        knee=found.knee,
        capacity=_capacity(cut, slo),
        freezes=list(found.silent.freezes),
        latency_ms=found.latency,
        levels=cut.table,
        by_status=found.statuses,
        class_rates=class_rates(cut.judge, found.statuses, cut.levels, cut.table),
        fingerprints=found.kinds,
        attribution=found.parts,
        attribution_text=summary(found.rate.value, found.parts, ends, cut.windows.axis),
        concentration=found.concentration,
        tree=tree(rows.requests, found.statuses, found.kinds, found.temporal, found.load, found.drift),
        suspects=weigh(suspects, _evidence(found, _name(run.manifest.get("target")))),
        server=found.server,
        slo=targets,
        quality=quality,
        lacks=sorted(run.lacks),
        next_run=following,
    )


def _following(run: Run, found: Found) -> NextRun | None:
    """The run that would settle what this one leaves open; none where it would find the target down again."""
    if found.load.down_since_s is not None or was_cut_off(found.quality):
        return None
    cut = found.cut
    known = seen(run, cut.windows, found.duration_s, found.latency)
    return next_run(found.load, found.temporal, cut.rows.errors, known)


def _basis(run: Run, found: Found) -> Basis:
    """What targets are measured on."""
    return Basis(
        rows=found.cut.rows,
        windows=found.cut.windows,
        levels=lambda: found.cut.levels,
        times=lambda: found.times,
        silent=lambda: found.silent,
        clear=lambda: [(kind.clear, found.failing[kind.id]) for kind in found.kinds],
        lacks=run.lacks,
        length_s=run.length_s,
    )


def _evidence(found: Found, target: str | None) -> Evidence:
    """What suspects are weighed by."""
    rows = found.cut.rows
    return Evidence(
        rows=rows,
        duration_s=found.duration_s,
        cut=found.cut.levels,
        failing=found.failing,
        by_endpoint=endpoint_counts(rows),
        levels=found.cut.table,
        load=found.load,
        temporal=found.temporal,
        drift=found.drift,
        fingerprints=found.kinds,
        by_status=found.statuses,
        concentration=found.concentration,
        freezes=found.silent.freezes,
        stalls=found.silent.stalls,
        latency=found.latency,
        quality=found.quality,
        server=found.server,
        target=target,
    )


def _facts(found: Found, quality: Quality) -> Facts:
    """What the first sentence is made of."""
    return Facts(
        rate=found.rate,
        errors=found.cut.rows.errors,
        load=found.load,
        temporal=found.temporal,
        knee=found.knee,
        levels=found.cut.table,
        fingerprints=found.kinds,
        statuses=found.statuses,
        quality=quality,
        duration_s=found.duration_s,
        warm_up_s=warm_up_s(found.cut.windows),
        drift=found.drift,
        freezes=found.silent.freezes,
    )


def _capacity(cut: Cut, slo: Sequence[str]) -> Capacity | None:
    """None where it is unknown what the loads were: withheld, not made, or filled up by the failures."""
    is_filled = cut.windows.filled is not None and cut.windows.filled.holds
    if cut.doubt or cut.judge.short or is_filled:
        return None
    return capacity(cut.table, cut.levels, _error_limit(slo))


def _error_limit(slo: Sequence[str]) -> float:
    targets = map(parse_slo, slo)
    limits = [target.limit for target in targets if target.metric == "error_rate" and target.is_plain]
    return min(limits, default=ERROR_LIMIT)


def _origin(run: Run) -> dict[str, str | None]:
    """Scenario, target and start as the manifest names them."""
    return {
        "scenario": _name(run.manifest.get("scenario")) or _name(run.scenario),
        "target": _name(run.manifest.get("target")),
        "started_utc": _name(run.manifest.get("start_utc")),
    }


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("name")
    return value if isinstance(value, str) and value else None
