"""Lines: straight-line fits of the error rate on load and time, with errors that bursts cannot fool.

Windows are not independent (a burst spans several), so the spread of a coefficient is not taken from the
residuals. Instead each of about twenty stretches of the run is left out in turn and the line fitted again:
whatever hangs together in time makes the answer jump, and the interval grows by itself.
MacKinnon, Nielsen, Webb, arXiv 2301.04527 (leave-one-cluster-out).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import Coefficient
from analysis.usable import Bools, Floats, Ints
from analysis.windows import Windows

WARM_UP_S = 30.0
WARM_UP_SHARE = 0.1
"""Left out of the fits: 30 s, at most a tenth of the run. Start-up errors say nothing about load."""

BLOCKS = 20
LEAST_BLOCKS = 8
BLOCK_S = 20.0
"""Stretches left out in turn: twenty, none under 20 s (a burst must fit into one), at least eight."""

HELD_WITHIN, HELD_SHARE = 0.1, 0.8
"""Load stayed where it was: within a tenth of its range for this share of the requests."""

SINGULAR = 1e-7
"""Below this share of its scale a determinant counts as zero: load and time are the same line."""


@dataclass(frozen=True, slots=True)
class Design:
    """Non-empty windows after the warm-up, ready for fits. All arrays have one length.

    Attributes:
        rows: which windows of the run these are (boolean mask over all of them).
        n: requests per window.
        x: load, 0 at the lowest and 1 at the highest window.
        tau: time, 0 at the run's weighted mean, range 1.
        load: load in its own unit.
        time_s: seconds since the run's start.
        block: stretch of the run that each window belongs to.
        correlation: |correlation| of load and time, weighted; 1 is a ramp.
        axis: what load is measured in.
        thinning: see `Windows.thinning`.
    """

    rows: Bools
    n: Floats
    x: Floats
    tau: Floats
    load: Floats
    time_s: Floats
    block: Ints
    correlation: float
    axis: str
    thinning: float = 1.0

    @property
    def low(self) -> float:
        """Lowest load."""
        return float(self.load.min())

    @property
    def high(self) -> float:
        """Highest load."""
        return float(self.load.max())

    @property
    def block_s(self) -> float:
        """Seconds of one stretch left out."""
        return float(np.ptp(self.time_s)) / (int(self.block.max()) + 1)

    def of(self, per_window: Ints) -> Floats:
        """A column of counts over all windows, cut to the windows of this design."""
        return per_window[self.rows].astype(float)


def warm_up_s(windows: Windows) -> float:
    """Seconds at the run's start that the fits leave out."""
    return min(WARM_UP_S, WARM_UP_SHARE * len(windows) * windows.width_s)


