"""`loadverdict run --dry-run`: draws the planned load and sends nothing."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.render.plan_picture import PlannedLine, planned_load
from recording.folder import make_folder, replacing
from scenarios.loads.outline import MOST_ARRIVALS, Stretch, expected_arrivals, outline
from scenarios.loads.plan import Open, Plan
from scenarios.overrides import Overrides
from scenarios.part import Part
from scenarios.scenario import Scenario, load_scenario
from scenarios.target import Target, load_target

ROWS, COLUMNS, BAR = 24, 60, 32
BARS = " ▁▂▃▄▅▆▇█"
ASCII_BARS = " .:-=+*%#"
PLANS = "plans"


def show_plan(scenario_name: str, target_name: str, changes: Overrides, pictures: Path) -> None:
    """Check scenario and target, draw the plan in the terminal and as a PNG in `pictures`."""
    scenario, target = changes.applied_to(load_scenario(scenario_name)), load_target(target_name)
    target.check_against(scenario)
    console = Console()
    ascii_only = console.options.ascii_only
    for line in plan_lines(scenario, target, ascii_only=ascii_only):
        console.print(Text(line), no_wrap=True, overflow="ellipsis", highlight=False)
    make_folder(pictures)
    path = pictures / f"{scenario.name}.png"
    with replacing(path) as temporary:
        temporary.write_bytes(_picture(scenario))
    console.print(Text(f"picture   {path}\nnothing was sent"))


def plan_lines(scenario: Scenario, target: Target, *, ascii_only: bool = False) -> list[str]:
    """The plan as text: of each part a line of bars, then stretches of time with their numbers."""
    schedule = scenario.schedule()
    parts = [
        line
        for name, part in scenario.whole().items()
        for line in _part_lines(scenario, name, part, ascii_only=ascii_only)
    ]
    head = f"scenario  {scenario.name} > {target.name} ({target.base_url})"
    if scenario.parts is None:
        return [head, *parts]
    count = len(scenario.parts)
    return [head, f"parts     {count} at the same time, {schedule.duration_s:g} s", *parts]


def _part_lines(scenario: Scenario, name: str, part: Part, *, ascii_only: bool) -> list[str]:
    plan, seed = scenario.plans()[name], scenario.seed_of(name)
    top = max(plan.peak_level, 1e-9)
    signs = ASCII_BARS if ascii_only else BARS
    spark = "".join(_sign(s.level / top, signs) for s in outline(plan, None, COLUMNS))
    stretches = outline(plan, seed, ROWS)
    behaviours = ", ".join(f"{name} {weight:g}" for name, weight in part.mix().items())
    lines = [
        *([f"part      {name}"] if name else []),
        f"load      {plan.most}, {plan.duration_s:g} s in {len(plan.stages)} stages; seed {seed}",
        f"behaviour {behaviours if part.behaviours else part.behaviour}",
        *([_arrivals_line(plan, plan.open, stretches)] if plan.open else []),
        f"          |{spark}| 0 to {plan.peak_level:g} {plan.unit}",
        f"{'from s':>8} {'to s':>8} {plan.unit:>10}" + ("      due" if plan.open else ""),
    ]
    full = "#" if ascii_only else "█"
    for stretch in stretches:
        due = "" if not plan.open else f" {'?' if stretch.due is None else stretch.due:>8}"
        lines.append(
            f"{stretch.start_s:>8.5g} {stretch.end_s:>8.5g} {stretch.level:>10.4g}{due}  "
            + full * round(BAR * stretch.level / top)
        )
    return lines


def _arrivals_line(plan: Plan, how: Open, stretches: list[Stretch]) -> str:
    expected = expected_arrivals(plan)
    if expected > MOST_ARRIVALS:
        return f"arrivals  about {expected:,.0f}, {how.spread}"
    drawn = sum(s.due or 0 for s in stretches)
    return f"arrivals  {drawn:,} drawn ({expected:,.0f} expected), {how.spread}"


def _sign(share: float, signs: str) -> str:
    """A little bar; the lowest level that is not nothing can be seen."""
    return signs[0] if share <= 0 else signs[max(1, round(share * (len(signs) - 1)))]


def _picture(scenario: Scenario) -> bytes:
    lines = [_planned_line(name, plan) for name, plan in scenario.plans().items()]
    title = f"{scenario.name}: {scenario.schedule().most}"
    if scenario.parts is not None:
        return planned_load(title, lines)
    plan = scenario.plan()
    stretches = outline(plan, scenario.seed, 4 * COLUMNS) if plan.open else []
    due = [(s.start_s, s.end_s, _rate(s)) for s in stretches if s.due is not None]
    return planned_load(title, lines, due)


def _planned_line(name: str, plan: Plan) -> PlannedLine:
    corners = [
        corner
        for stage in plan.stages
        for corner in ((stage.start_s, stage.level_from), (stage.end_s, stage.level_to))
    ]
    return PlannedLine(name, plan.unit, corners)


def _rate(stretch: Stretch) -> float:
    return (stretch.due or 0) / (stretch.end_s - stretch.start_s)
