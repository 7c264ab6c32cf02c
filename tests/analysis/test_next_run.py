"""The advice for the next run: what it names exists, and it is as long as what was seen asks for."""

from dataclasses import replace

import pytest
from run_builder import make_run

from analysis.diagnose import diagnose
from analysis.load import DECISIVE_SE
from analysis.next_plan import Seen, levels
from analysis.next_run import next_run
from analysis.verdict import Burst, LoadEffect, NextRun, Temporal
from scenarios.overrides import Overrides
from scenarios.scenario import load_scenario

SEEN = Seen(length_s=150.0, mean_load=11.0, target="lab")
EVEN = Temporal(answer="distributed", why="")


def wide(**changes: object) -> LoadEffect:
    """A standard error of 5 points where ±8.3 points count as constant."""
    values = {"answer": "inconclusive", "slope": 0.0, "low": None, "high": None, "confidence": None}
    sizes = {"load_low": 2.0, "load_high": 20.0, "windows": 60, "requests": 2000, "errors": 332}
    return LoadEffect.model_validate(
        {**values, **sizes, "why": "between", "margin": 0.083, "se": 0.05, **changes}
    )


def advised(load: LoadEffect, temporal: Temporal = EVEN, seen: Seen = SEEN) -> NextRun:
    run = next_run(load, temporal, load.errors, seen)
    assert run is not None
    return run


def test_the_length_comes_from_the_interval_that_was_seen() -> None:
    run = advised(wide())
    assert run.requests == pytest.approx(2000 * (DECISIVE_SE * 0.05 / 0.083) ** 2, rel=0.01)
    narrow = advised(wide(se=0.1))
    assert narrow.requests == pytest.approx(4 * run.requests, rel=0.01)
    assert narrow.duration_s > run.duration_s  # type: ignore[operator]
    assert "about 6,500 requests would decide, 2,000 were judged" in run.why


def test_a_clear_slope_needs_less_than_a_flat_one() -> None:
    steep = wide(slope=0.2)
    assert advised(steep).requests < advised(wide()).requests  # type: ignore[operator]


@pytest.mark.parametrize(("peak", "users"), [(20, (2, 6, 11, 16, 20)), (1, (1, 2, 3, 4, 5)), (300.4, None)])
def test_levels_are_whole_and_apart(peak: float, users: tuple[int, ...] | None) -> None:
    assert levels(peak) == (users or (30, 90, 165, 240, 300))


def test_the_command_can_be_typed_and_means_what_the_numbers_say() -> None:
    run = advised(wide())
    words = run.command.split()  # type: ignore[union-attr]
    assert words[:3] == ["loadverdict", "run", "steps"]
    said = dict(zip(words[3::2], words[4::2], strict=False))
    changes = Overrides.parse(said["--users"], said["--step"], until_decided=True, at_most=words[-1])
    scenario = changes.applied_to(load_scenario(run.scenario))
    assert list(scenario.load.users) == run.levels  # type: ignore[union-attr]
    assert scenario.plan().duration_s >= run.duration_s  # type: ignore[operator]
    assert run.duration_s == run.step_s * run.blocks * len(run.levels)  # type: ignore[operator]


def test_the_target_is_named_where_it_is_known() -> None:
    assert "--target" not in advised(wide()).command  # type: ignore[operator]
    other = advised(wide(), seen=replace(SEEN, target="my api; rm -rf")).command
    assert "--target 'my api; rm -rf'" in other  # type: ignore[operator]
    assert "--target TARGET" in advised(wide(), seen=replace(SEEN, target=None)).command  # type: ignore[operator]


def test_the_own_scenario_is_kept_where_its_levels_are_shuffled() -> None:
    options = {"scenario": {"value": "mine.yaml"}, "target": {"value": "my-api"}}
    for shape, scenario in (("steps", "mine.yaml"), ("ramp", "steps")):
        made = make_run(users=[20] * 20, errors=0.166, manifest={"options": options})
        run = diagnose(replace(made, scenario={"load": {"shape": shape}})).next_run
        assert run is not None
        assert run.scenario == scenario
        assert run.command.startswith(f"loadverdict run {scenario} --target my-api --users 2,6,")  # type: ignore[union-attr]


def test_slow_failures_ask_for_long_levels_and_short_runs_for_short_ones() -> None:
    assert advised(wide(), seen=replace(SEEN, slow_s=10.0)).step_s == 60
    assert advised(wide(se=0.15)).step_s == 30
    assert advised(wide(se=0.03)).step_s < 30  # type: ignore[operator]


def test_more_than_two_hours_is_said_to_be_too_long() -> None:
    run = advised(wide(requests=200, se=0.25))
    assert "too long: send more" in run.why
    assert run.duration_s <= 7200  # type: ignore[operator]
    assert "--at-most 120m" in run.command  # type: ignore[operator]


def test_bursts_count_as_bursts() -> None:
    bursts = [Burst(start_s=t, end_s=t + 5, errors=9, share=0.1) for t in range(0, 150, 15)]
    run = advised(wide(), Temporal(answer="clustered", why="", bursts=bursts))
    assert run.why.startswith(
        "the sample is the number of bursts, not of requests: 10 bursts here, about 40 show"
    )
    assert run.duration_s == pytest.approx(600, rel=0.1)
    logins = advised(wide(), Temporal(answer="clustered", why=""), replace(SEEN, logins_only=True))
    assert logins.scenario == "concurrent-login"
    assert load_scenario(logins.scenario)


def test_one_level_is_answered_with_levels_up_to_it() -> None:
    verdict = diagnose(make_run(users=[20] * 20, errors=0.166))
    run = verdict.next_run
    assert run is not None
    assert run.levels == [2, 6, 11, 16, 20]
    assert run.why.startswith("the load never changed")
    assert run.blocks >= 4  # type: ignore[operator]


def test_windows_that_differ_more_ask_for_a_longer_run() -> None:
    even = advised(wide(why="load did not vary: 20 users", slope=None, se=None))
    uneven = Temporal(answer="distributed", why="", excess_variation=0.5)
    more = advised(wide(why="load did not vary: 20 users", slope=None, se=None), uneven)
    assert more.requests > 1.5 * even.requests  # type: ignore[operator]


def test_a_decided_run_and_one_without_failures_need_no_other() -> None:
    assert next_run(wide(answer="rises"), EVEN, 332, SEEN) is None
    assert next_run(wide(), EVEN, 0, SEEN) is None


def test_where_nothing_is_known_nothing_is_computed() -> None:
    run = advised(wide(se=None, slope=None, load_high=None))
    assert (run.levels, run.blocks, run.duration_s) == ([], None, None)
    assert run.command == "loadverdict run steps"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("load and time moved together", "shuffled levels separate them"),
        ("high load was reached only once", "visit high load several times"),
        ("too few errors: 9", "too few failures to judge"),
    ],
)
def test_what_a_shape_could_not_show_is_answered_with_repeated_levels(why: str, words: str) -> None:
    run = advised(wide(why=why, slope=None, se=None))
    assert words in run.why
    assert run.levels == [2, 6, 11, 16, 20]
    assert run.blocks >= 4  # type: ignore[operator]
    assert run.requests >= 2000  # type: ignore[operator]


@pytest.mark.parametrize(
    ("peak", "rates"), [(12, (1.2, 3.6, 6.6, 9.6, 12)), (0.5, (0.05, 0.15, 0.28, 0.4, 0.5))]
)
def test_rates_may_be_fractions(peak: float, rates: tuple[float, ...]) -> None:
    assert levels(peak, "arrivals/s") == rates
