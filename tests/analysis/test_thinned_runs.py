"""A run too long to be kept whole gets the verdict of the whole one: counts exactly, the rest nearly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import by_load, by_time, make_run

from analysis.diagnose import diagnose, judged
from analysis.freezes import silences
from analysis.levels import cut_levels
from analysis.usable import usable
from analysis.windows import cut_windows, in_flight_at_start, row_load
from recording.collect import Collector
from recording.run import Run
from recording.sample import Samples

RATES = {
    "rises": by_load(lambda u: 0.02 + 0.02 * u),
    "constant": by_load(lambda u: 0.2 + 0 * u),
    "bursts": by_time(lambda t: np.where(t % 50 < 6, 0.7, 0.01)),
}


def thinned(run: Run, budget: int, piece: int = 1000) -> Run:
    collector = Collector(budget)
    for at in range(0, len(run.samples), piece):
        collector.add(run.samples.take(np.arange(at, min(at + piece, len(run.samples)))))
    return replace(run, samples=collector.samples(), thinned=collector.thinned)


@pytest.fixture(scope="module", params=RATES)
def run(request):
    return make_run(errors=RATES[request.param], step_s=30, per_user_s=8)


def test_counts_are_exact_and_answers_the_same(run):
    short = thinned(run, len(run.samples) // 3)
    assert len(short.samples) < len(run.samples) / 3
    whole, part = judged(run), judged(short)
    assert (part.verdict.requests, part.verdict.errors) == (whole.verdict.requests, whole.verdict.errors)
    assert {k: c.count for k, c in part.verdict.by_status.items()} == {
        k: c.count for k, c in whole.verdict.by_status.items()
    }
    assert part.verdict.load_effect.answer == whole.verdict.load_effect.answer
    assert part.verdict.temporal.answer == whole.verdict.temporal.answer
    assert part.verdict.latency_ms.ok.p95 == pytest.approx(whole.verdict.latency_ms.ok.p95, rel=0.05)
    assert not part.verdict.concentration


def test_windows_hold_exactly_the_requests_and_errors_of_the_whole_run(run):
    short = thinned(run, len(run.samples) // 3)
    part = judged(short).windows
    whole = cut_windows(usable(run.samples), part.origin_s, width_s=part.width_s)
    count = min(len(part), len(whole))
    assert part.requests[:count].tolist() == whole.requests[:count].tolist()
    assert part.by_class[:count].tolist() == whole.by_class[:count].tolist()
    assert part.load[:count] == pytest.approx(whole.load[:count], nan_ok=True)


def test_the_verdict_says_that_rows_were_thinned(run):
    found = diagnose(thinned(run, len(run.samples) // 3)).quality
    note = next(f for f in found.findings if f.code == "rows_thinned")
    assert note.severity == "note"
    assert f"{len(run.samples):,} rows" in note.text
    assert not any(f.code == "rows_thinned" for f in diagnose(run).quality.findings)


def test_the_size_of_the_pieces_does_not_matter_to_counts_and_answers(run):
    small, large = (diagnose(thinned(run, len(run.samples) // 3, piece)) for piece in (300, 5000))
    assert (small.requests, small.errors) == (large.requests, large.errors)
    assert small.load_effect.answer == large.load_effect.answer
    assert small.temporal.answer == large.temporal.answer


def every(samples: Samples, k: int) -> Samples:
    """One row of k, standing for all of them."""
    kept = samples.take(np.arange(0, len(samples), k))
    return replace(kept, weight=np.full(len(kept), k, np.int32))


def test_requests_in_flight_count_what_rows_stand_for():
    samples = make_run(users=[20] * 4, per_user_s=40, ok_ms=500.0).samples
    whole, part = usable(samples), usable(every(samples, 4))
    flying = [in_flight_at_start(rows, np.arange(len(rows.samples))).mean() for rows in (part, whole)]
    assert flying[0] == pytest.approx(flying[1], rel=0.1)


def test_a_freeze_counts_what_waiting_rows_stand_for():
    run = make_run(users=[20] * 4, per_user_s=40)
    samples = run.samples
    start = samples.start_s - samples.start_s.min()
    frozen = (start > 60) & (start < 61)
    duration = np.where(frozen, (66 - start) * 1000, samples.duration_ms)
    sending = ~((start >= 61) & (start < 66))
    samples = replace(samples, duration_ms=duration).take(np.flatnonzero(sending))

    def found(chosen: Samples):
        rows = usable(chosen)
        return silences(rows.samples, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows))))

    (whole,), (part,) = found(samples).freezes, found(every(samples, 4)).freezes
    assert part.duration_s == pytest.approx(whole.duration_s, rel=0.05)
    assert part.in_flight == pytest.approx(whole.in_flight, rel=0.1)


def test_an_account_is_not_blamed_for_successes_that_were_left_out():
    run = make_run(errors=0.3, users=[20] * 10, per_user_s=40)
    rng = np.random.default_rng(5)
    account = rng.integers(0, 700, len(run.samples)).astype(np.int32)
    short = thinned(replace(run, samples=replace(run.samples, account=account)), 30_000)
    assert short.thinned is not None
    assert [c for c in diagnose(short).concentration if c.dimension == "account"] == []
