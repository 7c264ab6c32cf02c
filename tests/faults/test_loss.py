"""F22: something of a run with known truth is lost: the answer stays or becomes a doubt, and never flips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analysis.diagnose import diagnose
from recording.run import LogHealth, Run
from recording.sample import Category
from tests.analysis.run_builder import by_load, make_run

TRUTHS: dict[str, tuple[float | Callable[..., np.ndarray], str]] = {
    "rises": (by_load(lambda users: 0.01 * users), "rises"),
    "constant": (0.16, "constant"),
    "falls": (by_load(lambda users: 0.3 - 0.012 * users), "falls"),
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
@pytest.mark.parametrize("truth", TRUTHS)
def test_a_loss_never_turns_the_answer_round(truth: str, loss: Callable[[Run, int], Run]) -> None:
    errors, expected = TRUTHS[truth]
    answers = set()
    for seed in range(3):
        run = two_workers(make_run(errors=errors, seed=seed), seed)
        verdict = diagnose(loss(run, seed))
        assert not verdict.quality.complete
        answers.add(verdict.load_effect.answer)
    assert answers <= {expected, "inconclusive"}
    # The mistake would be to doubt everything.
    assert expected in answers or loss is without_a_worker
