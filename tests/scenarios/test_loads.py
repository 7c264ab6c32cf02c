"""Load models are pure: what is wanted at any second, and when each request of an open load is due."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from scenarios.load import Load, plan
from scenarios.loads.arrivals import due_times_s, share_of
from scenarios.loads.plan import Plan

KNOWN: TypeAdapter[Any] = TypeAdapter(Load)
SECONDS = st.floats(0.5, 30)
LEVEL = st.integers(0, 60)
SHAPES = st.one_of(
    st.fixed_dictionaries({"shape": st.just("hold"), "L": LEVEL, "hold_s": SECONDS}),
    st.fixed_dictionaries({"shape": st.just("ramp"), "from_L": LEVEL, "to_L": LEVEL, "ramp_s": SECONDS}),
    st.fixed_dictionaries(
        {"shape": st.just("steps"), "L": st.lists(LEVEL, min_size=1, max_size=4), "step_s": SECONDS}
    ),
    st.fixed_dictionaries(
        {"shape": st.just("staircase"), "L": st.lists(LEVEL, min_size=1, max_size=4), "step_s": SECONDS}
    ),
    st.fixed_dictionaries(
        {"shape": st.just("spike"), "L": LEVEL, "peak_L": LEVEL, "before_s": SECONDS, "spike_s": SECONDS}
        | {"after_s": SECONDS, "rise_s": st.floats(0, 5)}
    ),
    st.fixed_dictionaries(
        {"shape": st.just("soak"), "L": LEVEL, "rise_s": st.floats(0, 5), "hold_s": SECONDS}
    ),
    st.fixed_dictionaries(
        {"shape": st.just("trapezium"), "L": LEVEL, "rise_s": SECONDS, "hold_s": SECONDS, "fall_s": SECONDS}
    ),
    st.fixed_dictionaries(
        {
            "shape": st.just("stages"),
            "stages": st.lists(
                st.one_of(
                    st.fixed_dictionaries({"for_s": SECONDS, "L": LEVEL}),
                    st.fixed_dictionaries({"for_s": SECONDS, "to_L": LEVEL}),
                ),
                min_size=1,
                max_size=5,
            ),
        }
    ),
)
LOADS = st.one_of(
    SHAPES, st.fixed_dictionaries({"shape": st.just("repeat"), "times": st.integers(1, 4), "load": SHAPES})
)


def worded(data: Any, word: str) -> Any:
    """A load with its levels in users or in arrivals."""
    if isinstance(data, dict):
        return {key.replace("L", word): worded(value, word) for key, value in data.items()}
    return [worded(item, word) for item in data] if isinstance(data, list) else data


def made(data: Any, seed: int = 1) -> Plan:
    return plan(KNOWN.validate_python(data), seed)


def opened(data: Any, spread: str, seed: int) -> Plan:
    data = worded(data, "arrivals")
    (data["load"] if data["shape"] == "repeat" else data)["spread"] = spread
    return made(data, seed)


@given(LOADS, st.integers(0, 99))
def test_a_load_means_the_same_after_it_was_written_down(data: dict[str, Any], seed: int) -> None:
    for word in ("users", "arrivals"):
        load = KNOWN.validate_python(worded(data, word))
        again = KNOWN.validate_python(KNOWN.dump_python(load, mode="json"))
        assert again == load
        assert plan(again, seed) == plan(load, seed)


@given(LOADS, st.integers(0, 99), st.floats(0, 400))
def test_users_are_between_none_and_the_peak_until_the_end(
    data: dict[str, Any], seed: int, elapsed_s: float
) -> None:
    drawn = made(worded(data, "users"), seed)
    assert drawn.stages[0].start_s == 0
    assert all(abs(a.end_s - b.start_s) < 1e-6 for a, b in itertools.pairwise(drawn.stages))
    users = drawn.users_at(elapsed_s)
    assert (users is None) == (elapsed_s >= drawn.duration_s)
    assert users is None or 0 <= users <= drawn.peak_users


@given(LOADS, st.sampled_from(["even", "poisson"]), st.integers(0, 99))
def test_arrivals_ascend_and_fall_into_the_plan(data: dict[str, Any], spread: str, seed: int) -> None:
    drawn = opened(data, spread, seed)
    due = list(due_times_s(drawn, seed))
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(due))
    assert all(0 <= moment <= drawn.duration_s + 1e-9 for moment in due)
    assert due == list(due_times_s(drawn, seed))
    assert drawn.users_at(0) == 200


@given(LOADS, st.floats(0.05, 1))
def test_even_arrivals_follow_the_area_of_the_plan_at_any_moment(data: dict[str, Any], share: float) -> None:
    """Up to every moment as many are due as the rate comes to until then, to within one."""
    drawn = opened(data, "even", 3)
    until_s = share * drawn.duration_s
    expected = 0.0
    for stage in drawn.stages:
        length_s = min(until_s, stage.end_s) - stage.start_s
        if length_s > 0:
            part = length_s / (stage.end_s - stage.start_s)
            reached = stage.level_from + part * (stage.level_to - stage.level_from)
            expected += (stage.level_from + reached) / 2 * length_s
    assert abs(sum(moment <= until_s for moment in due_times_s(drawn, 3)) - expected) <= 1


@given(LOADS, st.sampled_from(["even", "poisson"]), st.integers(1, 5))
def test_processes_together_send_what_one_would(data: dict[str, Any], spread: str, nodes: int) -> None:
    drawn = opened(data, spread, 7)
    parts = [list(share_of(due_times_s(drawn, 7), index, nodes)) for index in range(nodes)]
    assert sorted(itertools.chain(*parts)) == sorted(due_times_s(drawn, 7))
    assert list(share_of(due_times_s(drawn, 7), nodes, nodes)) == []


def test_poisson_arrivals_vary_as_a_poisson_process_does() -> None:
    """Counts per second of a rate of 20: mean 20 and variance 20, over 4000 s of fixed seed."""
    drawn = made({"shape": "hold", "arrivals": 20, "hold_s": 4000})
    counts = [0] * 4000
    for moment in due_times_s(drawn, 11):
        counts[int(moment)] += 1
    mean = sum(counts) / 4000
    variance = sum((count - mean) ** 2 for count in counts) / 4000
    assert mean == pytest.approx(20, rel=0.02)
    assert variance == pytest.approx(20, rel=0.1)


def test_every_shape_at_chosen_seconds() -> None:
    spike = {"shape": "spike", "users": 5, "peak_users": 50, "before_s": 10, "rise_s": 2, "spike_s": 5}
    table: list[tuple[dict[str, Any], dict[float, int | None]]] = [
        (spike | {"after_s": 10}, {0: 5, 9.9: 5, 11: 28, 12: 50, 16.9: 50, 18: 28, 19: 5, 29: None}),
        ({"shape": "soak", "users": 30, "rise_s": 60, "hold_s": 3600}, {0: 0, 30: 15, 60: 30, 3659: 30}),
        (
            {"shape": "trapezium", "users": 20, "rise_s": 10, "hold_s": 10, "fall_s": 20},
            {5: 10, 15: 20, 30: 10, 40: None},
        ),
        (
            {"shape": "stages", "stages": [{"for_s": 10, "to_users": 10}, {"for_s": 5, "users": 3}]},
            {0: 0, 5: 5, 10: 3, 14.9: 3, 15: None},
        ),
        (
            {"shape": "repeat", "times": 2, "load": {"shape": "hold", "users": 4, "hold_s": 5}},
            {0: 4, 9.9: 4, 10: None},
        ),
    ]
    for data, wanted in table:
        drawn = made(data)
        assert {second: drawn.users_at(second) for second in wanted} == wanted, data


def test_repeated_steps_come_in_another_order_each_time() -> None:
    inner = {"shape": "steps", "users": [1, 2, 3, 4, 5, 6], "step_s": 1, "blocks": 1}
    levels = [s.level_to for s in made({"shape": "repeat", "times": 3, "load": inner}).stages]
    turns = [levels[i : i + 6] for i in (0, 6, 12)]
    assert all(sorted(turn) == [1, 2, 3, 4, 5, 6] for turn in turns)
    assert turns[0] != turns[1] != turns[2]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"shape": "hold", "users": 2.5, "hold_s": 1}, "users are whole numbers, not 2.5"),
        ({"shape": "hold", "users": 1, "spread": "even", "hold_s": 1}, "belongs to an open load"),
        ({"shape": "hold", "users": 1, "max_in_flight": 5, "hold_s": 1}, "belongs to an open load"),
        ({"shape": "ramp", "from_users": 1, "to_arrivals": 5, "ramp_s": 1}, "levels are users or arrivals/s"),
        ({"shape": "stages", "stages": [{"for_s": 1}]}, "a stage has one level"),
        (
            {"shape": "repeat", "times": 1000}
            | {"load": {"shape": "steps", "users": [1, 2], "step_s": 1, "blocks": 1000}},
            "more than 100,000 stages",
        ),
    ],
)
def test_what_does_not_go_together_is_one_sentence(data: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        KNOWN.validate_python(data)
