"""What a command line changes about a load, and its mistakes: one sentence each."""

import pytest

from recording.errors import UsageError
from scenarios.load import Staircase, Steps
from scenarios.overrides import Overrides, duration_s, look_times_s
from scenarios.scenario import Scenario, load_scenario

STEPS = Scenario(name="s", load=Steps(users=(2, 6, 11), step_s=10, blocks=4, warm_up_s=5))
STAIRS = Scenario(name="s", load=Staircase(users=(2, 6, 11), step_s=10))


def until(at_most: str) -> Overrides:
    return Overrides.parse(until_decided=True, at_most=at_most)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1h", 3600), ("1.5 m", 90)])
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text, "--at-most") == seconds


def test_nothing_said_changes_nothing() -> None:
    assert Overrides.parse().applied_to(STEPS) is STEPS
    ramp = load_scenario("ramp-up")
    assert Overrides.parse().applied_to(ramp) is ramp


def test_giving_up_leaves_the_load_as_it_is() -> None:
    said = Overrides.parse(abort_when_missed=True)
    assert not said.any
    assert Overrides.model_validate_json(said.to_json()) == said
    ramp = load_scenario("ramp-up")
    changed = said.applied_to(ramp)
    assert changed.abort_when_missed
    assert changed.load is ramp.load
    both = Overrides.parse("1,5", abort_when_missed=True).applied_to(STEPS)
    assert both.abort_when_missed
    assert both.plan().peak_level == 5


def test_levels_length_and_repeats() -> None:
    changed = Overrides.parse("1,5", "30s", 8).applied_to(STEPS).load
    assert changed == Steps(users=(1, 5), step_s=30, blocks=8, warm_up_s=5)
    assert Overrides.parse(blocks=3).applied_to(STAIRS).load == Staircase(
        users=(2, 6, 11), step_s=10, repeat=3
    )


def test_levels_of_an_open_load_are_arrivals() -> None:
    scenario = load_scenario("open-login")
    changed = Overrides.parse(arrivals="0.5,8", blocks=2).applied_to(scenario)
    assert changed.plan().peak_level == 8
    assert {stage.level_to for stage in changed.plan().stages} == {0.5, 8}
    with pytest.raises(UsageError, match="say --arrivals"):
        Overrides.parse("1,5").applied_to(scenario)
    with pytest.raises(UsageError, match="say --users"):
        Overrides.parse(arrivals="1,5").applied_to(STEPS)
    with pytest.raises(UsageError, match="write arrivals per second"):
        Overrides.parse(arrivals="1,x")
    with pytest.raises(UsageError, match="write numbers of users"):
        Overrides.parse("1,2.5")


def test_what_a_process_is_told_survives_the_way_there() -> None:
    said = Overrides.parse("1,5", "30s", until_decided=True)
    assert Overrides.model_validate_json(said.to_json()) == said


def test_until_decided_goes_on_with_the_same_blocks_for_as_long_as_fits() -> None:
    longer = until("5m").applied_to(STEPS)
    assert longer.plan().duration_s == 275  # 9 blocks of 30 s after 5 s of warm-up
    assert longer.plan().stages[: len(STEPS.plan().stages)] == STEPS.plan().stages
    assert until("5m").applied_to(STAIRS).plan().duration_s == 300


def test_looks_come_after_each_block_from_the_second_on_but_the_last() -> None:
    assert look_times_s(until("155s").applied_to(STEPS)) == (65, 95, 125)
    assert look_times_s(load_scenario("ramp-up")) == ()


@pytest.mark.parametrize("scenario", ["ramp-up", "probe"])
def test_what_repeats_no_levels_is_refused(scenario: str) -> None:
    with pytest.raises(UsageError, match="repeats no levels; --until-decided can be used with steps"):
        until("20m").applied_to(load_scenario(scenario))


def test_one_level_can_never_be_decided() -> None:
    with pytest.raises(UsageError, match="one level only"):
        Overrides.parse("20", until_decided=True).applied_to(STEPS)


def test_too_short_a_time_says_how_long_it_takes() -> None:
    with pytest.raises(UsageError, match="first look comes after 2; give it at least 95s"):
        until("94s").applied_to(STEPS)
    assert look_times_s(until("95s").applied_to(STEPS)) == (65,)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"at_most": "20m"}, "--at-most belongs to --until-decided"),
        ({"until_decided": True, "blocks": 3}, "say one of them"),
        ({"until_decided": True, "at_most": "20"}, "'20' is no duration; write 90s, 20m or 1h"),
        ({"until_decided": True, "at_most": "0m"}, "'0m' is no duration"),
        ({"until_decided": True, "at_most": "2000h"}, "--at-most"),
        ({"step": "-3s"}, "'-3s' is no duration"),
        ({"users": "2,x"}, "write numbers of users"),
        ({"users": "2,-6"}, "--users"),
        ({"blocks": 5000}, "--blocks"),
    ],
)
def test_mistakes(said: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Overrides.parse(**said)  # type: ignore[arg-type]
