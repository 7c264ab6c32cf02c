"""The tree, the suspects, the sentence and the next run in the situations of the case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import by_load, by_time, make_run, make_samples

from analysis.diagnose import diagnose
from analysis.suspects import SuspectsError, known_suspects, load_suspects
from recording.run import LogHealth
from recording.sample import Samples

POOL = "connection pool exhausted"


def lock(**changes):
    return make_run(errors=by_load(lambda u: 0.04 * np.maximum(0, u - 8)), **changes)


def pool(**changes):
    def bursts(u, t):
        return np.where((t % 47 < 7) & (u > 8), 0.7, 0.0)

    return make_run(errors=bursts, status=500, message=POOL, error_ms=5000, **changes)


def bug():
    return make_run(errors=0.166, per_user_s=1.5, status=500, message="password verification failed")


def answers(run):
    return {node.question: node.answer for node in diagnose(run).tree}


def test_503s_lead_to_the_storage_lock():
    verdict = diagnose(lock())
    assert verdict.tree[0].answer == "yes"
    assert "storage lock" in verdict.tree[0].leads_to
    assert verdict.suspects[0].name == "lock"
    assert answers(lock())["Does the error rate change with load?"] == "rises"


def test_500s_lead_to_their_messages():
    walked = answers(pool())
    assert walked["Are the errors 503?"] == "no"
    assert walked["Are the errors 500?"] == "yes"
    assert walked["What do the 500s say?"] == POOL
    assert walked["Are the errors clustered or distributed?"] == "clustered"
    assert diagnose(pool()).suspects[0].name == "pool"


def test_a_constant_rate_leads_to_code_or_configuration():
    verdict = diagnose(bug())
    assert verdict.load_effect.answer == "constant"
    assert verdict.suspects[0].name == "code"
    assert "code or configuration" in verdict.tree[-1].leads_to


def test_429s_are_the_rate_limiter():
    run = make_run(
        errors=by_load(lambda u: 0.3 * (u > 10)), status=429, message="Rate limit exceeded, please slow down"
    )
    verdict = diagnose(run)
    assert verdict.suspects[0].name == "rate_limit"
    assert "Are the errors something else?" in answers(run)


def test_redis_messages_lead_to_the_cache():
    run = make_run(
        errors=by_time(lambda t: np.where(t % 40 < 5, 0.6, 0.0)),
        status=500,
        message="redis connection failed",
    )
    assert diagnose(run).suspects[0].name == "cache"


def test_time_outs_everywhere_lead_to_the_network():
    n = 4000
    outcome = np.where(np.random.default_rng(1).random(n) < 0.1, "connect_timeout", "ok")
    samples = make_samples(
        start_s=1e9 + np.arange(n) * 0.15,
        users=np.resize(np.repeat([2, 20, 10, 16], 200), n),
        status=np.where(outcome == "ok", 200, 0),
        outcome=outcome.tolist(),
        endpoint=np.where(np.arange(n) % 2, "login", "me").tolist(),
    )
    assert diagnose(replace(make_run(), samples=samples)).suspects[0].name == "network"


def test_no_errors_mean_no_suspects_and_one_node():
    verdict = diagnose(make_run())
    assert verdict.suspects == []
    assert [node.answer for node in verdict.tree] == ["no"]
    assert verdict.sentence.startswith("No request failed in 5,280: the true rate is under 0.057 %")
    assert verdict.next_run is None


def test_every_suspect_tells_for_what_is_missing_and_advice():
    for suspect in diagnose(lock()).suspects:
        assert suspect.for_
        assert suspect.advice
        assert suspect.weight >= 1
    assert [s.rank for s in diagnose(lock()).suspects] == list(range(1, len(diagnose(lock()).suspects) + 1))


def test_the_case_names_its_seven_suspects():
    names = {suspect.name for suspect in known_suspects()}
    assert names >= {
        "lock",
        "pool",
        "cache",
        "network",
        "bcrypt",
        "code",
        "throughput",
        "rate_limit",
        "generator",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "suspects: {a: {title: A, evidence: [{signal: nope, for: 1, against: 0}], advice: [x]}}",
            "unknown signal",
        ),
        (
            "suspects: {a: {title: A, colour: red, evidence: [], advice: [x]}}",
            "unknown key suspects.a.colour",
        ),
        ("suspects: {a: {title: A, evidence: [{signal: status, for: -1, against: 0}], advice: [x]}}", "for"),
        ("suspects: {a: 3}", "must be a mapping"),
        ("suspect: {}", "expected a mapping with the key 'suspects'"),
        ("suspects: {}\nmore: 1", "unknown key 'more'"),
        ("suspects: [", "not YAML"),
        (
            "suspects: {a: {title: A, evidence: [{signal: message, pattern: '(', for: 1, against: 0}], "
            "advice: [x]}}",
            "not a regular expression",
        ),
    ],
)
def test_a_mistake_in_the_table_is_told_where_it_is(tmp_path, text, message):
    path = tmp_path / "suspects.yaml"
    path.write_text(text)
    with pytest.raises(SuspectsError, match=message.replace("(", r"\(")):
        load_suspects(path)


def test_a_missing_table_is_told():
    from pathlib import Path

    with pytest.raises(SuspectsError, match="cannot be read"):
        load_suspects(Path("nowhere.yaml"))


def test_the_sentence_of_a_rise_names_both_ends_and_the_knee():
    text = diagnose(lock()).sentence
    assert text.startswith("Errors rise with load: from 0 % below 7.4 users to")
    assert "they begin at about" in text
    assert "all with 503 'Service temporarily busy, please retry'." in text


def test_the_sentence_of_a_constant_rate_says_so():
    assert diagnose(bug()).sentence.startswith("Errors do not depend on load: about 17.1 % at every level")


def test_the_sentence_of_a_single_level_says_why_it_cannot_tell():
    verdict = diagnose(make_run(users=[20] * 20, errors=0.166))
    assert verdict.sentence.startswith("Cannot tell whether errors depend on load: load did not vary.")
    assert verdict.next_run.scenario == "steps"


def test_the_sentence_begins_with_what_is_wrong_with_the_run():
    cut = make_run(users=[2, 6], errors=0.1, health=LogHealth(nodes_without_end=("w",)))
    assert diagnose(cut).sentence.startswith("Cut short after 59 s: ")
    assert diagnose(replace(make_run(), samples=Samples.empty())).sentence == "No data: nothing was measured."


def test_sentences_are_short():
    for run in (lock(), pool(), bug(), make_run(), make_run(users=[3] * 20, errors=0.1)):
        assert len(diagnose(run).sentence) <= 240


def test_failures_that_end_late_and_far_apart_bring_blocked_executors_in_beside_the_lock():
    full_cpu = by_load(lambda u: np.maximum(0, 1 - 3 / u))  # as many successes a second at 20 users as at 6
    run = make_run(errors=full_cpu)
    late = np.random.default_rng(1).uniform(250, 600, len(run.samples))
    busy = np.where(run.samples.is_error, late, 200 + 15 * run.samples.users)
    found = diagnose(replace(run, samples=replace(run.samples, duration_ms=busy))).suspects
    assert {suspect.name for suspect in found[:3]} >= {"lock", "bcrypt"}
    assert "bcrypt" not in {s.name for s in diagnose(lock()).suspects[:1]}


def test_an_empty_run_has_no_pattern():
    assert diagnose(replace(make_run(), samples=Samples.empty())).temporal.answer == "inconclusive"
