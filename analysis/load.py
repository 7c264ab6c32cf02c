"""Load: does the error rate rise with load, stay constant or fall? Inconclusive is an answer too.

The recipe and its measured error rates are in docs/method.md. "Constant" is a finding of its own (the whole
interval lies within a margin), never the mere absence of a significant slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis import phrases
from analysis.decide import MOVED_TOGETHER, ONE, SEVERAL, Fitted, confidence, decide
from analysis.intervals import share_upper
from analysis.lines import Design, design
from analysis.sequential import ONE_LOOK
from analysis.slopes import (
    CHANGE_LEVEL,
    HIGH_LOAD,
    LEAST_ERRORS,
    LEAST_REQUESTS,
    LEAST_WINDOWS,
    Margins,
    Slopes,
    load_varied,
    margins,
    slopes,
)
from analysis.usable import Floats, Ints
from analysis.verdict import LoadAnswer, LoadEffect
from analysis.windows import Windows

RARE = 0.01
"""With few errors "constant" still holds if low and high load are both surely under one per cent."""
WITHOUT_FIT = 0.99
"""Confidence of "constant" where next to nothing fails: measured share of right answers."""
HOPELESS_SE = 0.5
"""An effect known no better than this says nothing, and its interval would go beyond 100 points."""
DECISIVE_SE = 3.0
"""The margin must be about this many standard errors wide for "constant" to be found nine times in ten."""
RISE_SE = 3.24
"""An effect of so many standard errors is found nine times in ten (1.96 + 1.28)."""


FEW_OTHERS = 0.01
"""With fewer other failures than this share of the requests it does not matter which came first."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One kind of failure against load: the windows to judge by, and failures in each of them."""

    plan: Design
    errors: Floats
    several: bool
    looks: tuple[float, ...] = ONE_LOOK

    @property
    def total(self) -> float:
        return float(self.errors.sum())

    @property
    def requests(self) -> float:
        return float(self.plan.n.sum())


def load_effect(
    windows: Windows,
    errors: Ints | None = None,
    *,
    several: bool = False,
    looks: Sequence[float] = ONE_LOOK,
) -> LoadEffect:
    """Judge one kind of failure against load.

    Args:
        windows: the run.
        errors: failures per window, all requests being the denominator; default all failures.
        several: this is one class among several; ask for 99 % intervals.
        looks: share of the longest possible run that was over at each look at it, this one included, where
            it is judged again and again until it is decided (`analysis.sequential`).

    Returns:
        `confidence` is the measured share of right answers among made-up runs decided as clearly as this
        one (`analysis.decide.confidence`); None where nothing was decided.
    """
    plan = design(windows)
    if plan is None:
        why = "no request was left to judge"
        return LoadEffect(
            answer="inconclusive",
            slope=None,
            low=None,
            high=None,
            confidence=None,
            why=why,
            axis=windows.axis,
        )
    question = _Question(plan, plan.of(windows.errors if errors is None else errors), several, tuple(looks))
    for early in _EARLY:
        answer = early(question)
        if answer is not None:
            return answer
    answer = _decide(
        question,
        slopes(plan, question.errors, average=True),
        margins(question.total / question.requests),
    )
    if answer.answer in ("rises", "falls") and windows.filled is not None and windows.filled.holds:
        return answer.model_copy(
            update={"answer": "inconclusive", "confidence": None, "why": windows.filled.why}
        )
    return answer


