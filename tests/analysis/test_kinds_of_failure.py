"""Fingerprints: masks, grouping, clear messages; classes by status; concentration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import BUSY, by_load, example, make_run, make_samples

from analysis.diagnose import diagnose
from analysis.messages import masked
from recording.sample import Category


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("timeout after 5003 ms", "timeout after <duration>"),
        ("timeout after 1.5s on try 3", "timeout after <duration> on try <n>"),
        ("user 550e8400-e29b-41d4-a716-446655440000 gone", "user <uuid> gone"),
        ("cannot reach 10.0.0.7:5432", "cannot reach <ip>"),
        ("cannot reach [fe80::1:2:3:4]:80", "cannot reach <ip>"),
        ("GET https://api.example.org/v1/x?id=7 failed", "GET <url> failed"),
        ("bad object 0xdeadBEEF at 5f4dcc3b5aa765d6", "bad object <hex> at <hex>"),
        ("no user \"alice\" in 'eu'", "no user <value> in <value>"),
        ("can't connect, it's busy", "can't connect, it's busy"),
        ("at 2026-11-23T20:15:00Z it broke", "at <time> it broke"),
        ("mail to a.b@example.org", "mail to <email>"),
        ("a\n  b\tc", "a b c"),
        ("accede to the facade", "accede to the facade"),
    ],
)
def test_variable_parts_are_masked(message, expected):
    assert masked(message) == expected


def test_masking_twice_changes_nothing():
    text = masked("timeout after 5003 ms for 10.0.0.7:5432 at https://x.y/z")
    assert masked(text) == text


def mixed_run():
    """A constant 500 at one account in six, and a 503 that follows load."""
    run = make_run(errors=by_load(lambda u: 0.02 * u), seed=4, per_user_s=1.5)
    rng = np.random.default_rng(4)
    n = len(run.samples)
    account = rng.integers(0, 24, n).astype(np.int32)
    broken = account % 6 == 0
    outcome = np.where(broken, "http_error", run.samples.outcome.to_list()).tolist()
    code = np.where(broken, "hash", run.samples.code.to_list()).tolist()
    samples = replace(
        run.samples,
        account=account,
        status=np.where(broken, 500, run.samples.status).astype(np.int16),
        outcome=Category.of(outcome),
        code=Category.of(code),
    )
    examples = (
        example(503, BUSY),
        example(500, "password verification failed: invalid hash for user 17", "hash"),
        example(500, "password verification failed: invalid hash for user 23", "hash"),
    )
    return replace(run, samples=samples, examples=examples)


def test_a_constant_bug_and_a_load_driven_error_are_told_apart():
    verdict = diagnose(mixed_run())
    by_message = {kind.message: kind for kind in verdict.fingerprints}
    assert set(by_message) == {BUSY, "password verification failed: invalid hash for user <n>"}
    assert by_message[BUSY].load_effect == "rises"
    assert by_message["password verification failed: invalid hash for user <n>"].load_effect == "constant"
    assert {name: c.load_effect for name, c in verdict.by_status.items()} == {
        "503": "rises",
        "500": "constant",
    }
    assert sum(kind.count for kind in verdict.fingerprints) == verdict.errors
    assert sum(entry.count for entry in verdict.by_status.values()) == verdict.errors


def test_the_accounts_that_always_fail_are_named():
    held = [c for c in diagnose(mixed_run()).concentration if c.dimension == "account"]
    assert held[0].value == "4 of 24 accounts"
    assert held[0].error_rate == 1.0
    assert {c.value for c in held[1:]} == {"0", "6", "12", "18"}


def test_many_accounts_with_few_requests_each_are_counted_together():
    n = 1200
    account = np.arange(n) % 240
    broken = account < 40
    samples = make_samples(
        start_s=1e9 + np.sort(np.random.default_rng(1).uniform(0, 300, n)),
        account=account,
        outcome=np.where(broken, "http_error", "ok").tolist(),
        status=np.where(broken, 500, 200),
    )
    held = diagnose(replace(make_run(), samples=samples)).concentration
    assert held[0].value == "40 of 240 accounts"
    assert held[0].share == 1.0


def test_accounts_used_only_at_high_load_are_not_blamed_for_the_load():
    run = make_run(errors=by_load(lambda u: np.where(u > 11, 0.4, 0.0)))
    rng = np.random.default_rng(0)
    account = (rng.random(len(run.samples)) * run.samples.users).astype(np.int32)
    verdict = diagnose(replace(run, samples=replace(run.samples, account=account)))
    assert [c for c in verdict.concentration if c.dimension == "account"] == []


def test_a_node_that_fails_alone_is_named():
    run = make_run(errors=0.02)
    node = Category((np.arange(len(run.samples)) % 3).astype(np.int32), ("a", "b", "c"))
    outcome = np.array(run.samples.outcome.to_list())
    outcome[node.codes == 1] = np.where(
        np.arange((node.codes == 1).sum()) % 2, "reset", outcome[node.codes == 1]
    )
    samples = replace(run.samples, node=node, outcome=Category.of(outcome.tolist()))
    held = diagnose(replace(run, samples=samples)).concentration
    assert [(c.dimension, c.value) for c in held] == [("node", "b")]


def test_at_most_fifty_kinds_are_listed_and_the_rest_is_other():
    n = 3000
    code = [f"kind{'abcdefghijkl'[i % 12]}{'mnopqrstuvwx'[i // 12 % 12]}" for i in range(n)]
    samples = make_samples(
        start_s=1e9 + np.arange(n) * 0.1,
        code=code,
        status=500,
        outcome="http_error",
        users=np.arange(n) % 7 + 1,
    )
    kinds = diagnose(replace(make_run(), samples=samples, examples=())).fingerprints
    assert len(kinds) == 51
    assert kinds[-1].outcome == "other"
    assert sum(kind.count for kind in kinds) == n


def test_failures_without_an_answer_are_named_by_outcome():
    run = make_run(errors=0.1)
    outcome = ["total_timeout" if o == "http_error" else o for o in run.samples.outcome.to_list()]
    status = np.where(run.samples.status == 503, 0, run.samples.status).astype(np.int16)
    verdict = diagnose(
        replace(run, samples=replace(run.samples, outcome=Category.of(outcome), status=status))
    )
    assert list(verdict.by_status) == ["total_timeout"]
    assert verdict.fingerprints[0].clear is False


def test_texts_too_many_to_tell_apart_are_not_called_by_the_first_of_them() -> None:
    run = make_run(errors=0.2, message="failed for object abc")
    codes = replace(run.samples, code=Category.constant("other", len(run.samples)))
    examples = tuple(replace(example, code="other") for example in run.examples)
    (kind,) = diagnose(replace(run, samples=codes, examples=examples)).fingerprints
    assert "various texts" in kind.message
