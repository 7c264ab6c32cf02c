"""Diagnose: from a Run to its Verdict. Pure: no files but the suspects' table, no clock, no chance."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from analysis.attribution import attribution, findings, reason, summary
from analysis.bursts import described
from analysis.change import what_would_change
from analysis.class_rates import class_rates
from analysis.classes import Judge, by_status
from analysis.concentration import concentration
from analysis.drift import time_drift
from analysis.evidence import Evidence
from analysis.fingerprints import fingerprints
from analysis.fitted import fitted
from analysis.freezes import Silences, silences
from analysis.intervals import share
from analysis.knee import knee, within_levels
from analysis.levels import capacity, cut_levels, level_table
from analysis.lines import warm_up_s
from analysis.looks import looks_of
from analysis.measured import measure
from analysis.next_plan import seen
from analysis.next_run import next_run
from analysis.quality import quality, with_findings
from analysis.sentence import Facts, sentence
from analysis.shares import Shares
from analysis.slo import CASE_SLO, evaluate, parse_slo
from analysis.suspects import Suspect, known_suspects, weigh
from analysis.tree import tree
from analysis.usable import bounds, usable
from analysis.verdict import Verdict
from analysis.windows import Windows, cut_run, row_load
from analysis.withheld import (
    doubt_of,
    no_drift,
    told_durations,
    told_levels,
    told_percentiles,
    told_rate,
    told_windows,
)
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


def judged(run: Run, slo: Sequence[str] = CASE_SLO, suspects: Sequence[Suspect] | None = None) -> Judged:
    """Judge a run.

    Args:
        run: what `recording.reader.read_run` gives, of any source.
        slo: targets as text; see `analysis.slo`.
        suspects: whom to weigh; default those of config/suspects.yaml.

    Raises:
        ValueError: a target does not follow the grammar.
        analysis.suspects.SuspectsError: config/suspects.yaml is missing or wrong.
    """
    rows = usable(run.samples)
    samples = rows.samples
    cut = cut_run(run, rows)
    doubt = doubt_of(run.lacks)
    first, last = bounds(samples)
    length_s = last - first if run.length_s is None else run.length_s
    levels = cut_levels(samples, row_load(samples, cut))
    # Sorting millions of rows lets go of Python's lock: what needs that most is done on a second core.
    with ThreadPoolExecutor(1) as second:
        silent_later = None if doubt else second.submit(silences, samples, levels)
        held_later = None if "request_times" in run.lacks else second.submit(concentration, rows, levels)
        ranked = told_durations(rows, levels, run.lacks)
        table = told_levels(level_table(rows, levels, ranked), run.lacks)
        shares = Shares.of(cut, levels.place, table)
        judge = Judge.of(rows, cut, doubt, shares, looks_of(run))
        load = judge.load(rows.failed)
        pattern = described(judge.temporal(rows.failed), judge, rows.failed)
        bend = within_levels(knee(cut), table) if load.answer == "rises" else None
        load = load.model_copy(update={"fitted": fitted(cut, load, bend)})
        kinds = fingerprints(run, judge)
        statuses = by_status(judge)
    silent = Silences((), 0.0) if silent_later is None else silent_later.result()
    held = [] if held_later is None else held_later.result()
    rate = told_rate(share(rows.errors, rows.requests), run.lacks)
    parts = [] if rate.value is None else attribution(statuses, kinds, rows.errors)
    trust = with_findings(quality(run, rows, cut), findings(load, parts))
    load = load.model_copy(update={"why": reason(load, parts)})
    drift = no_drift(doubt) if doubt else time_drift(cut)
    times = ranked.latencies()
    figures = told_percentiles(times.report(), run.lacks)
    evidence = Evidence(
        rows=rows,
        levels=table,
        load=load,
        temporal=pattern,
        drift=drift,
        fingerprints=kinds,
        by_status=statuses,
        concentration=held,
        freezes=silent.freezes,
        latency=figures,
        quality=trust,
    )
    facts = Facts(
        rate=rate,
        errors=rows.errors,
        load=load,
        temporal=pattern,
        knee=bend,
        levels=table,
        fingerprints=kinds,
        statuses=statuses,
        quality=trust,
        duration_s=length_s,
        warm_up_s=warm_up_s(cut),
        drift=drift,
        freezes=silent.freezes,
    )
    following = next_run(load, pattern, rows.errors, seen(run, cut, length_s, figures))
    verdict = Verdict(
        run_id=run.id,
        source=run.source,
        **_origin(run),
        duration_s=length_s,
        sentence=sentence(facts),
        what_would_change=what_would_change(facts, following),
        requests=rows.requests,
        errors=rows.errors,
        unfinished=int(rows.weight[samples.outcome.equals("unfinished")].sum()),
        error_rate=rate,
        load_effect=load,
        temporal=pattern,
        time_drift=drift,
        knee=bend,
        capacity=None if doubt else capacity(table, levels, _error_limit(slo)),
        freezes=list(silent.freezes),
        latency_ms=figures,
        levels=table,
        by_status=statuses,
        class_rates=class_rates(judge, statuses, levels, table),
        fingerprints=kinds,
        attribution=parts,
        attribution_text=summary(rate.value, parts, shares.ends, cut.axis),
        concentration=held,
        tree=tree(rows.requests, statuses, kinds, pattern, load),
        suspects=weigh(known_suspects() if suspects is None else suspects, evidence),
        slo=evaluate(slo, measure(rows, times, silent, kinds, run.lacks)),
        quality=trust,
        lacks=sorted(run.lacks),
        next_run=following,
    )
    return Judged(verdict, told_windows(cut, run.lacks))


def _error_limit(slo: Sequence[str]) -> float:
    limits = [target.limit for target in map(parse_slo, slo) if target.metric == "error_rate"]
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
