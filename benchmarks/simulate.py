"""Made-up runs with known truth: a closed loop of users, seeded, straight to windows of counts.

    from benchmarks.simulate import draw
    made = draw("rises_knee", "shuffled_steps", 600.0, seed=7)

A user waits for the answer, thinks, and asks again: slow answers lower the request rate, fast rejections
raise it. Time advances in slices of a fifth of a window; counts in a slice are Poisson and binomial. The
parameters are drawn from the ranges that the 104 runs of shared/cases were drawn from, so far as their labels
show them (`benchmarks.kinds`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.load_axis import USERS
from analysis.usable import Floats
from analysis.windows import Windows, default_width
from benchmarks.kinds import HARDER, KINDS, WANDERING, World

SLICES = 5
"""Slices per window."""
SHAPES = ("ramp", "ramp_hold", "trapezium", "stairs_up", "stairs_up_down", "shuffled_steps")
COME_DOWN = ("trapezium", "stairs_up_down", "shuffled_steps")
"""Shapes on which load and time can be told apart."""
BLOCK_SHARES = (0.1, 0.3, 0.55, 0.8, 1.0)
MUST_COUNT_SE = 8.0
MUST_CONSTANT_SE = 5.0
LEAST_EFFECT = 0.04


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


@dataclass(frozen=True, slots=True)
class Slices:
    """A made-up run as counts per slice of time, arrays with one entry per slice.

    Attributes:
        world: users, latency and what else the run was made from.
        dt_s: seconds per slice.
        requests, errors: counts; whole numbers.
        rate: error rate before wandering.
        wandering: how far the rate wanders, as a share of itself.
    """

    world: World
    dt_s: float
    requests: Floats
    errors: Floats
    rate: Floats
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


def draw(kind: str, shape: str, duration_s: float, seed: int, width_factor: float = 1.0) -> Made:
    """Make one run; the same arguments give the same run.

    Args:
        kind: a key of KINDS or HARDER.
        shape: one of SHAPES.
        duration_s: length of the run in seconds ("tiny" runs are 20 to 45 s whatever this says).
        seed: of everything random.
        width_factor: windows so many times as wide as usual.
    """
    s = slices(kind, shape, duration_s, seed, width_factor)
    w, n, k = s.world, s.requests, s.errors
    _, truth, drifts, pattern = {**KINDS, **HARDER}[kind]
    cut, positions = _cut(w, n, k, s.dt_s * SLICES, len(n) // SLICES)
    effect, se = _contrast(w, n, s.rate)
    must = _must(kind, truth, shape, effect, se, s.wandering, float(k.sum() / max(n.sum(), 1)))
    return Made(
        kind=kind,
        shape=shape,
        duration_s=w.duration_s,
        windows=cut,
        positions=positions,
        truth=truth,
        drifts=drifts,
        pattern=pattern,
        must_decide=must,
        knee=w.knee,
        effect=effect,
        wandering=s.wandering,
    )


def slices(kind: str, shape: str, duration_s: float, seed: int, width_factor: float = 1.0) -> Slices:
    """The same run before it is cut into windows; arguments as in `draw`."""
    rng = np.random.default_rng([seed, round(duration_s), SHAPES.index(shape), sum(kind.encode())])
    fill, *_ = {**KINDS, **HARDER}[kind]
    length = float(rng.uniform(20, 45)) if kind == "tiny" else duration_s
    peak = int(rng.integers(3, 6)) if kind == "tiny" else int(rng.integers(20, 61))
    width = default_width(length) * width_factor
    count = int(np.ceil(length / width - 1e-9))
    dt = width / SLICES
    w = _world(rng, shape, length, peak, (np.arange(count * SLICES, dtype=np.float64) + 0.5) * dt, kind)
    fill(w)
    sigma = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.1, 0.34))
    sigma, memory_s = WANDERING.get(kind, (sigma, float(rng.uniform(3, 30))))
    factor = wander(rng, len(w.users), dt, sigma, memory_s) if sigma else np.ones(len(w.users))
    n, k, p = closed_loop(w, factor, dt)
    return Slices(world=w, dt_s=dt, requests=n, errors=k, rate=p, wandering=sigma)


def _world(
    rng: np.random.Generator, shape: str, length: float, peak: int, time_s: Floats, kind: str
) -> World:
    """The server and its users before anything fails."""
    think = float(rng.uniform(1.7, 3.2) if kind == "tiny" else rng.uniform(0.8, 2.0))
    return World(
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


def closed_loop(w: World, factor: Floats, dt: float) -> tuple[Floats, Floats, Floats]:
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
        return np.asarray(np.bincount(place, values, minlength=count), np.float64)

    requests, errors = total(n), total(k)
    filled = requests > 0
    mean = {
        name: np.divide(total(n * values), requests, out=np.full(count, np.nan), where=filled)
        for name, values in {"load": w.users, "time": w.time_s}.items()
    }
    start = np.arange(count, dtype=np.float64) * width
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


def _must(kind: str, truth: str, shape: str, effect: float, se: float, sigma: float, rate: float) -> bool:
    """Whether plain counting would settle it, as far as the labels of the 104 runs show the rule."""
    if kind in {"constant", "case_plain"} and shape not in {"ramp", "ramp_hold"}:
        return sigma == 0 and np.clip(rate / 2, 0.01, 0.1) >= MUST_CONSTANT_SE * se
    if shape not in COME_DOWN or kind not in KINDS or kind == "bursts_with_load":
        return False
    needed = MUST_COUNT_SE + 2 * (kind == "load_and_drift")
    return truth in {"rises", "falls"} and abs(effect) >= max(LEAST_EFFECT, needed * se)
