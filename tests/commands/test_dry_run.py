"""`loadverdict run --dry-run`: the plan in numbers and as a picture, and not one request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scenarios.load import Plan, plan
from scenarios.loads.arrivals import due_times_s
from scenarios.loads.outline import outline
from scenarios.loads.plan import Open, Stage
from scenarios.scenario import load_scenario, scenario_names
from tests.commands.conftest import Cli, Target


def test_a_dry_run_draws_and_sends_nothing(cli: Cli, mixed: Target, scenario: Callable[[str], str]) -> None:
    path = scenario("load: {shape: ramp, from_arrivals: 0, to_arrivals: 40, ramp_s: 20, spread: even}\n")
    done = cli.run(path, mixed, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "up to 40 arrivals/s, at most 200 in flight, 20 s in 1 stages" in done.stdout
    assert "400 drawn (400 expected), even" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [row[:4] for row in rows[:2]] == [["0", "1", "1", "1"], ["1", "2", "3", "3"]]
    assert sum(int(row[3]) for row in rows) == 400
    assert len(rows[-1][4]) > 10 * len(rows[0][4])
    picture = cli.runs.parent / "plans/short.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not cli.runs.exists()
    assert mixed.served() == 0


def test_a_scenario_that_its_target_cannot_serve_is_refused(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    text = "behaviour: session\nload: {shape: hold, users: 1, hold_s: 1}\n"
    done = cli.run(scenario(text), mixed, "--dry-run")
    assert done.returncode == 2
    assert "'me'" in done.stderr


@pytest.mark.parametrize("name", scenario_names())
def test_the_outline_holds_all_of_the_plan(name: str) -> None:
    scenario = load_scenario(name)
    drawn = scenario.plan()
    for most in (1, 7, 60):
        stretches = outline(drawn, scenario.seed, most)
        area = sum(s.level * (s.end_s - s.start_s) for s in stretches)
        assert area == pytest.approx(sum(stage.area for stage in drawn.stages))
        if drawn.open:
            due = len(list(due_times_s(plan(scenario.load, scenario.seed), scenario.seed)))
            assert sum(s.due or 0 for s in stretches) == due


def test_a_load_too_large_to_count_says_so() -> None:
    huge = Plan((Stage("x", 0, 86_400, 50_000, 50_000),), Open("even", 10))
    assert [s.due for s in outline(huge, 1, 3)] == [None, None, None]
