"""Plans are pure: the same load and seed give the same users at every second."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scenarios.load import Hold, Load, Ramp, Staircase, Steps, plan

USERS = st.lists(st.integers(0, 500), min_size=1, max_size=8).map(tuple)
SECONDS = st.floats(0.5, 300)
LOADS = st.one_of(
    st.builds(Steps, users=USERS, step_s=SECONDS, blocks=st.integers(1, 6), warm_up_s=st.floats(0, 60)),
    st.builds(Staircase, users=USERS, step_s=SECONDS, repeat=st.integers(1, 4)),
    st.builds(
        Ramp, from_users=st.integers(0, 500), to_users=st.integers(0, 500), ramp_s=SECONDS, hold_s=SECONDS
    ),
    st.builds(Hold, users=st.integers(0, 500), hold_s=SECONDS),
)


@given(LOADS, st.integers(0, 1000))
def test_stages_follow_one_another_without_gaps(load: Load, seed: int) -> None:
    stages = plan(load, seed).stages
    assert stages[0].start_s == 0
    assert all(a.end_s == b.start_s or abs(a.end_s - b.start_s) < 1e-6 for a, b in pairwise(stages))


@given(LOADS, st.integers(0, 1000), st.floats(0, 5000))
def test_users_stay_between_none_and_the_peak(load: Load, seed: int, elapsed_s: float) -> None:
    made = plan(load, seed)
    users = made.users_at(elapsed_s)
    assert users is None or 0 <= users <= made.peak_users
    assert (users is None) == (elapsed_s >= made.duration_s)


@given(LOADS, st.integers(0, 1000))
def test_the_same_seed_gives_the_same_plan(load: Load, seed: int) -> None:
    assert plan(load, seed) == plan(load, seed)


def test_steps_visit_every_level_once_per_block_in_an_order_of_their_own() -> None:
    made = plan(Steps(users=(1, 2, 3, 4, 5), step_s=10, blocks=3), seed=4)
    blocks = [[s.level_to for s in made.stages[i : i + 5]] for i in (0, 5, 10)]
    assert all(sorted(block) == [1, 2, 3, 4, 5] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1


def test_a_staircase_comes_down_again() -> None:
    made = plan(Staircase(users=(1, 5, 9), step_s=10), seed=1)
    assert [s.level_to for s in made.stages] == [1, 5, 9, 5, 1]


def test_a_ramp_is_a_straight_line_and_then_holds() -> None:
    made = plan(Ramp(from_users=0, to_users=100, ramp_s=100, hold_s=10), seed=1)
    assert [made.users_at(t) for t in (0, 25, 50, 105, 110)] == [0, 25, 50, 100, None]
