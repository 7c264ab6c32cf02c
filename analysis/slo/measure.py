"""Measure: the figure that each target is judged by. Only what is asked for is worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analysis import phrases
from analysis.intervals import rate_interval, share, share_interval
from analysis.slo.figure import Basis, Measured
from analysis.slo.grammar import SloTarget
from analysis.slo.percentiles import percentile, percentile_of_windows
from analysis.slo.selection import Selection
from analysis.slo.stretches import Halves, Judged, across, enough, no_chance
from analysis.slo.unanswered import without_answer
from analysis.slo.withheld import UNANSWERED, nobody, untold
from analysis.usable import Bools, Floats, Ints, Usable, bounds

ONE_MOMENT = "all requests were sent at one moment"
UNRECORDED = "the messages of {} were not recorded"


def measure(target: SloTarget, basis: Basis) -> Measured:
    """What a target came to; a run without requests gives nothing."""
    if basis.rows.requests == 0:
        return Measured(None)
    if why := untold(target, basis):
        return Measured(None, n=basis.rows.requests, note=why)
    chosen = Selection.of(target, basis.rows, basis.windows)
    left_out = chosen.of_unknown_load()
    found = _of_chosen(target, basis, chosen)
    if not left_out:
        return found
    return _noted(found, f"{phrases.counted(left_out, 'request')} of unknown load left out")


def _of_chosen(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    if not chosen.is_everything and chosen.tally(chosen.slabs())[0] == 0:
        return Measured(None, note=nobody(target, chosen))
    if target.share is None:
        return _BY_METRIC[target.metric](target, basis, chosen)
    of_times = percentile_of_windows if target.window_s else percentile
    return without_answer(target, of_times(target, basis, chosen), chosen)


def _share(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Of error_rate, status and outcome."""
    if target.window_s is not None:
        halves = Halves.of(basis.rows.samples, target.window_s, basis.until_s)
        if isinstance(halves, str):
            return Measured(None, note=halves)
        part = chosen.tally(counted(target, chosen), halves.cells)
        found = _share_of_windows(target, part, part, chosen, halves)
        return _at_least(target, found, basis)
    part, requests = (round(chosen.tally(of)[0]) for of in (counted(target, chosen), chosen.slabs()))
    rate = share(part, requests)
    if target.metric == "error_rate" and "failed_requests" in basis.lacks:
        return Measured(None, rate.low, None, requests, UNANSWERED)
    return Measured(rate.value, rate.low, rate.high, requests)


def counted(target: SloTarget, chosen: Selection) -> Iterator[Ints]:
    """Rows that a share or a throughput is about, some at a time."""
    is_meant = _IS_MEANT[target.metric]
    return (rows.start + np.flatnonzero(is_meant(target, chosen.rows, rows)) for rows in chosen.slabs())


