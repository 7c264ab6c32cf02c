"""Kinds of failure for made-up runs: the 13 kinds of shared/cases, and harder ones that those lack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.usable import Floats


@dataclass(slots=True)
class World:
    """One run being made. Rates are ratios, times seconds; arrays have one entry per slice.

    Attributes:
        rng: source of everything random.
        duration_s: length of the run.
        time_s: middle of each slice.
        users: active users.
        p: error rate before wandering, filled in by the kind.
        err_ms: how long a failing request takes; base_ms a successful one below `capacity` users.
        think_s: between an answer and the next request.
        knee: users from which errors begin, if they do.
        limit_rps: requests per second from which a rate limit rejects.
    """

    rng: np.random.Generator
    duration_s: float
    time_s: Floats
    users: Floats
    p: Floats
    err_ms: float
    think_s: float
    base_ms: float
    capacity: float
    knee: float | None = None
    limit_rps: float | None = None

    @property
    def x(self) -> Floats:
        """Load from 0 at the lowest to 1 at the highest."""
        return np.asarray((self.users - self.users.min()) / max(float(np.ptp(self.users)), 1e-9), np.float64)

    @property
    def tau(self) -> Floats:
        """Time from 0 to 1."""
        return self.time_s / self.duration_s

    @property
    def peak(self) -> float:
        """Most users."""
        return float(self.users.max())


def _on_off(w: World, on_s: float, off_s: float) -> Floats:
    """1 within bursts, 0 between them; lengths exponential."""
    ends = np.cumsum(w.rng.exponential(np.tile([off_s, on_s], int(w.duration_s / on_s) + 5)))
    return np.asarray(np.searchsorted(ends, w.time_s) % 2, np.float64)


def _log_uniform(w: World, low: float, high: float) -> float:
    return float(np.exp(w.rng.uniform(np.log(low), np.log(high))))


def _constant(w: World) -> None:
    w.p[:] = _log_uniform(w, 0.005, 0.3)


def _case_rate(w: World) -> None:
    w.p[:] = 0.166


def _smooth(w: World) -> None:
    w.p[:] = w.rng.uniform(0, 0.03) + w.rng.uniform(0.04, 0.3) * w.x ** w.rng.uniform(0.8, 2)


def _knee(w: World) -> None:
    share = w.rng.uniform(0.4, 0.7)
    w.knee = w.capacity = share * w.peak
    base = w.rng.uniform(0, 0.02)
    if w.rng.random() < 0.5:
        w.p[:] = base + w.rng.uniform(0.1, 0.35) * np.maximum(0, w.users - w.knee) / (w.peak - w.knee)
    else:
        w.p[:] = base + np.maximum(0, 1 - w.knee / w.users) * 0.95


def _rate_limit(w: World) -> None:
    w.err_ms, w.capacity = 15.0, 3 * w.peak
    share = w.rng.uniform(0.5, 0.8)
    per_user = 1 / (w.think_s + w.base_ms / 1000)
    w.limit_rps, w.knee = share * w.peak * per_user, share * w.peak
    w.p[:] = w.rng.choice([0.0, 0.002])


def _bursts(w: World) -> None:
    on = _on_off(w, w.rng.uniform(2.5, 8), w.rng.uniform(20, 60))
    w.p[:] = np.where(on > 0, w.rng.uniform(0.3, 0.8), w.rng.uniform(0, 0.01))


def _bursts_with_load(w: World) -> None:
    on = _on_off(w, w.rng.uniform(3, 8), w.rng.uniform(9, 25))
    high = w.rng.uniform(0.3, 0.7) * (w.users / w.peak) ** w.rng.uniform(1.5, 3)
    w.p[:] = np.where(on > 0, high, w.rng.uniform(0, 0.01))


def _drift(w: World) -> None:
    base, delta = w.rng.uniform(0.005, 0.05), w.rng.uniform(0.05, 0.3)
    if w.rng.random() < 0.5:
        w.p[:] = base + delta * w.tau ** w.rng.uniform(0.75, 1.7)
    else:
        w.p[:] = base + delta * (w.tau > w.rng.uniform(0.3, 0.7))


def _load_and_drift(w: World) -> None:
    delta = w.rng.uniform(0.12, 0.21)
    w.p[:] = w.rng.uniform(0.003, 0.02) + delta * w.x + w.rng.uniform(0.08, 0.2) * w.tau


def _outage(w: World) -> None:
    begin, length = w.rng.uniform(0.2, 0.85) * w.duration_s, w.rng.uniform(10, 36)
    inside = (w.time_s >= begin) & (w.time_s < begin + min(length, 0.1 * w.duration_s))
    w.err_ms = float(w.rng.choice([10.0, 20.0, 5000.0]))
    w.p[:] = np.where(inside, w.rng.uniform(0.8, 0.97), w.rng.choice([0.0, 0.002]))


def _warm_up(w: World) -> None:
    length = min(w.rng.uniform(12, 30), 0.1 * w.duration_s)
    w.p[:] = np.where(w.time_s < length, w.rng.uniform(0.35, 0.65), w.rng.choice([0.0, 0.001]))


def _zero(w: World) -> None:
    w.p[:] = 0.0


def _falls(w: World) -> None:
    w.p[:] = w.rng.uniform(0.005, 0.03) + w.rng.uniform(0.1, 0.3) * (1 - w.x) ** w.rng.uniform(0.9, 1.6)


def _metastable(w: World) -> None:
    """Overload that outlasts the load: on above the knee, off only below half of it."""
    w.knee = w.rng.uniform(0.5, 0.75) * w.peak
    on = np.zeros(len(w.users))
    state = 0.0
    for i, users in enumerate(w.users):
        state = 1.0 if users > w.knee else 0.0 if users < 0.5 * w.knee else state
        on[i] = state
    w.p[:] = np.where(on > 0, w.rng.uniform(0.2, 0.5), 0.005)


def _backlog(w: World) -> None:
    """Work above capacity queues up and must be worked off: errors leak into the next step."""
    w.knee = w.rng.uniform(0.5, 0.7) * w.peak
    queue, dt = 0.0, w.duration_s / len(w.users)
    clear_s = w.rng.uniform(5, 20)
    for i, users in enumerate(w.users):
        queue = max(0.0, min(queue + dt / clear_s * (users - w.knee) / w.knee, 1.5))
        w.p[i] = 0.005 + min(0.6, 0.4 * queue)


def _retry_storm(w: World) -> None:
    """Retries of failures multiply what arrives, so the rate jumps past the knee."""
    w.knee, w.err_ms = w.rng.uniform(0.5, 0.7) * w.peak, 20.0
    p = np.full(len(w.users), 0.005)
    for _ in range(12):
        p = np.maximum(0.005, 1 - w.knee / (w.users * (1 + p + p**2 + p**3)))
    w.p[:] = p


def _job(w: World) -> None:
    """A job every few minutes, blind to load."""
    period = w.rng.uniform(0.2, 0.45) * w.duration_s
    phase = w.rng.uniform(0, period)
    length = w.rng.uniform(0.1, 0.3) * period
    w.p[:] = np.where((w.time_s + phase) % period < length, w.rng.uniform(0.1, 0.5), 0.01)


def _accounts(w: World) -> None:
    """Every m-th test account is broken: more users, another mix, but the share of broken ones hovers."""
    every = int(w.rng.integers(4, 12))
    broken = np.floor((w.users + w.rng.integers(0, every)) / every)
    w.p[:] = np.clip(broken / w.users, 0, 0.9)


Kind = Callable[[World], None]
KINDS: dict[str, tuple[Kind, str, bool | None, str | None]] = {
    "constant": (_constant, "constant", False, "distributed"),
    "rises_smooth": (_smooth, "rises", False, "distributed"),
    "rises_knee": (_knee, "rises", False, "distributed"),
    "rate_limit": (_rate_limit, "rises", False, "distributed"),
    "bursts": (_bursts, "constant", False, "clustered"),
    "bursts_with_load": (_bursts_with_load, "rises", None, "clustered"),
    "drift": (_drift, "constant", True, None),
    "load_and_drift": (_load_and_drift, "rises", True, "distributed"),
    "outage": (_outage, "constant", None, "clustered"),
    "warm_up": (_warm_up, "constant", None, "clustered"),
    "falls": (_falls, "falls", False, "distributed"),
    "zero": (_zero, "constant", False, "none"),
    "tiny": (_case_rate, "constant", None, None),
}
"""Kind: how it fails, what load does, whether it drifts, pattern in time (None: both are fair)."""
HARDER: dict[str, tuple[Kind, str, bool | None, str | None]] = {
    "wander_60s": (_case_rate, "constant", None, None),
    "wander_180s": (_case_rate, "constant", None, None),
    "case_plain": (_case_rate, "constant", False, "distributed"),
    "case_wander": (_case_rate, "constant", False, "distributed"),
    "periodic_job": (_job, "constant", None, None),
    "metastable": (_metastable, "rises", None, None),
    "retry_storm": (_retry_storm, "rises", None, None),
    "backlog": (_backlog, "rises", None, None),
    "accounts": (_accounts, "unclear", None, None),
}
"""Kinds that the 104 runs lack. What load does in "accounts" depends on the draw: no answer is wrong."""
WANDERING = {
    "wander_60s": (0.6, 60.0),
    "wander_180s": (0.6, 180.0),
    "case_plain": (0.0, 1.0),
    "case_wander": (0.3, 15.0),
}
"""Strength and memory in seconds where they are fixed."""
