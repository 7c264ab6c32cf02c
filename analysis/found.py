"""Found: everything that is found out about a run, each question asked once, before it is put into words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from analysis.arrivals import falls_short, from_intended
from analysis.attribution import attribution, findings, reason
from analysis.bursts import described
from analysis.classes import Judge, by_status
from analysis.conditions import gathered
from analysis.drift import time_drift
from analysis.fingerprints import fingerprints, kinds_of
from analysis.fitted import fitted
from analysis.freezes import Silences, silences
from analysis.intervals import share
from analysis.knee import knee, within_levels
from analysis.latency import Latencies
from analysis.levels import Levels, cut_levels, level_table
from analysis.looks import Looks, looks_of
from analysis.quality import is_partial, quality, with_findings
from analysis.ranked import Ranked
from analysis.server import server
from analysis.shares import Shares
from analysis.standstill import marked
from analysis.step import told_as_step
from analysis.usable import Ints, Usable, bounds, usable
from analysis.verdict import (
    Attribution,
    Concentration,
    FingerprintReport,
    Interval,
    Knee,
    LatencyMs,
    LoadEffect,
    LoadLevel,
    Quality,
    Server,
    StatusClass,
    Temporal,
    TimeDrift,
)
from analysis.windows import Windows, cut_run, row_load
from analysis.withheld import doubt_of, no_drift, told_durations, told_levels, told_percentiles, told_rate
from recording.cores import CORES
from recording.run import Run


@dataclass(frozen=True, slots=True)
class Cut:
    """A run cut up, ready to be asked.

    Attributes:
        rows: its usable rows.
        windows: cut by time.
        levels: cut by load.
        doubt: why nothing can be said about load and pattern; "" where something can.
        ranked: durations per level, sorted once.
        table: the levels as they are told.
        judge: asks about any set of failing rows.
    """

    rows: Usable
    windows: Windows
    levels: Levels
    doubt: str
    ranked: Ranked
    table: list[LoadLevel]
    judge: Judge


@dataclass(frozen=True, slots=True)
class Found:
    """The answers, in the terms of the verdict; `times` are the distributions behind `latency`, `failing` the
    rows of each kind of failure by its id."""

    cut: Cut
    duration_s: float
    rate: Interval
    load: LoadEffect
    temporal: Temporal
    drift: TimeDrift
    knee: Knee | None
    kinds: list[FingerprintReport]
    failing: dict[str, Ints]
    statuses: dict[str, StatusClass]
    parts: list[Attribution]
    silent: Silences
    concentration: list[Concentration]
    times: Latencies
    latency: LatencyMs
    quality: Quality
    server: Server | None


def find(run: Run, looks: Looks | None = None) -> Found:
    """Ask everything that the run can tell; `looks` where it is not over, default what its events tell."""
    run = marked(run)
    rows = usable(run.samples, ordered=run.ordered)
    windows = cut_run(run, rows)
    levels = cut_levels(rows.samples, row_load(rows.samples, windows))
    doubt = doubt_of(run.lacks)
    # Sorting millions of rows lets go of Python's lock: what needs that most is done on a second core.
    with ThreadPoolExecutor(CORES) as second:
        own_load = "readings" not in run.lacks
        silent = None if doubt else second.submit(silences, rows.samples, levels, users_known=own_load)
        held = None if "request_times" in run.lacks else second.submit(gathered, rows, levels)
        known = quality(run, rows, windows)
        cut = _cut(run, rows, windows, levels, doubt, looks or looks_of(run), is_partial(known))
        ranked_later = second.submit(cut.ranked.latencies)
        load, pattern, bend = _about_failures(cut)
        told_apart = kinds_of(run, cut.judge)
        kinds, statuses = fingerprints(told_apart, cut.judge, run.lacks), by_status(cut.judge)
    rate = told_rate(share(rows.errors, rows.requests), run.lacks)
    failing = {kind.id: kind.failed for kind in told_apart}
    parts = [] if rate.value is None else attribution(statuses, kinds, rows.errors)
    first, last = bounds(rows.samples)
    times = ranked_later.result()
    return Found(
        cut=cut,
        duration_s=_duration_s(run, last - first),
        rate=rate,
        load=load.model_copy(update={"why": reason(load, parts)}),
        temporal=pattern,
        drift=no_drift(doubt) if doubt else told_as_step(time_drift(windows), windows, rows),
        knee=bend,
        kinds=kinds,
        failing=failing,
        statuses=statuses,
        parts=parts,
        silent=Silences((), 0.0) if silent is None else silent.result(),
        concentration=[] if held is None else held.result(),
        times=times,
        latency=told_percentiles(times.report(), run.lacks).model_copy(
            update={"from_intended": from_intended(rows)}
        ),
        quality=with_findings(known, findings(load, parts)),
        server=server(
            run.readings,
            rows,
            levels,
            windows.origin_s,
            windows.axis,
            failing,
        ),
    )


def _duration_s(run: Run, seen_s: float) -> float:
    """Seconds from the first send to the last answer; 0 where nobody knows what a second is."""
    if "time_unit" in run.lacks:
        return 0.0
    return seen_s if run.length_s is None else run.length_s


def _cut(
    run: Run, rows: Usable, windows: Windows, levels: Levels, doubt: str, looks: Looks, partial: bool
) -> Cut:
    ranked = told_durations(rows, levels, run.lacks)
    table = told_levels(level_table(rows, levels, ranked), run.lacks)
    shares = Shares.of(windows, levels.place, table)
    judge = Judge.of(rows, windows, doubt, shares, looks, partial=partial, short=falls_short(run))
    return Cut(rows, windows, levels, doubt, ranked, table, judge)


def _about_failures(cut: Cut) -> tuple[LoadEffect, Temporal, Knee | None]:
    """What all failures together do with load and in time, and where they begin."""
    judge, failed = cut.judge, cut.rows.failed
    load = judge.load(failed)
    pattern = described(judge.temporal(failed), judge, failed)
    bend = within_levels(knee(cut.windows), cut.table) if load.answer == "rises" else None
    return load.model_copy(update={"fitted": fitted(cut.windows, load, bend)}), pattern, bend
