"""Which experiment an investigation tries next, and what it concludes from what came out."""

from __future__ import annotations

import pytest

from analysis.experiment.report import ExperimentReport
from analysis.investigation.plan import Choice, Outcome, Possible, Step, Tried, following, remaining
from analysis.investigation.report import Explains
from analysis.investigation.seen import explains, left_in_words, of_another_kind
from analysis.suspects import known_suspects
from analysis.verdict import Freeze, SloOutcome, SloResult
from tests.render.builders import make_verdict
from tests.render.investigations import made, moved_to, pointed_at, trial

ORDER = ("lock", "pool", "cache", "bcrypt", "network", "code", "freeze")
CASE = (
    Choice("bcrypt-10", "bcrypt", 280),
    Choice("bcrypt-worker-pool", "bcrypt", 160, decides=True),
    Choice("cache-off", "cache", 160, decides=True),
    Choice("fresh-connections", "network", 160),
    Choice("lock-100ms", "lock", 160, decides=True),
    Choice("network-latency", "network", 160, decides=True),
    Choice("own-account", "code", 160),
    Choice("pool-50", "pool", 160, decides=True),
)
WEIGHTS = {"lock": 5.2, "bcrypt": 4.3, "throughput": 3.8, "pool": 1.1}
LONG_S = 1e6


def possible(weights: dict[str, float], *given: Choice) -> Possible:
    return Possible(ORDER, weights, (*given, *CASE))


def walk(
    of: Possible, outcomes: dict[str, Outcome], left_s: float = LONG_S, needed_s: float | None = None
) -> list[str]:
    """What is tried in which order; whatever is not named contradicts."""
    tried: list[Tried] = []
    names = []
    while (step := following(of, tried, left_s)) is not None:
        outcome = outcomes.get(step.choice.name, "contradicts")
        needed = needed_s if outcome == "cannot_tell" else None
        tried.append(Tried(step.choice.name, outcome, needed))
        names.append(step.choice.name + ("+" if step.reason == "longer" else ""))
        left_s -= step.duration_s
    return names


@pytest.mark.parametrize(
    ("weights", "outcomes", "expected"),
    [
        # The case: the lock is blamed first, cleared, and then bcrypt is convicted.
        (WEIGHTS, {"bcrypt-worker-pool": "supports"}, ["lock-100ms", "bcrypt-worker-pool"]),
        # A suspect that is twenty times less likely waits, but comes before those that nothing points at.
        (
            WEIGHTS,
            {"cache-off": "supports"},
            ["lock-100ms", "bcrypt-worker-pool", "pool-50", "cache-off"],
        ),
        # Equal weights: the order of the case.
        (
            {"bcrypt": 2.0, "cache": 2.0, "pool": 2.0},
            {"bcrypt-worker-pool": "supports"},
            ["pool-50", "cache-off", "bcrypt-worker-pool"],
        ),
        # Where the deciding experiment cannot be made, another one about the suspect is.
        (
            {"bcrypt": 2.0},
            {"bcrypt-worker-pool": "not_possible", "bcrypt-10": "supports"},
            ["bcrypt-worker-pool", "bcrypt-10"],
        ),
        # A suspect that was cleared is not tried in another way.
        (
            {"bcrypt": 2.0},
            {},
            ["bcrypt-worker-pool", "lock-100ms", "pool-50", "cache-off", "network-latency", "own-account"],
        ),
        # Nobody is suspected: the order of the case.
        ({}, {"pool-50": "supports"}, ["lock-100ms", "pool-50"]),
        # A suspect without any experiment is passed over.
        ({"freeze": 9.0, "lock": 7.0}, {"lock-100ms": "supports"}, ["lock-100ms"]),
    ],
)
def test_what_is_tried_in_which_order(
    weights: dict[str, float], outcomes: dict[str, Outcome], expected: list[str]
) -> None:
    assert walk(possible(weights), outcomes) == expected


def test_what_could_not_tell_is_repeated_once_after_every_suspect_had_its_turn() -> None:
    found = walk(possible(WEIGHTS), {"lock-100ms": "cannot_tell"}, needed_s=300)
    assert found[:3] == ["lock-100ms", "bcrypt-worker-pool", "lock-100ms+"]
    assert found.count("lock-100ms+") == 1


def test_without_a_length_that_would_tell_nothing_is_repeated() -> None:
    found = walk(possible(WEIGHTS), {"lock-100ms": "cannot_tell"}, needed_s=None)
    assert not any(name.endswith("+") for name in found)