def design(windows: Windows) -> Design | None:
    """Prepare the fits; None when no window with requests and load is left after the warm-up."""
    warm = windows.start_s < warm_up_s(windows) - 1e-9
    rows = (windows.requests > 0) & np.isfinite(windows.load) & ~warm
    if not rows.any():
        return None
    n = windows.requests[rows].astype(float)
    load, time_s = windows.load[rows], windows.time_s[rows]
    begin, end = windows.start_s[rows][0], windows.start_s[rows][-1] + windows.width_s
    blocks = int(np.clip((end - begin) // BLOCK_S, LEAST_BLOCKS, BLOCKS))
    block = np.minimum(((time_s - begin) / (end - begin) * blocks).astype(np.int64), blocks - 1)
    return Design(
        rows=rows,
        n=n,
        x=_scaled(load, float(load.min())),
        tau=_scaled(time_s, float(np.average(time_s, weights=n))),
        load=load,
        time_s=time_s,
        block=np.maximum(block, 0),
        correlation=abs(weighted_correlation(load, time_s, n)),
        axis=windows.axis,
        thinning=windows.thinning,
    )


def held(plan: Design) -> Design | None:
    """The stretch in which load stayed where it was, if that is most of the run; else None.

    A quick ramp before a long hold is little to learn about load from, and leaving it out in turn leaves no
    load to compare: a trend in time is then asked of the hold alone.
    """
    place = np.argsort(plan.x, kind="stable")
    reached = np.cumsum(plan.n[place])
    usual = float(plan.x[place[int(np.searchsorted(reached, reached[-1] / 2))]])
    rows = np.abs(plan.x - usual) <= HELD_WITHIN
    n = plan.n[rows]
    if rows.all() or n.sum() < HELD_SHARE * plan.n.sum():
        return None
    kept = plan.rows.copy()
    kept[np.flatnonzero(plan.rows)[~rows]] = False
    time_s = plan.time_s[rows]
    return replace(
        plan,
        rows=kept,
        n=n,
        x=plan.x[rows],
        tau=_scaled(time_s, float(np.average(time_s, weights=n))),
        load=plan.load[rows],
        time_s=time_s,
        block=plan.block[rows],
    )


def fit(design: Design, errors: Floats, *columns: Floats) -> list[Coefficient]:
    """Fit errors/n on a constant and `columns` by least squares with weights n; one result per column.

    A straight line (linear probability), since it reads in points and has no trouble with loads at which
    nothing fails; logistic fits diverge there.
    """
    basis = np.stack([np.ones(len(design.n)), *columns], axis=1)
    gram, moment = _sums(design, basis, errors)
    total_gram, total_moment = gram.sum(axis=0), moment.sum(axis=0)
    full = _solve(total_gram[None], total_moment[None])[0]
    used = np.flatnonzero(np.bincount(design.block, design.n) > 0)
    m = len(used)
    if not np.isfinite(full).all() or m < 2:
        return [Coefficient(0.0, float("inf"), max(m - 1, 1)) for _ in columns]
    refits = _solve(total_gram - gram[used], total_moment - moment[used])
    spread = (m - 1) / m * ((refits - full) ** 2).sum(axis=0)
    errors_of = np.where(np.isfinite(spread), np.sqrt(np.where(np.isfinite(spread), spread, 0)), np.inf)
    return [Coefficient(float(full[i]), float(errors_of[i]), m - 1) for i in range(1, len(full))]


def _sums(design: Design, basis: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Per block: X'WX (m, p, p) and X'Wy (m, p), so that each refit is a subtraction."""
    blocks, p = int(design.block.max()) + 1, basis.shape[1]
    gram = np.zeros((blocks, p, p))
    moment = np.zeros((blocks, p))
    products = design.n[:, None, None] * basis[:, :, None] * basis[:, None, :]
    np.add.at(gram, design.block, products)
    np.add.at(moment, design.block, errors[:, None] * basis)
    return gram, moment


def _solve(gram: Floats, moment: Floats) -> Floats:
    """Solutions of a stack of normal equations; NaN where load and time cannot be told apart."""
    diagonal = np.sqrt(np.maximum(np.einsum("kii->ki", gram), 0.0))
    scale = np.where(diagonal > 0, diagonal, 1.0)
    scaled = gram / (scale[:, :, None] * scale[:, None, :])
    sound = (np.linalg.det(scaled) > SINGULAR) & (diagonal > 0).all(axis=1)
    safe = np.where(sound[:, None, None], scaled, np.eye(gram.shape[1]))
    answer = np.linalg.solve(safe, (moment / scale)[:, :, None])[:, :, 0] / scale
    return np.where(sound[:, None], answer, np.nan)


def weighted_correlation(a: Floats, b: Floats, weight: Floats) -> float:
    """Weighted Pearson correlation; 0 when either does not vary."""
    da, db = a - np.average(a, weights=weight), b - np.average(b, weights=weight)
    scale = float(np.sqrt(np.sum(weight * da**2) * np.sum(weight * db**2)))
    return float(np.sum(weight * da * db)) / scale if scale > 1e-12 else 0.0


def _scaled(values: Floats, origin: float) -> Floats:
    width = float(values.max() - values.min())
    return (values - origin) / width if width > 0 else np.zeros(len(values))
