"""One made-up run for every kind of verdict, to be judged by the real engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from recording.run import LogHealth, Readings, Run
from recording.sample import Category, Samples
from tests.analysis.run_builder import (
    START_S,
    by_load,
    by_time,
    example,
    make_run,
    make_samples,
    shuffled_steps,
)

WIDE = (4, 8, 14, 20, 28, 36)


def over_knee() -> Run:
    errors = by_load(lambda users: 0.004 + 0.95 * np.maximum(0, 1 - 17 / users))
    return make_run(users=shuffled_steps(3, WIDE), per_user_s=0.5, errors=errors, id="rises-with-knee")


def smooth_rise() -> Run:
    return make_run(errors=by_load(lambda users: 0.02 + 0.012 * users))


def steady() -> Run:
    return make_run(errors=0.166)


def less_under_load() -> Run:
    return make_run(errors=by_load(lambda users: 0.26 * (1 - users / 22)))


def too_few_requests() -> Run:
    return make_run(users=[3, 5, 8, 5], step_s=10, errors=0.166)


def one_level() -> Run:
    return make_run(users=[10] * 20, errors=0.166)


def ramp() -> Run:
    return make_run(users=list(range(2, 42)), step_s=15, errors=by_load(lambda users: 0.008 * users))


def too_few_errors() -> Run:
    return make_run(step_s=8, errors=0.006)


def one_event() -> Run:
    """High load once, half way through a drift that outweighs what the load does."""
    users = [*range(2, 21, 2), *range(18, 1, -2)]
    length_s = 30.0 * len(users)

    def rate(load: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        return 0.01 + 0.1 * (load - 2) / 18 + 0.3 * time_s / length_s

    return make_run(users=users, seed=0, errors=rate)


def too_wide() -> Run:
    return make_run(step_s=7, errors=0.06)


def no_errors() -> Run:
    return make_run()


def no_data() -> Run:
    return replace(make_run(), samples=Samples.empty())


def generator_overloaded() -> Run:
    seconds = 100
    readings = Readings(
        START_S + np.arange(seconds),
        np.full(seconds, "generator"),
        np.full(seconds, "cpu_percent"),
        np.full(seconds, "node-1"),
        np.full(seconds, 98.0),
    )
    return make_run(errors=0.1, readings=readings)


def cut_short() -> Run:
    return make_run(errors=0.1, health=LogHealth(nodes_without_end=("worker-1",)))


def frozen() -> Run:
    """Ten users in a closed loop; nothing is answered from second 300 to 308."""
    starts, durations = [], []
    for user in range(10):
        t = user * 0.05
        while t < 600:
            done = t + 0.2
            done = 308 + 0.01 * user if 300 < done < 308 else done
            starts.append(t)
            durations.append((done - t) * 1000)
            t = done + 0.6
    samples = make_samples(start_s=START_S + np.array(starts), duration_ms=durations, users=10)
    return Run(id="frozen", source="made_up", samples=samples)


def bursts(onset_s: Sequence[float], lasting_s: float = 5.0, high: float = 0.8) -> Callable[..., np.ndarray]:
    def rate(_: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        inside = [(time_s >= onset) & (time_s < onset + lasting_s) for onset in onset_s]
        return np.where(np.any(inside, axis=0), high, 0.004)

    return rate


def with_endpoints(run: Run, names: tuple[str, ...], failing: tuple[str, ...]) -> Run:
    """The same over several endpoints; failures of those not in `failing` become successes."""
    samples = run.samples
    codes = (np.arange(len(samples)) % len(names)).astype(np.int32)
    spared = samples.is_error & ~np.isin(codes, [names.index(name) for name in failing])
    outcome = ["ok" if s else o for s, o in zip(spared, samples.outcome.to_list(), strict=True)]
    status = np.where(spared, 200, samples.status).astype(np.int16)
    changed = replace(samples, endpoint=Category(codes, names), outcome=Category.of(outcome), status=status)
    return replace(run, samples=changed)


NAMES = ("login", "search", "order")


def periodic_bursts() -> Run:
    run = make_run(step_s=45, errors=bursts(np.arange(12.0, 900, 30)))
    return with_endpoints(run, NAMES, NAMES)


def bursts_of_one_endpoint() -> Run:
    onset_s = np.cumsum(np.random.default_rng(6).exponential(45, 17) + 15)
    run = make_run(users=[20] * 30, errors=bursts(onset_s[onset_s < 880]))
    return with_endpoints(run, NAMES, ("search",))


def aligned_bursts() -> Run:
    changes = 45.0 * np.array([1, 2, 4, 5, 7, 8, 9, 11, 13, 14, 16, 17, 19])
    return make_run(step_s=45, errors=bursts(changes + 0.5))


def one_burst() -> Run:
    return make_run(errors=bursts([300.0], lasting_s=20, high=0.9))


def drift() -> Run:
    return make_run(step_s=45, errors=by_time(lambda t: 0.02 + 0.25 * t / 900))


def warm_up() -> Run:
    return make_run(errors=by_time(lambda t: np.where(t < 25, 0.5, 0.0)))


def warm_up_at_one_level() -> Run:
    return make_run(users=[10] * 20, errors=by_time(lambda t: np.where(t < 25, 0.5, 0.0)))


def sums() -> Run:
    return make_run(errors=0.1, lacks=frozenset({"request_times", "durations", "users", "readings"}))


def answered_only() -> Run:
    return make_run(errors=0.1, lacks=frozenset({"failed_requests", "message", "readings"}))


def mixed() -> Run:
    """A constant 401 under 503s that come with load."""
    run = make_run(step_s=60, errors=by_load(lambda users: 0.03 * np.maximum(0, users - 8)))
    samples = run.samples
    bug = np.random.default_rng(8).random(len(samples)) < 0.12
    outcome = ["http_error" if b else o for b, o in zip(bug, samples.outcome.to_list(), strict=True)]
    changed = replace(
        samples,
        outcome=Category.of(outcome),
        status=np.where(bug, 401, samples.status).astype(np.int16),
        code=Category.of(["bad_token" if b else c for b, c in zip(bug, samples.code.to_list(), strict=True)]),
    )
    examples = (*run.examples, example(401, "Invalid token", "bad_token"))
    return replace(run, samples=changed, examples=examples)


KINDS: dict[str, Callable[[], Run]] = {
    "rises_with_knee": over_knee,
    "rises_without_knee": smooth_rise,
    "constant": steady,
    "falls": less_under_load,
    "too_few_requests": too_few_requests,
    "load_did_not_vary": one_level,
    "load_and_time_together": ramp,
    "too_few_errors": too_few_errors,
    "one_event": one_event,
    "interval_too_wide": too_wide,
    "no_errors": no_errors,
    "no_data": no_data,
    "invalid": generator_overloaded,
    "incomplete": cut_short,
    "freeze": frozen,
    "bursts_periodic": periodic_bursts,
    "bursts_one_endpoint": bursts_of_one_endpoint,
    "bursts_aligned": aligned_bursts,
    "one_burst": one_burst,
    "drift": drift,
    "warm_up": warm_up,
    "warm_up_at_one_level": warm_up_at_one_level,
    "withheld_sums": sums,
    "withheld_answered_only": answered_only,
    "mixed_classes": mixed,
}
"""Name of the golden file, and the run."""