def test_what_does_not_fit_into_the_time_is_left_out_and_shorter_things_are_done() -> None:
    of = possible({"bcrypt": 3.0, "lock": 2.0}, Choice("quick.yaml", "lock", 20, decides=True, given=True))
    assert following(of, [], 100.0) == Step(Choice("quick.yaml", "lock", 20, True, True), "suspect", 20)
    assert following(of, [Tried("quick.yaml", "cannot_tell")], 100.0) is None
    left = remaining(of, [Tried("quick.yaml", "cannot_tell")])
    assert [step.choice.name for step in left][:2] == ["bcrypt-worker-pool", "bcrypt-10"]


def test_what_the_command_line_names_comes_first_though_nothing_points_at_it() -> None:
    mine = Choice("mine.yaml", "cache", 20, decides=True, given=True)
    found = walk(possible({"lock": 5.0}, mine), {"mine.yaml": "supports"})
    assert found == ["lock-100ms", "mine.yaml"]
    found = walk(possible({"cache": 5.0}, mine), {})
    assert found[0] == "mine.yaml"


def test_nothing_remains_once_the_cause_is_known() -> None:
    assert remaining(possible(WEIGHTS), [Tried("lock-100ms", "supports")]) == []


def test_every_suspect_says_what_to_do_now_in_the_long_run_and_what_to_watch() -> None:
    for suspect in known_suspects():
        assert suspect.advice, suspect.name
        assert suspect.long_run, suspect.name
        assert suspect.watch, suspect.name


def slo(**outcomes: SloOutcome) -> list[SloResult]:
    targets = {"error_rate": "error_rate < 5 %", "p99": "p99 < 1000 ms", "freeze": "freeze < 2 s"}
    return [
        SloResult(name=name, target=targets[name], value=1, low=None, high=None, outcome=outcome, text="")
        for name, outcome in outcomes.items()
    ]


FROZE = [Freeze(start_s=3, duration_s=4, in_flight=6)]


@pytest.mark.parametrize(
    ("errors", "targets", "freezes", "expected"),
    [
        (9, slo(error_rate="missed", p99="missed"), [], "errors"),
        (9, slo(error_rate="met", p99="missed"), [], "latency"),
        (9, slo(error_rate="met", p99="met"), [], "errors"),
        (9, [], FROZE, "errors"),
        (9, slo(error_rate="met", freeze="missed"), FROZE, "latency"),
        (0, slo(error_rate="met", p99="missed"), [], "latency"),
        (0, slo(error_rate="met", p99="met", freeze="met"), FROZE, "latency"),
        (0, slo(error_rate="met", p99="met"), [], "nothing"),
        (0, [], [], "nothing"),
    ],
)
def test_what_is_to_be_explained(
    errors: int, targets: list[SloResult], freezes: list[Freeze], expected: Explains
) -> None:
    assert explains(make_verdict(errors=errors, slo=targets, freezes=freezes)) == expected


def test_a_change_that_turns_errors_into_waiting_is_said_to_be_not_enough() -> None:
    targets = slo(error_rate="missed", p99="met")
    waiting = trial("bcrypt-worker-pool", "supports", 0.0)
    assert left_in_words(targets, waiting) == (
        "It is not enough yet: with the change, at 20 users, the P99 of successes is 6,300 ms "
        "(target: p99 < 1000 ms)."
    )
    better = waiting.model_copy(update={"changed_p99_ms": 300.0})
    assert left_in_words(targets, better) == ""
    assert "6 % of requests fail (target: error_rate < 5 %)" in left_in_words(
        targets, trial("bcrypt-worker-pool", "supports", 0.06)
    )


def test_what_a_longer_repeat_contradicts_is_ruled_out() -> None:
    first = trial("lock-100ms", "cannot_tell", 0.6)
    again = trial("lock-100ms", "contradicts", 0.889, reason="longer")
    verdict = make_verdict(suspects=pointed_at("lock"))
    assert made([first], verdict).conclusion == "cannot_tell"
    assert made([first, again], verdict).conclusion == "ruled_out"


def test_a_target_without_data_is_not_met() -> None:
    verdict = make_verdict(errors=0, slo=slo(error_rate="met", p99="no_data"))
    report = made([], verdict, explains="nothing")
    assert report.conclusion == "cannot_tell"
    assert "of p99 < 1000 ms too little was measured to say" in report.sentence


def test_an_experiment_that_met_other_failures_explains_nothing_of_the_run() -> None:
    """`--run` of another fault of the lab: its suspects would be tried on something else."""
    busy = moved_to(0.1).model_copy(update={"name": "503 busy"})
    report = ExperimentReport.model_construct(by_class=[busy])
    assert of_another_kind(frozenset({"503", "500"}), report) == ""
    assert of_another_kind(frozenset(), report) == ""
    told = of_another_kind(frozenset({"500"}), report)
    assert told.startswith("here requests failed with 503, in the run with 500: is it the same version")
