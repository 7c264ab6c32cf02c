"""The answer is about the run, not about how it was recorded: orders, nodes, windows, weights, lost parts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.diagnose import diagnose
from benchmarks.changes import (
    CHANGES,
    NEVER_OPPOSITE,
    SAME_ANSWER,
    SAME_VERDICT,
    Asked,
    answers,
    later,
    twice,
    worker_died,
    worker_lost,
)
from benchmarks.kinds import HARDER, KINDS
from benchmarks.rows import made_rows, made_run
from benchmarks.simulate import SHAPES, draw
from benchmarks.stability import nameless, outcome

CLEAR = {
    "knee": (("rises_knee", "shuffled_steps", 600.0, 5001), ("rises", "distributed", None)),
    "retries": (("retry_storm", "trapezium", 300.0, 5001), ("rises", "distributed", None)),
    "falls": (("falls", "shuffled_steps", 300.0, 5001), ("falls", "distributed", None)),
    "steady": (("case_plain", "shuffled_steps", 900.0, 5002), ("constant", "distributed", "no")),
    "none": (("zero", "trapezium", 300.0, 5001), ("constant", "none", "no")),
    "both": (("load_and_drift", "shuffled_steps", 300.0, 5001), ("rises", "distributed", "yes")),
    "bursts": (("bursts", "shuffled_steps", 600.0, 5001), (None, "clustered", None)),
}
"""Runs with an answer that nothing should shake; None: not clear."""
LIKE_ANOTHER_RUN = {"run twice", "1 of 2 workers died", "1 of 4 workers died"}
"""A trend that starts anew or users that go away are another course in time."""
TOO_FEW_ROWS = {"successes 1 in 50"}
"""So few rows are left in a window that this is a test of luck."""
OTHER_WINDOWS = [name for name in SAME_ANSWER if name.startswith("windows")]

rows_of = cache(made_rows)


@cache
def unchanged(task):
    return answers(Asked(rows_of(*task)))


def changed(name, task):
    return answers(CHANGES[name](rows_of(*task), np.random.default_rng(task[3])))


@pytest.mark.parametrize("kind", [*KINDS, *HARDER])
def test_rows_hold_the_requests_and_failures_that_the_counts_do(kind):
    made, samples = draw(kind, "stairs_up_down", 150.0, 11), rows_of(kind, "stairs_up_down", 150.0, 11)
    assert len(samples) == made.windows.requests.sum()
    assert np.count_nonzero(samples.is_error) == made.windows.errors.sum()
    assert (np.diff(samples.start_s) >= 0).all()
    assert ((samples.account >= 0) & (samples.account < samples.users)).all()


@pytest.mark.parametrize("clear", CLEAR)
@pytest.mark.parametrize("name", [name for name in SAME_ANSWER if name not in TOO_FEW_ROWS])
def test_a_clear_answer_stays_the_same(name, clear):
    task, expected = CLEAR[clear]
    found = changed(name, task)
    for place, answer in enumerate(expected):
        if answer is not None and not (place == 2 and name in LIKE_ANOTHER_RUN):
            assert (unchanged(task)[place], found[place]) == (answer, answer)


@pytest.mark.parametrize("clear", CLEAR)
@pytest.mark.parametrize("name", NEVER_OPPOSITE)
def test_a_lost_part_never_turns_a_clear_answer_around(name, clear):
    task, expected = CLEAR[clear]
    for place, (answer, found) in enumerate(zip(expected, changed(name, task), strict=True)):
        if answer is not None and not (place == 2 and name in LIKE_ANOTHER_RUN):
            assert found in {answer, "inconclusive"}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from([*KINDS, *HARDER]),
    shape=st.sampled_from(SHAPES),
    duration_s=st.sampled_from([60.0, 150.0, 300.0]),
    seed=st.integers(0, 999),
    name=st.sampled_from([*SAME_ANSWER, *NEVER_OPPOSITE]),
)
def test_no_change_turns_an_answer_about_load_around(kind, shape, duration_s, seed, name):
    task = (kind, shape, duration_s, seed)
    before, after = unchanged(task), changed(name, task)
    assert outcome(before[0], after[0]) != "opposite"
    if name in OTHER_WINDOWS:
        assert outcome(before[2], after[2]) != "opposite"


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from([*KINDS, *HARDER]),
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 999),
    name=st.sampled_from([*SAME_VERDICT]),
)
def test_the_whole_verdict_knows_nothing_of_order_nodes_names_and_date(kind, shape, seed, name):
    run = made_run(kind, shape, 150.0, seed)
    other = CHANGES[name](run.samples, np.random.default_rng(seed)).samples
    assert nameless(diagnose(replace(run, samples=other))) == nameless(diagnose(run))


def test_the_changes_do_what_their_names_say():
    task = ("case_plain", "stairs_up", 150.0, 3)
    samples, rng = rows_of(*task), np.random.default_rng(1)
    thin = CHANGES["successes 1 in 5"](samples, rng).samples
    assert np.count_nonzero(thin.is_error) == np.count_nonzero(samples.is_error)
    assert len(thin) < 0.45 * len(samples)
    assert thin.weight.sum() == pytest.approx(len(samples), rel=0.15)
    assert len(worker_lost(2)(samples, rng).samples) < 0.7 * len(samples)
    died = worker_died(2)(samples, rng).samples
    assert died.users.min() >= 1
    assert died.users[-1] == pytest.approx(samples.users[-1] / 2, abs=0.5)
    assert len(died) < len(samples)
    assert len(twice(samples, rng).samples) == 2 * len(samples)
    assert later(5.0)(samples, rng).samples.start_s[0] == samples.start_s[0] + 5
    half = CHANGES["windows × 0.5"](samples, rng)
    assert (half.width, len(half.samples)) == (0.5, len(samples))
