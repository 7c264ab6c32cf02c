"""The error rate taken apart: mixtures of known truth, told by class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import BUSY, by_load, example, make_run

from analysis.diagnose import diagnose
from analysis.load import class_effect
from analysis.usable import usable
from analysis.windows import cut_windows
from recording.run import Run
from recording.sample import Category


def mixed(first, second, seed: int = 3, statuses: tuple[int, int] = (401, 503), **changes) -> Run:
    """A run in which the first failure strikes with rate `first(users)`, and else the second may."""
    run = make_run(errors=by_load(second), status=statuses[1], seed=seed, per_user_s=2.0, **changes)
    struck = np.random.default_rng(seed + 1000).random(len(run.samples)) < first(
        run.samples.users.astype(float)
    )
    outcome = np.where(struck, "http_error", run.samples.outcome.to_list()).tolist()
    code = np.where(struck, "token", run.samples.code.to_list()).tolist()
    status = np.where(struck, statuses[0], run.samples.status).astype(np.int16)
    samples = replace(run.samples, outcome=Category.of(outcome), code=Category.of(code), status=status)
    examples = (example(statuses[1], BUSY), example(statuses[0], "invalid token", "token"))
    return replace(run, samples=samples, examples=examples)


def constant(rate: float):
    return lambda users: np.full(len(users), rate)


def bug_under_a_ramp() -> Run:
    return mixed(constant(0.12), lambda u: np.maximum(0, (u - 6) * 0.011))


def cancelling() -> Run:
    """One failure from 16 % to 4 %, the other from 4 % to 16 %."""
    return mixed(lambda u: 0.173 - 0.0067 * u, lambda u: 0.027 + 0.0078 * u)


@pytest.mark.parametrize("run", [bug_under_a_ramp(), cancelling(), make_run(errors=0.1)])
def test_every_failure_is_in_one_class_and_every_figure_sums_to_the_total(run: Run) -> None:
    verdict = diagnose(run)
    parts = verdict.attribution
    assert sum(part.count for part in parts) == verdict.errors
    assert sum(part.rate for part in parts) == pytest.approx(verdict.error_rate.value, rel=1e-12)
    assert sum(part.share for part in parts) == pytest.approx(1, rel=1e-12)
    levels = verdict.levels
    assert sum(p.at_lowest_load for p in parts) == pytest.approx(levels[0].error_rate.value, rel=1e-12)
    assert sum(p.at_highest_load for p in parts) == pytest.approx(levels[-1].error_rate.value, rel=1e-12)
    same = np.where(run.samples.status == 200, 200, 503).astype(np.int16)
    samples = replace(run.samples, status=same, code=Category.constant("", len(same)))
    (total,) = diagnose(replace(run, samples=samples, examples=())).attribution
    assert sum(part.slope_part for part in parts) == pytest.approx(total.slope_part, rel=1e-9)


def test_a_constant_bug_under_a_ramp_of_503s_comes_apart() -> None:
    verdict = diagnose(bug_under_a_ramp())
    assert verdict.load_effect.answer == "rises"
    found = {part.status: part for part in verdict.attribution}
    assert {name: part.load_effect for name, part in found.items()} == {"401": "constant", "503": "rises"}
    assert found["401"].rate == pytest.approx(0.12, abs=0.01)
    assert abs(found["401"].slope_part) < 0.04
    assert found["503"].slope_part > 0.1
    assert found["503"].low < found["503"].slope < found["503"].high
    assert verdict.attribution_text.startswith(f"Of these {100 * verdict.error_rate.value:.1f} %, 1")
    assert "points are 401, which does not depend on load; " in verdict.attribution_text
    assert "points are 503, which rises with load (from " in verdict.attribution_text
    assert " at 2 users to " in verdict.attribution_text
    assert "taken apart, 401 (" in verdict.load_effect.why
    notes = [f for f in verdict.quality.findings if f.code == "classes_differ"]
    assert [note.severity for note in notes] == ["note"]


def test_two_classes_that_cancel_are_told_although_the_total_is_constant() -> None:
    verdict = diagnose(cancelling())
    assert verdict.load_effect.answer == "constant"
    found = {part.status: part.load_effect for part in verdict.attribution}
    assert found == {"401": "falls", "503": "rises"}
    (warning,) = [f for f in verdict.quality.findings if f.code == "classes_differ"]
    assert warning.severity == "warning"
    assert "503" in warning.text
    assert "401" in warning.text
    assert "503" in verdict.load_effect.why


def test_messages_of_one_status_that_load_moves_apart_are_classes_of_their_own() -> None:
    run = mixed(lambda u: 0.173 - 0.0067 * u, lambda u: 0.027 + 0.0078 * u, statuses=(500, 500))
    verdict = diagnose(run)
    assert list(verdict.by_status) == ["500"]
    found = {part.message: part.load_effect for part in verdict.attribution}
    assert found == {"invalid token": "falls", BUSY: "rises"}
    assert {part.fingerprint for part in verdict.attribution} == {kind.id for kind in verdict.fingerprints}


def test_one_class_is_the_total_and_needs_no_sentence() -> None:
    verdict = diagnose(make_run(errors=0.1))
    (part,) = verdict.attribution
    assert (part.status, part.count, part.load_effect) == ("503", verdict.errors, "constant")
    assert verdict.attribution_text == ""
    assert not [f for f in verdict.quality.findings if f.code == "classes_differ"]
    assert "taken apart" not in verdict.load_effect.why


def test_a_class_carries_the_numbers_of_its_own_answer() -> None:
    run = bug_under_a_ramp()
    verdict = diagnose(run)
    rows = usable(run.samples)
    cut = cut_windows(rows)
    own = class_effect(cut, cut.by_class[:, cut.classes.index("401")])
    group = verdict.by_status["401"]
    assert (group.slope, group.low, group.high, group.why) == (own.slope, own.low, own.high, own.why)
    kind = next(kind for kind in verdict.fingerprints if kind.status == 401)
    assert (kind.slope, kind.confidence) == (own.slope, own.confidence)


def test_a_small_class_is_counted_but_not_named() -> None:
    verdict = diagnose(mixed(constant(0.003), constant(0.2)))
    assert [part.status for part in verdict.attribution] == ["503", "401"]
    assert verdict.attribution_text == ""


def test_a_source_that_cannot_tell_load_still_says_which_class_holds_what() -> None:
    run = replace(bug_under_a_ramp(), lacks=frozenset({"request_times", "durations"}))
    verdict = diagnose(run)
    assert [part.slope_part for part in verdict.attribution] == [None, None]
    assert "points are 401; " in verdict.attribution_text
    assert "load" not in verdict.attribution_text


def test_without_an_error_rate_nothing_is_attributed() -> None:
    verdict = diagnose(replace(bug_under_a_ramp(), lacks=frozenset({"failed_requests"})))
    assert verdict.attribution == []
    assert verdict.attribution_text == ""