def _has_status(target: SloTarget, run: Usable, rows: slice) -> Bools:
    status = run.samples.status[rows]
    if target.word.endswith("xx"):
        return np.asarray(status // 100 == int(target.word[0]), np.bool_)
    return np.asarray(status == int(target.word), np.bool_)


def _has_outcome(target: SloTarget, run: Usable, rows: slice) -> Bools:
    wanted = np.array([name == target.word for name in run.samples.outcome.names], bool)
    return np.asarray(wanted[run.samples.outcome.codes[rows]], np.bool_)


_IS_MEANT: dict[str, Callable[[SloTarget, Usable, slice], Bools]] = {
    "error_rate": lambda _, run, rows: run.failed[rows],
    "throughput": lambda _, run, rows: ~run.failed[rows],
    "status": _has_status,
    "outcome": _has_outcome,
}


def _share_of_windows(
    target: SloTarget, part: Floats, at_worst: Floats, chosen: Selection, halves: Halves
) -> Measured:
    """From sums of half windows: counted surely, and counted at worst."""
    cells = part, at_worst, chosen.tally(chosen.slabs(), halves.cells)
    part, at_worst, requests = map(halves.whole, cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        value, worst = part / requests, at_worst / requests
    bad, allowed = (part, target.limit) if target.is_upper else (requests - part, 1 - target.limit)
    least = enough(allowed, may_be_reached=target.operator in ("<=", ">="))
    counts = (requests >= least) | no_chance(bad, requests, allowed)
    return across(target, Judged(value, worst, requests, counts & (requests > 0), halves), least)


def _unclear(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Failures whose message is unknown could be of either kind; it lies between."""
    unclear, unknown = (_rows_of(basis, clear) for clear in (False, None))
    if target.window_s is not None:
        halves = Halves.of(basis.rows.samples, target.window_s, basis.until_s)
        if isinstance(halves, str):
            return Measured(None, note=halves)
        sure, open_ = (chosen.tally(of, halves.cells) for of in (unclear, unknown))
        found = _share_of_windows(target, sure, sure + open_, chosen, halves)
        missing = phrases.counted(open_.sum(), "failure")
        return _at_least(
            target, found if not open_.any() else _noted(found, UNRECORDED.format(missing)), basis
        )
    sure_n, open_n, requests = (round(chosen.tally(of)[0]) for of in (unclear, unknown, chosen.slabs()))
    low, _ = share_interval(sure_n, requests)
    _, high = share_interval(sure_n + open_n, requests)
    if "failed_requests" in basis.lacks:
        return Measured(None, low, None, requests, UNANSWERED)
    if open_n == 0:
        return Measured(sure_n / requests, low, high, requests)
    note = UNRECORDED.format(phrases.counted(open_n, "failure"))
    return Measured(None, sure_n / requests, (sure_n + open_n) / requests, requests, note)


def _at_least(target: SloTarget, found: Measured, basis: Basis) -> Measured:
    """Requests without an answer failed, so where they are missing a share of failures can only be larger."""
    if "failed_requests" not in basis.lacks or (found.value is not None and not target.holds(found.value)):
        return found
    return Measured(None, n=found.n, note=UNANSWERED)


def _rows_of(basis: Basis, clear: bool | None) -> list[Ints]:
    return [rows for told, rows in basis.clear() if told is clear]


def _noted(found: Measured, note: str) -> Measured:
    parts = [part for part in (found.note, note) if part]
    return Measured(found.value, found.low, found.high, found.n, "; ".join(parts), found.worst)


def _freeze(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    longest_s = basis.silent().longest_s
    if target.at:
        longest_s = max(_silences_at(basis, chosen), default=0.0)
    notes = []
    if longest_s == 0:
        notes.append("no stretch without answers was out of proportion")
    if "sub_second_time" in basis.lacks:
        notes.append("timestamps are whole seconds, so it is known to a second only")
    if "unfinished" in basis.lacks:
        notes.append("requests never answered are not in this source")
    requests = round(chosen.tally(chosen.slabs())[0])
    return Measured(longest_s, n=requests, note="; ".join(notes))


def _silences_at(basis: Basis, chosen: Selection) -> list[float]:
    """Lengths of the silences that began at the load that is meant: that of the latest request before."""
    start_s = basis.rows.samples.start_s
    silences = basis.silent().found
    begin_s = np.array([silence.start_s for silence in silences])
    # What waited when the silence began was sent then or before; a microsecond is what adding up may cost.
    rows = np.searchsorted(start_s, start_s[0] + begin_s + 1e-6, side="right") - 1
    held = chosen.at_load(np.maximum(rows, 0)) if len(rows) else np.zeros(0, bool)
    return [silence.duration_s for silence, here in zip(silences, held, strict=True) if here]


def _throughput(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Successes a second, where they were sent."""
    if target.window_s is not None:
        return _throughput_of_windows(target, basis, chosen)
    seconds = _seconds(basis, chosen)
    ok, requests = (round(chosen.tally(of)[0]) for of in (counted(target, chosen), chosen.slabs()))
    if seconds <= 0:
        return Measured(None, n=requests, note=ONE_MOMENT)
    low, high = rate_interval(ok, seconds)
    return Measured(ok / seconds, low, high, requests, f"in {phrases.seconds(seconds)}")


def _seconds(basis: Basis, chosen: Selection) -> float:
    """Time at the load that is meant: from each send to the next, from the last one to the last answer."""
    samples = basis.rows.samples
    start_s = samples.start_s
    if basis.length_s is not None:
        return basis.length_s
    first_s, end_s = bounds(samples)
    if start_s[-1] == start_s[0]:
        return 0.0
    if not chosen.at:
        return end_s - first_s
    last = slice(len(start_s) - 1, len(start_s))
    total = float((end_s - start_s[-1]) * chosen.at_load(last)[0])
    for rows in chosen.slabs():
        gaps = np.diff(start_s[rows.start : rows.stop + 1])
        total += float(gaps[chosen.at_load(rows)[: len(gaps)]].sum())
    return total


def _throughput_of_windows(target: SloTarget, basis: Basis, chosen: Selection) -> Measured:
    """Of every window; with a load, of those in which every request was sent at it.

    A run ends with its last answer if that comes late: then nobody was served while all waited.
    """
    assert target.window_s is not None
    samples = basis.rows.samples
    _, end_s = bounds(samples)
    waited = end_s - float(samples.start_s[-1]) >= target.window_s / 2
    halves = Halves.of(samples, target.window_s, basis.until_s, end_s if waited else None)
    if isinstance(halves, str):
        return Measured(None, note=halves)
    cells, whole = halves.cells, halves.whole
    ok = whole(chosen.tally(counted(target, chosen), cells))
    requests = whole(chosen.tally(chosen.slabs(), cells))
    value = ok / halves.length_s
    counts = np.ones(len(ok), bool)
    if chosen.at:
        here = whole(chosen.tally(chosen.slabs(), cells, any_endpoint=True))
        everywhere = Selection(chosen.rows, chosen.windows)
        counts = (here > 0) & (here == whole(everywhere.tally(chosen.slabs(), cells)))
        if not counts.any():
            return Measured(None, note="no window was wholly at that load")
    return across(target, Judged(value, value, np.where(counts, requests, 0.0), counts, halves), least=0)


_BY_METRIC: dict[str, Callable[[SloTarget, Basis, Selection], Measured]] = {
    "error_rate": _share,
    "status": _share,
    "outcome": _share,
    "unclear_errors": _unclear,
    "freeze": _freeze,
    "throughput": _throughput,
}
