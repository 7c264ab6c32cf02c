"""Made-up runs with known truth: a closed loop of users, seeded, straight to windows of counts.

    from benchmarks.simulate import draw
    made = draw("rises_knee", "shuffled_steps", 600.0, seed=7)

A user waits for the answer, thinks, and asks again: slow answers lower the request rate, fast rejections
raise it. Time advances in slices of a fifth of a window; counts in a slice are Poisson and binomial. The
parameters are drawn from the ranges that the 104 runs of shared/cases were drawn from, so far as their labels
show them. `HARDER` holds kinds that those lack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from analysis.usable import Floats
from analysis.windows import USERS, Windows, default_width

SLICES = 5
"""Slices per window."""
SHAPES = ("ramp", "ramp_hold", "trapezium", "stairs_up", "stairs_up_down", "shuffled_steps")
COME_DOWN = ("trapezium", "stairs_up_down", "shuffled_steps")
"""Shapes on which load and time can be told apart."""
BLOCK_SHARES = (0.1, 0.3, 0.55, 0.8, 1.0)
MUST_COUNT_SE = 8.0
MUST_CONSTANT_SE = 5.0
LEAST_EFFECT = 0.04


@dataclass(slots=True)
class World:
    """One run being made. Rates are ratios, times seconds; arrays have one entry per slice.

    Attributes:
        rng: source of everything random.
        duration_s: length of the run.
        time_s: middle of each slice.
        users: active users.
        p_of: error rate given request rate per second (a rate limit needs it) at slice i, before wandering.
        p: error rate, filled in by the kind or by the loop.
        truth: facts about the run for the bench.
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
    offered: Floats | None = None
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def x(self) -> Floats:
        """Load from 0 at the lowest to 1 at the highest."""
        return (self.users - self.users.min()) / max(float(np.ptp(self.users)), 1e-9)

    @property
    def tau(self) -> Floats:
        """Time from 0 to 1."""
        return self.time_s / self.duration_s

    @property
    def peak(self) -> float:
        """Most users."""
        return float(self.users.max())


@dataclass(frozen=True, slots=True)
class Made:
    """A made-up run and its truth.

    Attributes:
        truth: what load really does: rises, constant or falls.
        drifts: whether the rate changes with time, load being equal; None where that is not defined.
        pattern: clustered, distributed or none, the best answer; None where both are fair.
        must_decide: plain counting would settle it.
        positions: for each failure the requests sent before it, ascending.
    """

    kind: str
    shape: str
    duration_s: float
    windows: Windows
    positions: Floats
    truth: str
    drifts: bool | None
    pattern: str | None
    must_decide: bool
    knee: float | None
    effect: float
    wandering: float


def profile(shape: str, time_s: Floats, duration_s: float, peak: int, rng: np.random.Generator) -> Floats:
    """Active users at each moment."""
    low = max(1, round(peak / 12))
    t = time_s / duration_s
    steps = int(rng.integers(5, 8))
    stairs = np.rint(np.linspace(low, peak, steps))
    if shape == "ramp":
        return np.asarray(np.rint(low + (peak - low) * t), np.float64)
    if shape == "ramp_hold":
        return np.asarray(np.rint(np.minimum(peak, low + (peak - low) * t / 0.06)), np.float64)
    if shape == "trapezium":
        up = np.interp(t, [0, 0.35, 0.65, 1], [low, peak, peak, low])
        return np.asarray(np.rint(up), np.float64)
    if shape == "shuffled_steps":
        levels = np.maximum(1, np.rint(peak * np.asarray(BLOCK_SHARES)))
        plan = np.concatenate([rng.permutation(levels) for _ in range(4)])
    elif shape == "stairs_up":
        plan = stairs
    else:
        plan = np.concatenate([stairs, stairs[-2::-1]])
    return np.asarray(plan[np.minimum((t * len(plan)).astype(int), len(plan) - 1)], np.float64)


def wander(rng: np.random.Generator, slices: int, dt: float, sigma: float, tau_s: float) -> Floats:
    """A factor around 1 that wanders with a memory of `tau_s` (first-order autoregression)."""
    from scipy.signal import lfilter

    memory = float(np.exp(-dt / tau_s))
    shocks = rng.normal(size=slices) * np.sqrt(1 - memory**2)
    shocks[0] = rng.normal()
    return np.maximum(0.0, 1 + sigma * np.asarray(lfilter([1.0], [1.0, -memory], shocks), np.float64))


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
"""Kinds that the 104 runs lack. What load does in "accounts" depends on the draw: no answer is counted wrong."""
WANDERING = {
    "wander_60s": (0.6, 60.0),
    "wander_180s": (0.6, 180.0),
    "case_plain": (0.0, 1.0),
    "case_wander": (0.3, 15.0),
}
"""Strength and memory in seconds where they are fixed."""


