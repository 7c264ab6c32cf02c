"""F22: something of a run with known truth is lost: the answer stays or becomes a doubt, and never flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from analysis.diagnose import diagnose
from analysis.verdict import Burst, Verdict
from recording.run import LogHealth, Run
from recording.sample import Category
from tests.analysis.run_builder import Rate, by_load, make_run
from tests.faults.harness import measured
from tests.render.kinds_of_verdict import bursts


@dataclass(frozen=True)
class Truth:
    """What errors a run has, and the answers to that: about load, and about bursts."""

    errors: Rate
    load: str
    time: str = "distributed"


STEP_S, PERIOD_S, LASTING_S = 45.0, 30.0, 5.0
ONSETS_S = np.arange(12.0, 20 * STEP_S, PERIOD_S)
"""Bursts begin at all loads, and at all moments of a step."""

TRUTHS = {
    "rises": Truth(by_load(lambda users: 0.01 * users), "rises"),
    "constant": Truth(0.16, "constant"),
    "falls": Truth(by_load(lambda users: 0.3 - 0.012 * users), "falls"),
    "bursts": Truth(bursts(ONSETS_S, LASTING_S), "constant", "clustered"),
}


def two_workers(run: Run, seed: int) -> Run:
    """The same run, its requests dealt to two processes."""
    node = np.random.default_rng(seed).integers(0, 2, len(run.samples))
    return replace(run, samples=replace(run.samples, node=Category.of([f"worker-{i}" for i in node])))


def without_some(run: Run, seed: int) -> Run:
    """One request in twenty is gone."""
    kept = np.random.default_rng(seed).random(len(run.samples)) >= 0.05
    return replace(run, samples=run.samples.take(kept), health=LogHealth(bad_frames=1))


def without_a_worker(run: Run, seed: int) -> Run:
    """From the middle on nothing of one worker is there."""
    samples = run.samples
    late = samples.start_s > np.median(samples.start_s)
    kept = ~(late & samples.node.equals("worker-0"))
    health = LogHealth(nodes=("worker-0", "worker-1"), nodes_without_end=("worker-0",))
    return replace(run, samples=samples.take(kept), health=health)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [without_some, without_a_worker])
@pytest.mark.parametrize("name", TRUTHS)
def test_a_loss_never_turns_an_answer_round(name: str, loss: Callable[[Run, int], Run]) -> None:
    truth = TRUTHS[name]
    of_load, of_time = set(), set()
    for seed in range(3):
        run = two_workers(make_run(errors=truth.errors, seed=seed, step_s=STEP_S), seed)
        verdict = diagnose(loss(run, seed))
        assert not verdict.quality.complete
        of_load.add(verdict.load_effect.answer)
        of_time.add(verdict.temporal.answer)
        check_bursts(verdict, truth)
    measured(load=of_load, time=of_time)
    assert of_load <= {truth.load, "inconclusive"}
    assert of_time <= {truth.time, "inconclusive"}
    # The mistake would be to doubt everything.
    assert truth.load in of_load or loss is without_a_worker
    assert truth.time in of_time


def check_bursts(verdict: Verdict, truth: Truth) -> None:
    """Every burst that the verdict tells of was there, none twice; most that were there are told, and their
    interval."""
    told = verdict.temporal
    if truth.time != "clustered":
        assert not told.bursts
        return
    found = [np.flatnonzero(_overlap(burst)).tolist() for burst in told.bursts]
    assert all(len(ones) == 1 for ones in found), found
    assert len({one for (one,) in found}) == len(found) > 0.8 * len(ONSETS_S)
    assert told.period_s == pytest.approx(PERIOD_S, abs=0.1)


def _overlap(burst: Burst) -> np.ndarray:
    """Which of the bursts that were there it shares time with."""
    shared: np.ndarray = (burst.start_s < ONSETS_S + LASTING_S) & (burst.end_s > ONSETS_S)
    return shared
