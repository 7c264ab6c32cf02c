"""However often a run is looked at, its budget for false alarms is spent once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.decide import ONE, SEVERAL
from analysis.intervals import normal_tail
from analysis.sequential import CHANGE_POWER, CHANGE_SHARE, ONE_LOOK, SAME_POWER, look_level, spent

SHARES = st.lists(st.integers(1, 100), min_size=1, max_size=12, unique=True).map(
    lambda places: tuple(sorted(place / 100 for place in places))
)
ALPHA = 0.025
RUNS = 40_000


def levels(looks: tuple[float, ...], power: float) -> np.ndarray:
    return np.array([look_level(ALPHA, looks[: i + 1], power) for i in range(len(looks))])


def crossing(looks: tuple[float, ...], limits: np.ndarray) -> float:
    """Share of made-up statistics without any effect that are below a level at one of the looks."""
    steps = np.sqrt(np.diff((0.0, *looks)))
    walks = np.cumsum(np.random.default_rng(5).normal(size=(RUNS, len(looks))) * steps, axis=1)
    return float((normal_tail(walks / np.sqrt(looks)) < limits).any(axis=1).mean())


@settings(deadline=None, max_examples=15)
@given(SHARES, st.sampled_from([CHANGE_POWER, SAME_POWER]))
def test_all_looks_together_raise_as_many_false_alarms_as_their_budget(
    looks: tuple[float, ...], power: float
) -> None:
    budget = spent(ALPHA, looks[-1], power)
    assert crossing(looks, levels(looks, power)) == pytest.approx(budget, abs=4 * (budget / RUNS) ** 0.5)


def test_looking_after_every_block_at_the_full_level_would_raise_far_more() -> None:
    looks = tuple(block / 34 for block in range(2, 35))
    assert crossing(looks, np.full(len(looks), ALPHA)) > 4 * ALPHA


@given(SHARES)
def test_a_look_more_makes_the_last_one_stricter_and_none_laxer_than_a_single_one(
    looks: tuple[float, ...],
) -> None:
    once = look_level(ALPHA, looks[-1:], CHANGE_POWER)
    assert look_level(ALPHA, looks, CHANGE_POWER) <= once + 1e-9 <= ALPHA + 2e-9


def test_a_run_that_is_judged_once_has_its_whole_level() -> None:
    for of in (ONE, SEVERAL):
        at = of.at(ONE_LOOK)
        assert (at.same, at.rises, at.falls) == pytest.approx((of.same, of.rises, of.falls))
        assert (at.lean_rises, at.lean_falls) == (of.lean_rises, of.lean_falls)


def test_a_look_without_anything_new_decides_nothing() -> None:
    assert look_level(ALPHA, (0.4, 0.4), SAME_POWER) == 0
    assert look_level(ALPHA, (0.4, 0.4, 1.0), SAME_POWER) == look_level(ALPHA, (0.4, 1.0), SAME_POWER)


def test_early_looks_are_stricter_about_changes_than_about_their_absence() -> None:
    early = ONE.at((0.1,))
    assert early.rises == pytest.approx(ONE.rises * CHANGE_SHARE * 0.1**3, rel=0.01)
    assert early.same == pytest.approx(ONE.same * 0.1, rel=0.01)


def test_a_level_needs_a_look() -> None:
    with pytest.raises(ValueError, match="at least one look"):
        look_level(ALPHA, (), SAME_POWER)
