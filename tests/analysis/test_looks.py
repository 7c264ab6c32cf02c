"""A run that ended by itself, judged again: the answer that ended it, whatever came in after it."""

from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, by_load, make_run

from analysis.classes import Judge
from analysis.decide import ONE
from analysis.diagnose import diagnose
from analysis.load import load_effect
from analysis.looks import ONCE, looks_of, next_look
from analysis.usable import usable
from analysis.verdict import LoadEffect, Verdict
from analysis.windows import cut_windows
from recording.run import Run
from recording.sample import Category

PLANNED_S = 1200.0
MANIFEST = {"until_decided": True, "planned_s": PLANNED_S, "start_s": START_S}


def look(until_s: float, answer: str = "inconclusive") -> dict[str, object]:
    return {"kind": "look", "time_s": START_S + until_s + 1, "until_s": until_s, "answer": answer}


def run_with(*events: dict[str, object], **made: object) -> Run:
    return make_run(manifest=MANIFEST, events=events, **made)  # type: ignore[arg-type]


def rising() -> Run:
    return run_with(errors=by_load(lambda users: 0.02 + 0.01 * users))


def answer_of(verdict: Verdict) -> LoadEffect:
    """The answer without its curve, which is drawn through all that was recorded."""
    return verdict.load_effect.model_copy(update={"fitted": []})


def test_an_ordinary_run_was_looked_at_once() -> None:
    assert looks_of(make_run()) == ONCE
    assert looks_of(make_run(events=(look(300.0, "rises"),))) == ONCE


def test_every_look_counts_and_the_one_that_decided_is_the_last() -> None:
    looks = looks_of(run_with(look(150.0), look(300.0, "rises")))
    assert looks.shares == (150 / PLANNED_S, 300 / PLANNED_S)
    assert looks.until_s == START_S + 300


def test_a_run_that_nothing_decided_is_judged_whole_with_what_is_left() -> None:
    looks = looks_of(run_with(look(300.0), look(600.0)))
    assert looks.shares == (0.25, 0.5, 1.0)
    assert looks.until_s is None
    assert ONE.at(looks.shares).rises < ONE.rises


def test_the_next_look_comes_after_those_before() -> None:
    looks = next_look(run_with(look(150.0)), 300.0)
    assert looks.shares == (0.125, 0.25)
    assert looks.until_s == START_S + 300


def test_judged_again_the_run_gives_the_answer_of_the_look() -> None:
    run = rising()
    rows = usable(run.samples)
    at_look = Judge.of(rows, cut_windows(rows), looks=next_look(run, 300.0)).load(rows.failed)
    assert at_look.answer == "rises"
    again = diagnose(replace(run, events=(look(300.0, "rises"),)))
    assert answer_of(again) == at_look
    assert again.by_status["503"].load_effect == "rises"
    assert again.requests == len(run.samples) > at_look.requests


def test_what_comes_in_after_the_look_does_not_change_its_answer() -> None:
    run = rising()
    late = run.samples.start_s >= START_S + 300
    outcomes = np.where(late, "http_error", run.samples.outcome.to_list())
    failing = replace(run.samples, outcome=Category.of(outcomes.tolist()))
    fewer = run.samples.take(np.flatnonzero(~late))
    events = (look(300.0, "rises"),)
    answers = [diagnose(replace(run, samples=rows, events=events)) for rows in (run.samples, failing, fewer)]
    assert answer_of(answers[0]) == answer_of(answers[1]) == answer_of(answers[2])
    assert answers[1].errors > 2 * answers[0].errors


def test_the_report_says_that_the_run_ended_by_itself() -> None:
    verdict = diagnose(replace(rising(), events=(look(150.0), look(300.0, "rises"))))
    (finding,) = (f for f in verdict.quality.findings if f.code == "until_decided")
    assert finding.severity == "note"
    assert "at look 2 after 300 s" in finding.text
    undecided = diagnose(run_with(look(150.0), errors=0.1))
    (finding,) = (f for f in undecided.quality.findings if f.code == "until_decided")
    assert "1 look at the run did not decide" in finding.text


def test_a_damaged_event_is_passed_over() -> None:
    events = ({"kind": "look", "time_s": START_S}, {"kind": "look", "time_s": START_S, "until_s": "x"})
    assert looks_of(run_with(*events)).shares == (1.0,)


def test_no_failure_yet_ends_no_run_early_unless_it_would_have_shown() -> None:
    cut = cut_windows(usable(make_run(step_s=5.0).samples))
    assert load_effect(cut, looks=(0.1,)).answer == "inconclusive"
    assert load_effect(cut, looks=(0.1, 1.0)).answer == "constant"
    many = cut_windows(usable(make_run(step_s=60.0, per_user_s=5.0).samples))
    assert load_effect(many, looks=(0.1,)).answer == "constant"


def test_confidence_is_not_stated_higher_because_more_looks_were_taken() -> None:
    cut = cut_windows(usable(make_run(errors=by_load(lambda users: 0.08 + 0.004 * users)).samples))
    once, late = load_effect(cut), load_effect(cut, looks=tuple(np.arange(1, 11) / 10))
    assert once.answer == late.answer == "rises"
    assert late.confidence is not None
    assert once.confidence is not None
    assert late.confidence <= once.confidence
    assert once.slope == pytest.approx(late.slope)
