"""Measured: the figures that targets are judged by, from a run's usable samples."""

from __future__ import annotations

from collections.abc import Sequence

from analysis import phrases
from analysis.freezes import Silences
from analysis.intervals import share, share_interval
from analysis.latency import LEAST, Distribution, Latencies
from analysis.slo import Measured
from analysis.usable import Usable
from analysis.verdict import FingerprintReport
from analysis.withheld import doubt_of

UNANSWERED = "requests without an answer are not in this source"
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def measure(
    rows: Usable,
    times: Latencies,
    silences: Silences,
    fingerprints: Sequence[FingerprintReport],
    lacks: frozenset[str],
) -> dict[str, Measured]:
    """Every metric of `slo.UNITS`; without requests all are unmeasured."""
    if rows.requests == 0:
        return {}
    return {
        "error_rate": _error_rate(rows, lacks),
        "unclear_errors": _unclear(rows, fingerprints),
        "freeze": _freeze(rows, silences, lacks),
        **_percentiles_of_all(times, rows, lacks),
        **{f"{name}(ok)": _percentile(times.ok, q) for name, q in QUANTILES.items()},
    }


def _percentiles_of_all(times: Latencies, rows: Usable, lacks: frozenset[str]) -> dict[str, Measured]:
    """Percentiles of all requests; without those that timed out there are none, not even a bound."""
    if "failed_requests" in lacks:
        return {name: Measured(None, n=rows.requests, note=UNANSWERED) for name in QUANTILES}
    return {name: _percentile(times.all, q, times.all_at_worst) for name, q in QUANTILES.items()}


def _error_rate(rows: Usable, lacks: frozenset[str]) -> Measured:
    rate = share(rows.errors, rows.requests)
    if "failed_requests" in lacks:
        return Measured(None, rate.low, None, rows.requests, UNANSWERED)
    return Measured(rate.value, rate.low, rate.high, rows.requests)


def _unclear(rows: Usable, fingerprints: Sequence[FingerprintReport]) -> Measured:
    """Failures whose message is unknown could be of either kind; with too many of them there is no figure."""
    unclear = sum(f.count for f in fingerprints if f.clear is False)
    unknown = sum(f.count for f in fingerprints if f.clear is None)
    low, _ = share_interval(unclear, rows.requests)
    _, high = share_interval(unclear + unknown, rows.requests)
    if unknown == 0:
        return Measured(unclear / rows.requests, low, high, rows.requests)
    note = f"the messages of {phrases.counted(unknown, 'failure')} were not recorded"
    return Measured(None, unclear / rows.requests, None, rows.requests, note)


def _freeze(rows: Usable, silences: Silences, lacks: frozenset[str]) -> Measured:
    if doubt := doubt_of(lacks):
        return Measured(None, n=rows.requests, note=doubt)
    notes = []
    if silences.longest_s == 0:
        notes.append("no stretch without answers was out of proportion")
    if "sub_second_time" in lacks:
        notes.append("timestamps are whole seconds, so it is known to a second only")
    if "unfinished" in lacks:
        notes.append("requests never answered are not in this source")
    return Measured(silences.longest_s, n=rows.requests, note="; ".join(notes))


def _percentile(found: Distribution, quantile: float, at_worst: Distribution | None = None) -> Measured:
    value = found.percentile(quantile)
    low, high = found.interval(quantile)
    if value is None:
        note = f"it needs {LEAST[quantile]} requests and has {phrases.count(found.n)}"
        return Measured(None, low, None, found.n, note)
    worst = value if at_worst is None else at_worst.at_rank(quantile * at_worst.n)
    note = "requests never answered may push it higher" if worst > value else ""
    return Measured(value, low, high, found.n, note, worst)
