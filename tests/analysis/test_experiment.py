"""What an experiment concludes from its arms: right on made-up arms, and careful where there is little."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from run_builder import START_S, make_run

from analysis.experiment.arms import Arm, arm_of
from analysis.experiment.conclude import conclude
from analysis.experiment.judge import judge
from analysis.render.experiment_html import experiment_html
from analysis.render.experiment_markdown import experiment_markdown
from analysis.render.experiment_picture import arms_picture
from analysis.render.experiment_terminal import print_experiment
from analysis.verdict import Finding, Percentiles, Quality
from benchmarks.experiments import ABOUT, conclusions, made_arm

INVALID = Finding(code="generator_cpu", severity="invalid", text="The load generator was saturated.")
LOST = Finding(code="node_lost", severity="incomplete", text="A node was lost.")


def arms(rate: float, changed: float, seed: int = 1, pairs: int = 2) -> tuple[list[Arm], list[Arm]]:
    rng = np.random.default_rng(seed)
    return (
        [made_arm("first", rate, 0.0, 0.0, 30, rng) for _ in range(pairs)],
        [made_arm("changed", changed, 0.0, 0.0, 30, rng) for _ in range(pairs)],
    )


@pytest.mark.parametrize("rate", [0.3, 0.05])
@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize(("spread", "burst_s"), [(0.0, 0.0), (0.1, 2.0), (0.3, 0.0)])
def test_support_is_rarely_false(rate: float, ratio: float, spread: float, burst_s: float) -> None:
    found, held = conclusions(rate, ratio, spread, burst_s, per_s=30, runs=25)
    assert found["supports"] <= 1
    assert held >= 0.8


def test_a_change_that_takes_the_errors_away_is_supported_though_arms_differ() -> None:
    found, _ = conclusions(0.3, 0.02, spread=0.1, burst_s=0.0, per_s=30, runs=20)
    assert found["supports"] >= 19


def test_a_change_that_does_nothing_is_contradicted() -> None:
    found, _ = conclusions(0.3, 1.0, spread=0.0, burst_s=0.0, per_s=30, runs=20)
    assert found["contradicts"] >= 18


def test_a_change_that_makes_it_worse_is_contradicted() -> None:
    assert conclude(*arms(0.1, 0.3), ABOUT).answer == "contradicts"


def test_a_change_that_takes_a_part_away_is_no_answer_at_any_length() -> None:
    found = conclude(*arms(0.3, 0.3 * 0.58), ABOUT)
    assert (found.answer, found.needed) == ("cannot_tell", None)
    assert "a part" in found.why


def test_too_short_an_experiment_names_the_length_that_tells() -> None:
    about = ABOUT.model_copy(update={"command": "loadverdict experiment pool-50"})
    found = conclude(*arms(0.03, 0.005), about)
    assert found.answer == "cannot_tell"
    assert found.needed is not None
    assert found.needed.arm_s > ABOUT.arm_s or found.needed.pairs > ABOUT.pairs
    assert found.needed.command == (
        f"loadverdict experiment pool-50 --arm {found.needed.arm_s:.0f}s --pairs {found.needed.pairs}"
    )


def test_without_errors_there_is_nothing_to_explain() -> None:
    found = conclude(*arms(0.0, 0.0), ABOUT)
    assert found.answer == "cannot_tell"
    assert "nothing to explain" in found.why
    assert judge([arm for state in arms(0.0, 0.0) for arm in state], ABOUT).conclusion == "cannot_tell"


def test_an_empty_arm_tells_nothing() -> None:
    first, changed = arms(0.3, 0.0)
    nothing = np.zeros_like(changed[0].requests)
    changed[0] = replace(changed[0], requests=nothing, errors=nothing)
    report = judge([*first, *changed], ABOUT)
    assert report.conclusion == "cannot_tell"
    assert "no request" in report.why


@pytest.mark.parametrize("finding", [INVALID, LOST])
def test_a_run_that_cannot_be_trusted_never_supports(finding: Finding) -> None:
    first, changed = arms(0.3, 0.0)
    assert conclude(first, changed, ABOUT).answer == "supports"
    doubtful = Quality(valid=finding is LOST, complete=finding is INVALID, findings=[finding])
    changed[1] = replace(changed[1], quality=doubtful)
    report = judge([*first, *changed], ABOUT)
    assert report.conclusion == "cannot_tell"
    assert finding.text[:-1] in report.why
    assert not report.arms[3].trusted


def test_an_experiment_that_was_cut_short_says_so() -> None:
    first, changed = arms(0.3, 0.0)
    for measured in ([], first[:1], [*first, *changed[:1]]):
        report = judge(measured, ABOUT)
        assert report.conclusion == "cannot_tell"
        assert not report.complete
        assert f"after {len(measured)} of 4 arms" in report.why
        assert experiment_html(report, arms_picture(report))


def test_errors_that_go_because_less_was_asked_prove_nothing() -> None:
    first, changed = arms(0.3, 0.0)
    fewer = [replace(arm, requests=arm.requests // 2) for arm in changed]
    found = conclude(first, fewer, ABOUT)
    assert found.answer == "cannot_tell"
    assert "less was asked" in found.why


def test_the_warm_up_does_not_count() -> None:
    run = make_run(users=[20], errors=lambda _, time_s: (time_s < 10) * 1.0, step_s=40)
    arm = arm_of(replace(run, manifest={"start_s": START_S}), "first", warm_up_s=10, arm_s=30)
    assert arm.errors.sum() == 0
    assert 400 < arm.requests.sum() < 560
    whole = arm_of(replace(run, manifest={"start_s": START_S}), "first", warm_up_s=0, arm_s=40)
    assert list(whole.by_class) == ["503 busy"]
    assert whole.by_class["503 busy"].sum() == whole.errors.sum() > 100


def slow(p99_ms: float, n: int = 2000) -> Percentiles:
    bounds = {"p99_low": p99_ms * 0.95, "p99_high": p99_ms * 1.05}
    return Percentiles(n=n, p50=p99_ms / 3, p95=p99_ms / 2, p99=p99_ms, **bounds)


@pytest.mark.parametrize(
    ("with_change", "expected"),
    [((300, 320), "supports"), ((890, 900), "contradicts"), ((660, 700), "cannot_tell")],
)
def test_the_p99_is_compared_arm_by_arm(with_change: tuple[float, float], expected: str) -> None:
    about = ABOUT.model_copy(update={"measure": "p99"})
    first, changed = arms(0.0, 0.0)
    first = [replace(arm, ok=slow(ms)) for arm, ms in zip(first, (900, 880), strict=True)]
    changed = [replace(arm, ok=slow(ms)) for arm, ms in zip(changed, with_change, strict=True)]
    assert conclude(first, changed, about).answer == expected


def test_a_p99_that_falls_because_the_slow_ones_fail_now_supports_nothing() -> None:
    about = ABOUT.model_copy(update={"measure": "p99"})
    first, changed = arms(0.0, 0.04)
    states = [
        [replace(arm, ok=slow(p99)) for arm in state] for state, p99 in ((first, 900.0), (changed, 90.0))
    ]
    found = conclude(*states, about)
    assert found.answer == "cannot_tell"
    assert "fail now" in found.why


def test_too_few_successes_have_no_p99() -> None:
    found = conclude(*arms(0.0, 0.0), ABOUT.model_copy(update={"measure": "p99"}))
    assert found.answer == "cannot_tell"
    assert "a P99 needs a hundred" in found.why


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_summary_fits_the_screen_and_begins_with_the_answer(width: int) -> None:
    first, changed = arms(0.3, 0.0)
    first = [replace(arm, by_class={"500 connection pool exhausted": arm.errors}) for arm in first]
    console = Console(file=io.StringIO(), width=width)
    print_experiment(judge([*first, *changed], ABOUT), console, Path("experiment.html"))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("Supports pool (Pool): errors fall")
    assert all(len(line) <= width for line in lines)
    assert width < 80 or any("points (" in line for line in lines)


def test_hostile_names_stay_text() -> None:
    first, changed = arms(0.3, 0.0)
    evil = "500 <script>alert(1)</script> | `x`"
    first = [replace(arm, by_class={evil: arm.errors // 2, "503 busy": arm.errors // 2}) for arm in first]
    report = judge([first[0], *changed, first[1]], ABOUT)
    assert "<script>" not in experiment_html(report, arms_picture(report))
    assert "<script>" not in experiment_markdown(report)
    assert [one.name for one in report.by_class] == [evil, "503 busy"]