def draw(kind: str, shape: str, duration_s: float, seed: int, width_factor: float = 1.0) -> Made:
    """Make one run; the same arguments give the same run.

    Args:
        kind: a key of KINDS or HARDER.
        shape: one of SHAPES.
        duration_s: length of the run in seconds ("tiny" runs are 20 to 45 s whatever this says).
        seed: of everything random.
        width_factor: windows so many times as wide as usual.
    """
    rng = np.random.default_rng([seed, round(duration_s), SHAPES.index(shape), sum(kind.encode())])
    fill, truth, drifts, pattern = {**KINDS, **HARDER}[kind]
    length = float(rng.uniform(20, 45)) if kind == "tiny" else duration_s
    peak = int(rng.integers(3, 6)) if kind == "tiny" else int(rng.integers(20, 61))
    width = default_width(length) * width_factor
    count = int(np.ceil(length / width - 1e-9))
    dt = width / SLICES
    time_s = (np.arange(count * SLICES) + 0.5) * dt
    think = float(rng.uniform(1.7, 3.2) if kind == "tiny" else rng.uniform(0.8, 2.0))
    w = World(
        rng=rng,
        duration_s=length,
        time_s=time_s,
        users=profile(shape, time_s, length, peak, rng),
        p=np.zeros(len(time_s)),
        err_ms=float(rng.choice([20.0, 1000.0, 3000.0])),
        think_s=think,
        base_ms=float(rng.uniform(60, 260)),
        capacity=float(rng.uniform(0.7, 1.6) * peak),
    )
    fill(w)
    sigma = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.1, 0.34))
    sigma, memory_s = WANDERING.get(kind, (sigma, float(rng.uniform(3, 30))))
    factor = wander(rng, len(time_s), dt, sigma, memory_s) if sigma else np.ones(len(time_s))
    n, k, p = _loop(w, factor, dt)
    cut, positions = _cut(w, n, k, width, count)
    effect, se = _contrast(w, n, p)
    must = _must(kind, truth, shape, effect, se, sigma, float(k.sum() / max(n.sum(), 1)))
    return Made(
        kind=kind,
        shape=shape,
        duration_s=length,
        windows=cut,
        positions=positions,
        truth=truth,
        drifts=drifts,
        pattern=pattern,
        must_decide=must,
        knee=w.knee,
        effect=effect,
        wandering=sigma,
    )


def _loop(w: World, factor: Floats, dt: float) -> tuple[Floats, Floats, Floats]:
    """Requests, failures and true rate per slice: each user asks once per answer and thinking time."""
    slow = w.base_ms / 1000 * np.maximum(1.0, w.users / w.capacity)
    p = np.clip(w.p * factor, 0.0, 0.97)
    true = w.p
    for _ in range(4 if w.limit_rps else 1):
        rate = w.users / (w.think_s + (1 - p) * slow + p * w.err_ms / 1000)
        if w.limit_rps:
            true = np.maximum(w.p, 1 - w.limit_rps / rate)
            p = np.clip(true * factor, 0.0, 0.97)
    n = w.rng.poisson(rate * dt).astype(float)
    return n, w.rng.binomial(n.astype(np.int64), p).astype(float), true


def _cut(w: World, n: Floats, k: Floats, width: float, count: int) -> tuple[Windows, Floats]:
    """Windows from slices, and where among the requests each failure fell."""
    place = np.repeat(np.arange(count), SLICES)

    def total(values: Floats) -> Floats:
        return np.bincount(place, values, minlength=count)

    requests, errors = total(n), total(k)
    filled = requests > 0
    mean = {
        name: np.divide(total(n * values), requests, out=np.full(count, np.nan), where=filled)
        for name, values in {"load": w.users, "time": w.time_s}.items()
    }
    start = np.arange(count) * width
    nothing = np.full(count, np.nan)
    windows = Windows(
        origin_s=0.0,
        width_s=width,
        start_s=start,
        time_s=np.where(filled, mean["time"], start + width / 2),
        requests=requests.astype(np.int64),
        errors=errors.astype(np.int64),
        axis=USERS,
        load=mean["load"],
        users=mean["load"],
        in_flight=nothing,
        classes=("ok", "503"),
        by_class=np.column_stack([requests - errors, errors]).astype(np.int64),
        ok_p50_ms=nothing,
        ok_p99_ms=nothing,
    )
    before = np.repeat(np.cumsum(n) - n, k.astype(np.int64))
    inside = np.repeat(n, k.astype(np.int64)) * w.rng.random(int(k.sum()))
    return windows, np.sort(before + inside)


def _contrast(w: World, n: Floats, p: Floats) -> tuple[float, float]:
    """True rate in the top quarter of the load range minus that in the bottom one, and its counting error."""
    parts = [w.x >= 0.75, w.x <= 0.25]
    sizes = [max(float(n[part].sum()), 1.0) for part in parts]
    rates = [float((n * p)[part].sum()) / size for part, size in zip(parts, sizes, strict=True)]
    spread = sum(max(r * (1 - r), 1e-6) / size for r, size in zip(rates, sizes, strict=True))
    return rates[0] - rates[1], float(np.sqrt(spread))


def _must(
    kind: str, truth: str, shape: str, effect: float, se: float, sigma: float, rate: float
) -> bool:
    """Whether plain counting would settle it, as far as the labels of the 104 runs show the rule."""
    if kind in {"constant", "case_plain"} and shape not in {"ramp", "ramp_hold"}:
        return sigma == 0 and np.clip(rate / 2, 0.01, 0.1) >= MUST_CONSTANT_SE * se
    if shape not in COME_DOWN or kind not in KINDS or kind == "bursts_with_load":
        return False
    needed = MUST_COUNT_SE + 2 * (kind == "load_and_drift")
    return truth in {"rises", "falls"} and abs(effect) >= max(LEAST_EFFECT, needed * se)
