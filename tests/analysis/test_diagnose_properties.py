"""Properties that hold for every run, and robustness against runs that nobody expects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_builder import by_load, by_time, make_run, make_samples

from analysis.diagnose import diagnose
from analysis.verdict import Verdict
from analysis.windows import windows
from recording.outcomes import OUTCOMES
from recording.run import Run
from recording.sample import Category, Samples

RATES = {
    "rises": by_load(lambda u: 0.02 + 0.02 * u),
    "constant": by_load(lambda u: 0.2 + 0 * u),
    "bursts": by_time(lambda t: np.where(t % 50 < 6, 0.7, 0.01)),
}


@pytest.fixture(scope="module", params=RATES)
def run(request):
    return make_run(errors=RATES[request.param], step_s=12)


def test_the_order_of_rows_does_not_matter(run):
    order = np.random.default_rng(9).permutation(len(run.samples))
    assert diagnose(replace(run, samples=run.samples.take(order))).to_json() == diagnose(run).to_json()


def test_the_number_of_nodes_does_not_matter(run):
    nodes = Category((np.arange(len(run.samples)) % 4).astype(np.int32), ("a", "b", "c", "d"))
    split = diagnose(replace(run, samples=replace(run.samples, node=nodes)))
    assert split.model_copy(update={"concentration": []}) == diagnose(run).model_copy(
        update={"concentration": []}
    )


def test_doubling_all_weights_does_not_change_the_answer(run):
    single, double = (
        diagnose(run),
        diagnose(replace(run, samples=replace(run.samples, weight=run.samples.weight * 2))),
    )
    assert double.requests == 2 * single.requests
    assert double.error_rate.value == single.error_rate.value
    assert {single.load_effect.answer, double.load_effect.answer} not in (
        {"rises", "constant"},
        {"rises", "falls"},
    )
    assert double.temporal.answer == single.temporal.answer
    assert double.latency_ms.ok.p95 == single.latency_ms.ok.p95


def test_a_verdict_survives_json(run):
    verdict = diagnose(run)
    assert Verdict.model_validate_json(verdict.to_json()) == verdict


FLOATS = st.one_of(st.floats(-1e3, 1e6), st.sampled_from([float("nan"), float("inf"), 0.0, 1.75e9]))


@st.composite
def arbitrary_samples(draw: st.DrawFn) -> Samples:
    rows = draw(st.integers(0, 40))

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    return make_samples(
        start_s=column(FLOATS),
        duration_ms=np.array(column(FLOATS), float),
        users=np.array(column(st.sampled_from([-1, 0, 1, 5, 2_000_000_000])), np.int64),
        status=np.array(column(st.sampled_from([0, 200, 429, 500, 503, 599, -1])), np.int64),
        outcome=column(st.sampled_from(OUTCOMES)),
        account=np.array(column(st.integers(-1, 5)), np.int64),
        weight=np.array(column(st.sampled_from([0, 1, 100])), np.int64),
        code=column(st.sampled_from(["", "a", "b"])),
        endpoint=column(st.sampled_from(["", "login", "me"])),
        node=column(st.sampled_from(["a", "b"])),
    )


@settings(max_examples=150)
@given(arbitrary_samples())
def test_no_small_run_makes_it_crash(samples):
    verdict = diagnose(Run("x", "case_csv", samples))
    assert verdict.sentence
    assert 0 <= verdict.errors <= verdict.requests
    assert sum(kind.count for kind in verdict.fingerprints) == verdict.errors
    assert int(windows(samples).requests.sum()) == verdict.requests
    assert "NaN" not in verdict.to_json()


@pytest.mark.parametrize(
    "samples",
    [
        Samples.empty(),
        make_samples(start_s=[1e9]),
        make_samples(start_s=[1e9], outcome="http_error", status=500, duration_ms=0.0),
        make_samples(start_s=[1e9] * 5000, outcome="http_error", status=500),
        make_samples(start_s=[1e9] * 5000, outcome=["ok", "http_error"] * 2500, duration_ms=0.0, users=-1),
        make_samples(start_s=np.arange(0, 1e9, 1e6), outcome=["ok", "reset"] * 500),
        make_samples(start_s=[1e9], outcome="generator"),
    ],
    ids=["empty", "one", "one error", "same instant", "same instant, no load", "decades", "generator only"],
)
def test_degenerate_runs_get_a_verdict(samples):
    assert diagnose(Run("x", "case_csv", samples)).sentence


def test_windows_cover_the_run_and_keep_every_request(run):
    cut = windows(run.samples)
    assert cut.requests.sum() == len(run.samples)
    assert (cut.by_class.sum(axis=1) == cut.requests).all()
    assert cut.classes[0] == "ok"
    assert len(cut) >= 60
    assert np.nanmin(cut.users) == 2
    assert np.nanmax(cut.users) == 20


def test_a_long_run_has_five_second_windows():
    assert windows(make_run(step_s=60).samples).width_s == 5.0