def class_effect(windows: Windows, errors: Ints, *, looks: Sequence[float] = ONE_LOOK) -> LoadEffect:
    """Judge one class of failure among several, at the stricter levels for several.

    A request fails once: what comes first in the target takes requests away from what comes later. So a fault
    that hits a steady share of what reaches it holds a falling share of all requests once others rise with
    load. Nobody knows the order from outside; so the class is judged against all requests and against those
    that no other class took (competing risks: Prentice et al. 1978, Biometrics 34:541). It is constant if
    either shows that, and falls only if both do.

    Args:
        windows: the run, with all failures in `errors`.
        errors: failures of this class per window.
        looks: as for `load_effect`.
    """
    whole = load_effect(windows, errors, several=True, looks=looks)
    others = windows.errors - errors
    if others.sum() <= FEW_OTHERS * windows.requests.sum():
        return whole
    left = load_effect(
        replace(windows, requests=windows.requests - others), errors, several=True, looks=looks
    )
    if "constant" in (whole.answer, left.answer):
        return whole if whole.answer == "constant" else _of_the_rest(left)
    if whole.answer == "falls" != left.answer:
        why = f"{whole.why}; but other failures come with load and take its requests: of the rest, {left.why}"
        return whole.model_copy(update={"answer": "inconclusive", "confidence": None, "why": why})
    return whole


def _of_the_rest(left: LoadEffect) -> LoadEffect:
    return left.model_copy(update={"why": f"of the requests that no other failure took, {left.why}"})


def _too_few(q: _Question) -> LoadEffect | None:
    if q.requests >= LEAST_REQUESTS and len(q.plan.n) >= LEAST_WINDOWS:
        return None
    varied = "" if load_varied(q.plan) else f", and the load did not vary ({_span(q.plan)})"
    why = (
        f"too few requests: {phrases.count(q.requests)} in {phrases.counted(len(q.plan.n), 'window')} after "
        f"the warm-up; it takes {LEAST_REQUESTS} in {LEAST_WINDOWS}{varied}"
    )
    return _answer(q, "inconclusive", why)


def _load_did_not_vary(q: _Question) -> LoadEffect | None:
    if load_varied(q.plan):
        return None
    seen = "" if q.total else f" (no failure in {phrases.counted(q.requests, 'request')})"
    why = (
        f"load did not vary: {_span(q.plan)} all the time{seen}; "
        "one load level cannot show what load does, whatever the error rate"
    )
    return _answer(q, "inconclusive", why)


def _no_error(q: _Question) -> LoadEffect | None:
    if q.total > 0:
        return None
    bound = share_upper(0, q.requests)
    if q.looks[-1] < 1 and _bound_of_thirds(q) >= RARE:
        why = f"no failure in {phrases.counted(q.requests, 'request')} so far: too few to stop at"
        return _answer(q, "inconclusive", why)
    why = (
        f"no failure in {phrases.counted(q.requests, 'request')} at {_span(q.plan)}: "
        f"at every load the rate is the same, under {phrases.percent(bound)} (95 %)"
    )
    return _answer(q, "constant", why, margin=bound, confidence=WITHOUT_FIT)


def _few_errors(q: _Question) -> LoadEffect | None:
    if q.total >= LEAST_ERRORS:
        return None
    bound = _bound_of_thirds(q)
    requests = phrases.counted(q.requests, "request")
    if bound >= RARE:
        seen = f"{phrases.count(q.total)} in {requests} after the warm-up"
        why = f"too few errors: {seen}; it takes {LEAST_ERRORS}"
        return _answer(q, "inconclusive", why)
    why = (
        f"only {phrases.counted(q.total, 'failure')} in {requests}: the rate is under "
        f"{phrases.percent(bound)} (95 %) in the lowest and in the highest third of the load"
    )
    return _answer(q, "constant", why, margin=RARE, confidence=WITHOUT_FIT)


def _bound_of_thirds(q: _Question) -> float:
    """Upper bound of the rate in the lowest and in the highest third of the load, whichever is higher."""
    thirds = [q.plan.x <= 1 - HIGH_LOAD, q.plan.x >= HIGH_LOAD]
    level = 1 - ONE.at(q.looks).same
    return max(share_upper(float(q.errors[t].sum()), float(q.plan.n[t].sum()), level) for t in thirds)


