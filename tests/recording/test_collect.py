"""However long a run is, a bounded number of its rows is kept, and every sum over a stratum stays exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording.collect import GRID_S, Collector
from recording.order import in_order
from recording.run import Thinned
from recording.sample import Category, Samples, constant, is_constant

OUTCOMES = ("ok", "http_error", "generator", "unfinished")


def many(rows: int, seed: int, seconds: float = 60.0, failing: float = 0.1) -> Samples:
    rng = np.random.default_rng(seed)
    failed = rng.random(rows) < failing
    return Samples(
        start_s=1e9 + np.sort(rng.random(rows)) * seconds,
        duration_ms=rng.lognormal(4, 1, rows),
        endpoint=Category(rng.integers(0, 2, rows).astype(np.int32), ("login", "me")),
        method=Category.constant("GET", rows),
        status=np.where(failed, 503, 200).astype(np.int16),
        outcome=Category(failed.astype(np.int32), OUTCOMES),
        code=Category.constant("", rows),
        users=(np.arange(rows) * 4 // max(rows, 1)).astype(np.int32),
        in_flight=constant(-1, rows),
        account=rng.integers(0, 9, rows).astype(np.int32),
        node=Category.constant("a", rows),
        stage=Category.constant("", rows),
        response_bytes=constant(-1, rows, np.int64),
        weight=constant(1, rows),
    )


def collect(samples: Samples, budget: int, sizes: list[int], order: list[int] | None = None) -> Collector:
    """Pieces of the sizes given, the last one repeated, in another order if wanted."""
    pieces, at = [], 0
    while at < len(samples):
        size = sizes[min(len(pieces), len(sizes) - 1)]
        pieces.append(samples.take(np.arange(at, min(at + size, len(samples)))))
        at += size
    collector = Collector(budget)
    for i in range(len(pieces)) if order is None else np.argsort(np.resize(order, len(pieces))):
        collector.add(pieces[i])
    return collector


def sums(samples: Samples, grid: Thinned) -> Counter[tuple[object, ...]]:
    """Requests of every stratum."""
    found: Counter[tuple[object, ...]] = Counter()
    stretch = np.floor((samples.start_s - grid.origin_s) / grid.grid_s)
    columns = (samples.endpoint.to_list(), samples.outcome.to_list(), samples.status, samples.users)
    for *key, weight in zip(stretch, *columns, samples.weight, strict=True):
        found[tuple(key)] += int(weight)
    return found


@pytest.fixture(autouse=True, scope="module")
def _short_slabs():
    """So that a few thousand rows fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recording.collect.SLAB", 200)
        yield


@settings(max_examples=40)
@given(
    rows=st.integers(1, 3000),
    seed=st.integers(0, 99),
    budget=st.integers(100, 1500),
    sizes=st.lists(st.integers(1, 900), min_size=1, max_size=4),
    order=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    failing=st.sampled_from([0.0, 0.1, 0.9]),
)
def test_sums_of_every_stratum_are_exact_whatever_the_pieces(rows, seed, budget, sizes, order, failing):
    samples = many(rows, seed, failing=failing)
    collector = collect(samples, budget, sizes, order)
    kept = collector.samples()
    grid = collector.thinned or Thinned(1e9, GRID_S, rows)
    assert collector.rows == rows
    assert len(kept) <= budget
    assert sums(kept, grid) == sums(samples, grid)
    assert set(kept.duration_ms.tolist()) <= set(samples.duration_ms.tolist())


def test_up_to_the_budget_every_row_is_kept_as_it_is():
    samples = many(1000, 1)
    collector = collect(samples, 1000, [300])
    assert collector.thinned is None
    assert collector.samples().to_table().equals(samples.to_table())


def test_failures_are_kept_whole_while_they_fit():
    samples = many(20_000, 2, failing=0.05)
    kept = collect(samples, 5000, [1000]).samples()
    assert int(kept.is_error.sum()) == int(samples.is_error.sum())
    assert kept.weight[kept.is_error].max() == 1


def test_percentiles_and_accounts_of_what_is_kept_are_nearly_those_of_all():
    samples = many(200_000, 3)
    kept = collect(samples, 90_000, [10_000]).samples()
    order = np.argsort(kept.duration_ms)
    reached = np.cumsum(kept.weight[order]) / len(samples)
    for share in (0.5, 0.95, 0.99):
        exact = np.quantile(samples.duration_ms, share)
        assert kept.duration_ms[order][np.searchsorted(reached, share)] == pytest.approx(exact, rel=0.03)
    per_account = np.bincount(kept.account, kept.weight)
    assert per_account == pytest.approx(np.bincount(samples.account), rel=0.05)


def test_rows_whose_times_are_none_stand_only_for_their_like():
    samples = many(3000, 4)
    start, duration = samples.start_s.copy(), samples.duration_ms.copy()
    start[::100], duration[1::100] = np.nan, -1.0
    kept = collect(replace(samples, start_s=start, duration_ms=duration), 800, [500]).samples()
    sound = np.isfinite(kept.start_s) & (kept.duration_ms >= 0)
    assert int(kept.weight[~sound].sum()) == 60
    assert int(kept.weight[sound].sum()) == 2940


def test_a_thing_that_no_two_rows_share_cannot_be_thinned_and_does_not_hang():
    samples = many(300, 5)
    endpoint = Category(np.arange(300, dtype=np.int32), tuple(f"/{i}" for i in range(300)))
    kept = collect(replace(samples, endpoint=endpoint), 100, [50]).samples()
    assert int(kept.weight.sum()) == 300


def test_names_that_differ_from_piece_to_piece_are_joined():
    collector = Collector()
    first, second = many(2, 6), many(2, 7)
    collector.add(replace(first, node=Category.constant("a", 2)))
    collector.add(replace(second, node=Category(np.array([1, 0], np.int32), ("a", "b"))))
    assert collector.samples().node.to_list() == ["a", "a", "b", "a"]


def test_a_column_of_one_value_takes_no_memory():
    collector = Collector()
    for seed in (1, 2):
        collector.add(many(5, seed))
    assert is_constant(collector.samples().weight)


def test_nothing_at_all_is_no_rows():
    assert len(Collector().samples()) == 0


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([200, 503]), st.integers(0, 3)),
        max_size=30,
    ),
    seed=st.integers(0, 9),
)
def test_rows_are_put_in_order_by_what_they_hold(rows, seed):
    start, duration, status, outcome = (np.array([row[i] for row in rows]) for i in range(4))
    samples = replace(
        many(len(rows), 1),
        users=constant(1, len(rows)),
        start_s=start.astype(float),
        duration_ms=duration.astype(float),
        status=status.astype(np.int16),
        outcome=Category(outcome.astype(np.int32), OUTCOMES),
    )
    mixed = samples.take(np.random.default_rng(seed).permutation(len(rows)))
    found = in_order(mixed)
    keys = list(zip(found.start_s, found.duration_ms, found.status, found.outcome.to_list(), strict=True))
    assert keys == sorted(keys)
    assert in_order(found) is found
