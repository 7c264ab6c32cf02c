"""Parts are pure too: whose seats a process has, and when each of them is wanted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.errors import UsageError
from scenarios.crew import Crew, Seat
from scenarios.load import Hold, Ramp, Steps, plan
from scenarios.loads.arrivals import due_times_s
from scenarios.loads.plan import Plan
from scenarios.loads.together import Together, peak_of
from scenarios.overrides import Overrides
from scenarios.part import Part
from scenarios.scenario import Scenario, load_scenario

SECONDS = st.floats(0.5, 30)
LEVEL = st.integers(0, 40)
PLANS = st.one_of(
    st.builds(Ramp, from_users=LEVEL, to_users=LEVEL, ramp_s=SECONDS, hold_s=SECONDS),
    st.builds(Steps, users=st.lists(LEVEL, min_size=1, max_size=5).map(tuple), step_s=SECONDS),
    st.builds(Hold, users=LEVEL, hold_s=SECONDS),
).map(lambda load: plan(load, 1))

TEXT = """
parts:
  browse:
    behaviour: session
    load: {shape: steps, users: [2, 5], step_s: 4}
    think_time_s: 0.2
  buy:
    behaviours: {login: 2, session: 1}
    load: {shape: ramp, from_arrivals: 1, to_arrivals: 8, ramp_s: 10, max_in_flight: 20}
seed: 3
"""


def read(folder: Path, text: str) -> Scenario:
    path = folder / "mine.yaml"
    path.write_text(text)
    return load_scenario(str(path))


@given(st.lists(PLANS, min_size=1, max_size=4), st.integers(1, 5), st.floats(0, 200))
def test_processes_together_run_what_one_would(plans: list[Plan], nodes: int, elapsed_s: float) -> None:
    together = Together({f"part {i}": made for i, made in enumerate(plans)})
    dealt = [together.seats(index, nodes) for index in range(nodes)]
    for name, made in together.plans.items():
        numbers = sorted(number for seats in dealt for number in seats[name])
        assert numbers == list(range(made.peak_users))
        crews = [Crew(name, Part(load=Hold(users=1, hold_s=1)), made, seats[name]) for seats in dealt]
        for crew in crews:
            while crew.sit_down():
                pass
        wanted = [crew.users(elapsed_s) for crew in crews]
        assert sum(running for _, running in wanted) == (made.users_at(elapsed_s) or 0)
    # Locust spreads the pool evenly, whichever process comes first: each must have a user for every seat.
    pool = together.users_at(0.0, nodes)
    assert pool is not None
    assert pool % nodes == 0
    assert all(sum(map(len, seats.values())) <= pool // nodes for seats in dealt)
    assert together.seats(nodes, nodes) == {name: [] for name in together.plans}


@given(PLANS, st.integers(0, 39), st.floats(-2, 200))
def test_a_seat_waits_exactly_until_it_is_wanted(made: Plan, number: int, elapsed_s: float) -> None:
    seat = Seat(Crew("x", Part(load=Hold(users=1, hold_s=1)), made, [number]), number)
    wait_s = seat.wanted_in_s(elapsed_s)
    moments = [max(0.0, elapsed_s) + 0.01 * i for i in range(3000)]
    if wait_s is None:
        assert all(number >= (made.users_at(t) or 0) for t in moments)
    elif wait_s > 0:
        assert all(number >= (made.users_at(t) or 0) for t in moments if t < elapsed_s + wait_s - 1e-6)
        # A level between two users rounds to the even one: a moment later there is no doubt.
        soon_s = elapsed_s + wait_s + 1e-6
        assert number < (made.users_at(soon_s) or 0) or made.stage_at(soon_s) != made.stage_at(soon_s - 2e-6)
    else:
        assert number < (made.users_at(elapsed_s) or 0)


@given(st.lists(PLANS, min_size=1, max_size=4), st.floats(0, 1))
def test_the_peak_is_reached_and_never_passed(plans: list[Plan], share: float) -> None:
    def together(at_s: float) -> float:
        return sum(made.level_at(at_s) or 0 for made in plans)

    peak = peak_of(plans)
    ends_s = [stage.end_s for made in plans for stage in made.stages]
    # Just before or after an end, where what follows may be a jump.
    beside_s = [0.0, *(end_s + side for end_s in ends_s for side in (-1e-5, 1e-5))]
    assert together(share * max(ends_s)) <= peak + 1e-6
    assert max(map(together, beside_s)) == pytest.approx(peak, abs=0.02)


def test_parts_are_read_with_their_defaults_and_told_to_workers(tmp_path: Path) -> None:
    scenario = read(tmp_path, TEXT)
    assert list(scenario.plans()) == ["browse", "buy"]
    assert scenario.behaviour_names() == ["session", "login"]
    assert scenario.schedule().duration_s == 32
    assert scenario.schedule().peak_users == 25
    told = scenario.to_mapping()
    assert not {"behaviour", "load", "think_time_s"} & set(told)
    assert Scenario.model_validate(told) == scenario


def test_the_same_load_in_two_parts_does_not_come_in_step(tmp_path: Path) -> None:
    load = "{load: {shape: hold, arrivals: 5, hold_s: 20}}"
    scenario = read(tmp_path, f"parts:\n  one: {load}\n  two: {load}\n")
    one, two = (set(due_times_s(made, scenario.seed_of(name))) for name, made in scenario.plans().items())
    assert not one & two
    single = read(tmp_path, "load: {shape: hold, arrivals: 5, hold_s: 20}\n")
    assert set(due_times_s(single.plan(), single.seed)) == one


def test_the_stage_of_a_moment_is_that_of_each_part_still_running(tmp_path: Path) -> None:
    schedule = read(tmp_path, TEXT).schedule()
    assert [len(schedule.now_at(t)) for t in (0, 9.9, 10, 31.9, 32)] == [2, 2, 1, 1, 0]
    assert Counter(name.split(":")[0] for name, _ in schedule.now_at(1)) == Counter(["browse", "buy"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("think_time_s: 1\n", "'load' is missing"),
        (TEXT + "load: {shape: hold, users: 1, hold_s: 1}\n", "'load' stands beside 'parts'"),
        (TEXT + "behaviour: login\n", "'behaviour' stands beside 'parts'"),
        (TEXT + "rendezvous_s: 2\n", "'rendezvous_s' makes all users act at once"),
        (TEXT.replace("behaviour: session", "behaviour: sesion"), "parts.browse.behaviour: found 'sesion'"),
        (TEXT.replace("think_time_s", "thinktime_s"), "unknown key 'parts.browse.thinktime_s'"),
        ("parts: {}\n", "parts"),
        ("parts: {'a:b': {load: {shape: hold, users: 1, hold_s: 1}}}\n", "parts"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_command_line_cannot_change_the_load_of_parts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has parts, each with a load of its own"):
        Overrides.parse(blocks=3).applied_to(read(tmp_path, TEXT))
    with pytest.raises(UsageError, match="--until-decided can be used with a single load"):
        Overrides.parse(until_decided=True).applied_to(read(tmp_path, TEXT))