_EARLY: tuple[Callable[[_Question], LoadEffect | None], ...] = (
    _too_few,
    _load_did_not_vary,
    _no_error,
    _few_errors,
)
"""Reasons to answer without a fit, in this order."""


def _decide(q: _Question, s: Slopes, m: Margins) -> LoadEffect:
    """The decision in words."""
    found = decide(q.plan, s, m, several=q.several, looks=q.looks)
    shown = found.shown
    if found.answer == "constant":
        level = 1 - 2 * (SEVERAL if q.several else ONE).at(q.looks).same
        inner = phrases.points_range(*shown.interval(level))
        why = (
            f"{_numbers(q, shown)}; its {100 * level:.3g} % interval {inner} "
            f"lies within ±{phrases.points(m.same)} points, which counts as constant"
        )
    elif found.one_event:
        why = (
            "high load was reached only once, while the rate drifted by "
            f"{phrases.points(s.trend.value)} points over the run: one event then looks the same as load"
        )
    elif found.answer == "inconclusive":
        why = _why_undecided(q, s, m, shown)
    else:
        why = _numbers(q, shown, found.answer)
    return _answer(q, found.answer, why, shown, m.same, confidence(found, q.looks))


def _why_undecided(q: _Question, s: Slopes, m: Margins, shown: Fitted) -> str:
    low, high = s.alone.interval(CHANGE_LEVEL)
    if q.plan.correlation >= MOVED_TOGETHER and (low > 0 or high < 0):
        return (
            f"load and time moved together (correlation {q.plan.correlation:.2f}), so either may be "
            f"the cause; {_numbers(q, shown)}"
        )
    margin = phrases.points(m.same)
    return (
        f"{_numbers(q, shown)}: not clear enough for a rise or fall, too wide for the ±{margin} points "
        f"that count as constant"
    )


def decisive_requests(requests: float, slope: float, se: float, margin: float) -> float:
    """How many requests would settle it nine times in ten, from what so many have shown.

    "Constant" if the effect is about none, which asks for a standard error far below the margin; the effect
    seen if that is larger than the margin, since then its being real is the question.
    """
    aim = max(margin / DECISIVE_SE, abs(slope) / RISE_SE)
    return float(requests * (se / aim) ** 2)


def _numbers(q: _Question, shown: Fitted, verb: str = "changes") -> str:
    place = f"between {phrases.load(q.plan.low)} and {phrases.load(q.plan.high)} {q.plan.axis}"
    sizes = f"from {len(q.plan.n)} windows and {phrases.counted(q.requests, 'request')} after the warm-up"
    if not np.isfinite(shown.se):
        return f"{place} no line can be fitted, {sizes}"
    if shown.se > HOPELESS_SE:
        return f"{place} no change of the error rate is excluded, {sizes}"
    size = phrases.points(shown.value if verb == "changes" else abs(shown.value))
    bounds = phrases.points_range(*shown.interval())
    return f"{place} the error rate {verb} by {size} points (95 % interval {bounds}), {sizes}"


def _span(plan: Design) -> str:
    low, high = phrases.load(plan.low), phrases.load(plan.high)
    if low == high:
        return f"{low} {plan.axis if low != '1' else plan.axis.replace('users', 'user')}"
    return f"{low} to {high} {plan.axis}"


def _answer(
    q: _Question,
    answer: LoadAnswer,
    why: str,
    shown: Fitted | None = None,
    margin: float | None = None,
    confidence: float | None = None,
) -> LoadEffect:
    known = shown if shown is not None and np.isfinite(shown.se) else None
    low, high = known.interval() if known else (None, None)
    return LoadEffect(
        answer=answer,
        slope=known.value if known else None,
        se=known.se if known else None,
        low=low,
        high=high,
        confidence=confidence,
        why=why,
        axis=q.plan.axis,
        margin=margin,
        load_low=q.plan.low,
        load_high=q.plan.high,
        windows=len(q.plan.n),
        requests=round(q.requests),
        errors=round(q.total),
    )
