"""Concentration: what holds more failures than chance allows, and what only seems to."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import make_samples
from scipy.stats import hypergeom

from analysis.concentration import concentration
from analysis.intervals import table_tail
from analysis.levels import cut_levels
from analysis.usable import usable
from analysis.windows import cut_windows, row_load
from benchmarks.kinds import KINDS
from benchmarks.rows import made_rows


def held(samples):
    rows = usable(samples)
    return concentration(rows, cut_levels(rows.samples, row_load(rows.samples, cut_windows(rows))))


@pytest.mark.parametrize(
    ("k", "n", "others_k", "others_n"), [(56, 429, 8, 110), (5, 10, 20, 1000), (3, 3, 0, 5), (0, 5, 2, 5)]
)
def test_the_tail_of_a_table_is_fishers(k, n, others_k, others_n):
    expected = hypergeom.sf(k - 1, n + others_n, k + others_k, n)
    assert table_tail(k, n, others_k, others_n) == pytest.approx(expected, rel=1e-9)


def test_a_busy_endpoint_is_not_blamed_because_few_others_were_lucky():
    blamed = [
        held(made_rows(kind, shape, 60.0, seed))
        for kind in KINDS
        for shape in ("shuffled_steps", "stairs_up_down")
        for seed in (1, 2, 3)
    ]
    assert sum(bool(found) for found in blamed) <= 1


def test_a_broken_endpoint_is_found_among_few_others():
    rng = np.random.default_rng(2)
    n = 500
    broken = rng.random(n) < 0.8
    failed = rng.random(n) < np.where(broken, 0.3, 0.02)
    samples = make_samples(
        start_s=1e9 + np.sort(rng.uniform(0, 60, n)),
        endpoint=np.where(broken, "login", "me").tolist(),
        outcome=np.where(failed, "http_error", "ok").tolist(),
        status=np.where(failed, 503, 200),
    )
    (found,) = held(samples)
    assert (found.dimension, found.value) == ("endpoint", "login")
    assert found.errors == np.count_nonzero(failed & broken)
