"""Experiment files: every mistake is a sentence with its place; arms differ in nothing but the change."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.suspects import known_suspects
from recording.errors import UsageError
from scenarios.experiment import arms_of, experiment_names, load_experiment, order_of
from scenarios.scenario import load_scenario

GOOD = "title: Another pool\nsuspect: pool\n"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_every_experiment_that_is_shipped_is_valid_and_has_a_suspect() -> None:
    suspects = {suspect.name for suspect in known_suspects()}
    assert len(experiment_names()) >= 8
    for name in experiment_names():
        experiment, _ = load_experiment(name)
        assert experiment.suspect in suspects
        for scenario in arms_of(load_scenario("steps"), experiment, None).values():
            assert scenario.plan().duration_s == experiment.warm_up_s + experiment.arm_s


def test_every_suspect_names_an_experiment_that_exists() -> None:
    named = [suspect.experiment for suspect in known_suspects() if suspect.experiment]
    assert set(named) <= set(experiment_names())
    assert {"pool-50", "cache-off", "lock-100ms"} <= set(named)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, "expected exactly one way of change .* found none"),
        (GOOD + "lab: {pool_size: 50}\nask: {do: a, undo: b}\n", "found 'lab' and 'ask'"),
        (GOOD + "command: {do: [a]}\n", ":3:1: 'command.undo' is missing"),
        (GOOD + "command: {do: [], undo: [b]}\n", "command.do"),
        (GOOD + "http: {do: {url: ftp://x}, undo: {url: /x}}\n", "http.do.url"),
        (GOOD + "scenario: {connections: old}\n", "expected 'kept' or 'fresh'"),
        (GOOD + "scenario: {}\n", "expected one of 'connections: fresh'"),
        (GOOD + "lab: {pool_size: 50}\nmesure: p99\n", "unknown key 'mesure'; did you mean 'measure'"),
        (GOOD + "lab: {pool_size: 50}\nmeasure: p98\n", "measure: found 'p98'"),
        (GOOD + "lab: {pool_size: 50}\narm_s: 0\n", "arm_s: found 0"),
        (GOOD + "ask: {do: a, undo: b}\ntowards: lower\n", "'towards' belongs to 'lab'"),
        ("suspect: pool\nlab: {pool_size: 50}\n", "'title' is missing"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=expected) as caught:
        load_experiment(path)
    assert str(caught.value).startswith(path)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'pool-50'"):
        load_experiment("pool-5")


def test_arms_mirror_each_other_and_the_seed_decides_who_begins() -> None:
    assert order_of(2, 1) == ["first", "changed", "changed", "first"]
    assert order_of(2, 2) == ["changed", "first", "first", "changed"]
    for seed in (1, 2):
        assert order_of(5, seed).count("first") == 5


def test_arms_differ_in_the_change_alone() -> None:
    experiment, _ = load_experiment("fresh-connections")
    arms = arms_of(load_scenario("steps"), experiment, None)
    first, changed = (arms[state].to_mapping() for state in ("first", "changed"))
    assert {key for key in first if first[key] != changed[key]} == {"connections"}
    assert arms["first"].plan().peak_level == 20


def test_an_open_load_stays_open() -> None:
    experiment, _ = load_experiment("pool-50")
    plan = arms_of(load_scenario("open-login"), experiment, None)["first"].plan()
    assert (plan.unit, plan.peak_level) == ("arrivals/s", 12)
    with pytest.raises(UsageError, match="leave --users out"):
        arms_of(load_scenario("open-login"), experiment, 5)


def test_what_is_so_already_is_no_experiment(tmp_path: Path) -> None:
    experiment, _ = load_experiment(write(tmp_path, GOOD + "scenario: {accounts: rotating}\n"))
    with pytest.raises(UsageError, match="nothing to change: scenario 'steps' has 'accounts: rotating'"):
        arms_of(load_scenario("steps"), experiment, None)


def test_what_is_printed_of_a_change_holds_no_secret(tmp_path: Path) -> None:
    for way in ("command: {do: [set, hush], undo: [b]}", "http: {do: {url: /hush}, undo: {url: /b}}"):
        experiment, _ = load_experiment(write(tmp_path, GOOD + way))
        assert experiment.change == "Another pool"
