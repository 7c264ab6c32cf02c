"""Whatever a file holds: a verdict, the same one in any order, with numbers that fit together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import make_run, make_samples
from strange_runs import strange_run, told_otherwise

from analysis.diagnose import diagnose
from analysis.usable import usable
from analysis.verdict import Verdict

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from parts(inner)


@FEW
@given(SEEDS)
def test_numbers_of_a_strange_run_fit_together(seed):
    verdict = diagnose(strange_run(seed))
    text = verdict.to_json()
    assert Verdict.model_validate_json(text) == verdict
    assert "NaN" not in text
    assert "Infinity" not in text
    assert sum(status.count for status in verdict.by_status.values()) == verdict.errors
    assert sum(kind.count for kind in verdict.fingerprints) == verdict.errors
    assert sum(level.requests for level in verdict.levels) <= verdict.requests
    for part in parts(json.loads(text)):
        bounds = [part.get(key) for key in ("low", "value", "high")]
        percentiles = [part.get(key) for key in ("p50", "p95", "p99", "max")]
        for numbers in (bounds, percentiles):
            known = [number for number in numbers if isinstance(number, int | float)]
            assert known == sorted(known)
        for key in ("share", "p_value", "confidence"):
            assert part.get(key) is None or 0 <= part[key] <= 1


@FEW
@given(SEEDS)
def test_the_order_of_strange_rows_and_names_does_not_matter(seed):
    run = strange_run(seed)
    other = told_otherwise(run.samples, np.random.default_rng(seed))
    assert diagnose(replace(run, samples=other)).to_json() == diagnose(run).to_json()


def test_rows_of_one_instant_are_told_apart_by_what_they_hold():
    rng = np.random.default_rng(3)
    n = 400
    samples = make_samples(
        start_s=1.75e9 + np.floor(np.arange(n) / 100),
        users=rng.choice([2, 20], n),
        weight=rng.choice([1, 50], n),
        code=rng.choice(["a", "b", "c"], n).tolist(),
    )
    first, second = (usable(rows).samples for rows in (samples, told_otherwise(samples, rng)))
    for name in ("users", "weight"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert first.code.to_list() == second.code.to_list()


def test_strange_runs_differ_and_repeat():
    again = [strange_run(seed).samples.start_s for seed in (5, 5, 6, 7)]
    assert np.array_equal(again[0], again[1], equal_nan=True)
    assert len({len(start) for start in again} | {float(np.nansum(start)) for start in again}) > 2
    assert len(told_otherwise(make_run().samples, np.random.default_rng(1))) == len(make_run().samples)
