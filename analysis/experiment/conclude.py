"""Conclude: does the change take the errors away? Supports, contradicts, or cannot tell and what would.

Both answers are findings whose interval lies on one side of a bound (equivalence logic, as for "constant"),
never a significance test, whose silence would pass for an answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from analysis import phrases
from analysis.experiment.arms import Arm
from analysis.experiment.effects import Plan, p99_effect, rate_effect, throughput_effect
from analysis.experiment.report import About, Conclusion, Needed

SUPPORTS = {"error_rate": 1 / 2, "p99": 2 / 3}
"""Upper end of the ratio: at least half of the errors went, or a third of the P99."""
CONTRADICTS = {"error_rate": 2 / 3, "p99": 3 / 4}
"""Lower end of the ratio: less than a third of the errors went, or a quarter of the P99. Between both lies a
change that takes a part away and is no answer."""

LEAST_THROUGHPUT = 0.9
"""Errors that go because less was asked prove nothing: then fewer requests succeed as well."""

MORE_ERRORS = 0.005
"""Nor does a P99 of successes that falls while so many more requests fail."""

MUCH = 10.0
"""A ratio above it is not known at all."""

LONGEST_ARM_S, LONGEST_S = 600.0, 7200.0
MOST_PAIRS = 50
MORE_ARMS = (1.0, 1.5, 2.0, 3.0, 4.0)
LONGER = 1.25

Bounds = tuple[float, float]


class Concluded(NamedTuple):
    """The answer, why, and what would tell where it is none."""

    answer: Conclusion
    why: str
    needed: Needed | None = None


def conclude(first: Sequence[Arm], changed: Sequence[Arm], about: About) -> Concluded:
    """The answer of the arms that were measured."""
    for doubt in _doubts(first, changed, about):
        return Concluded("cannot_tell", doubt)
    effect = _bounds(first, changed, about.measure)
    if effect is None:
        return Concluded("cannot_tell", *_too_few(first, changed, about))
    ratio, bounds = effect
    answer = decided(bounds, about.measure)
    if answer == "supports":
        return _supported(first, changed, bounds, about)
    if answer == "contradicts":
        return Concluded("contradicts", f"{_keep(bounds, about)}; {_too_little(about)}")
    return _undecided(first, changed, ratio, bounds, about)


def decided(bounds: Bounds, measure: str) -> Conclusion:
    """What an interval of the ratio says."""
    low, high = bounds
    if high <= SUPPORTS[measure]:
        return "supports"
    return "contradicts" if low >= CONTRADICTS[measure] else "cannot_tell"


def _doubts(first: Sequence[Arm], changed: Sequence[Arm], about: About) -> Iterator[str]:
    """Why these arms can tell nothing, the gravest first."""
    arms = (*first, *changed)
    if len(arms) < 2 * about.pairs:
        yield f"it ended after {len(arms)} of {2 * about.pairs} arms"
    findings = [finding for arm in arms for finding in arm.quality.findings]
    for finding in findings:
        if finding.severity == "invalid":
            yield f"an arm is not valid: {finding.text.rstrip('.')}"
    for finding in findings:
        if finding.severity == "incomplete":
            yield f"an arm is incomplete: {finding.text.rstrip('.')}"
    if any(not arm.requests.sum() for arm in arms):
        yield "an arm holds no request after its warm-up"
    if about.measure == "error_rate" and not sum(int(arm.errors.sum()) for arm in first):
        yield (
            "without the change no request failed either, so there is nothing to explain; put more load "
            "on it with --users, or run the scenario in which errors were seen"
        )


def _bounds(
    first: Sequence[Arm], changed: Sequence[Arm], measure: str, plan: Plan | None = None
) -> tuple[float, Bounds] | None:
    plan = plan or Plan()
    if measure == "p99":
        found = p99_effect(first, changed, plan)
        return None if found is None else (found.ratio[0], found.ratio[1:])
    ratio = rate_effect(first, changed, lambda arm: arm.errors, plan).ratio
    return ratio[0], ratio[1:]


def _supported(first: Sequence[Arm], changed: Sequence[Arm], bounds: Bounds, about: About) -> Concluded:
    throughput = throughput_effect(first, changed)
    ratio = throughput.ratio[0] if throughput is not None else _pooled_throughput(first, changed)
    if ratio < LEAST_THROUGHPUT:
        return Concluded(
            "cannot_tell",
            f"{_what(about)} fall, but so do the successes, to {phrases.percent(ratio)} of what they were: "
            "with the change less was asked of the target, which takes errors away whatever their cause; "
            "try an open load",
        )
    if about.measure == "p99":
        rate = rate_effect(first, changed, lambda arm: arm.errors)
        value, low, _ = rate.difference
        if low > 0 or value > MORE_ERRORS:
            return Concluded(
                "cannot_tell",
                f"successes are faster, but {phrases.percent(rate.changed.value)} of the requests fail with "
                f"the change and {phrases.percent(rate.first.value)} without: the slow ones may fail now",
            )
    return Concluded("supports", _keep(bounds, about))


def _pooled_throughput(first: Sequence[Arm], changed: Sequence[Arm]) -> float:
    def per_s(arms: Sequence[Arm]) -> float:
        return sum(arm.successes for arm in arms) / max(sum(arm.length_s for arm in arms), 1e-9)

    before, after = per_s(first), per_s(changed)
    return after / before if before > 0 else math.inf


def _undecided(
    first: Sequence[Arm], changed: Sequence[Arm], ratio: float, bounds: Bounds, about: About
) -> Concluded:
    now = _keep(bounds, about)
    if SUPPORTS[about.measure] < ratio < CONTRADICTS[about.measure]:
        return Concluded(
            "cannot_tell",
            f"{now}: the change takes a part of them away, which neither blames nor clears it; "
            "look at the classes of failures one by one",
        )
    needed = _needed(first, changed, about)
    more = "no length under two hours would tell" if needed is None else _in_words(needed)
    return Concluded("cannot_tell", f"{now}, which is too wide; {more}", needed)


def _needed(first: Sequence[Arm], changed: Sequence[Arm], about: About) -> Needed | None:
    """The shortest experiment whose interval would decide, the figures staying as they are."""
    found: list[Needed] = []
    for arms in MORE_ARMS:
        length = 1.0
        pairs = min(math.ceil(about.pairs * arms), MOST_PAIRS)
        while about.arm_s * length <= LONGEST_ARM_S:
            effect = _bounds(first, changed, about.measure, Plan(pairs / about.pairs, length))
            if effect is not None and decided(effect[1], about.measure) != "cannot_tell":
                found.append(_as_needed(about, about.arm_s * length, pairs))
                break
            length *= LONGER
    within = [one for one in found if one.duration_s <= LONGEST_S]
    return min(within, key=lambda one: one.duration_s, default=None)


def _as_needed(about: About, arm_s: float, pairs: int) -> Needed:
    arm_s = float(math.ceil(arm_s))
    command = f"{about.command} --arm {arm_s:.0f}s --pairs {pairs}" if about.command else None
    return Needed(arm_s=arm_s, pairs=pairs, duration_s=2 * pairs * (arm_s + about.warm_up_s), command=command)


def _too_few(first: Sequence[Arm], changed: Sequence[Arm], about: About) -> tuple[str, Needed | None]:
    """A P99 needs a hundred successes in each arm."""
    least = min(arm.successes for arm in (*first, *changed))
    needed = _as_needed(about, about.arm_s * 150 / least, about.pairs) if least else None
    if needed is None or needed.duration_s > LONGEST_S:
        return "an arm has hardly any success, so there is no P99 to compare", None
    return f"an arm has only {least} successes, and a P99 needs a hundred; {_in_words(needed)}", needed


def _in_words(needed: Needed) -> str:
    return (
        f"{2 * needed.pairs} arms of {needed.arm_s:.0f} s ({phrases.seconds(needed.duration_s)} in all) "
        "would tell if it stays like this"
    )


def _what(about: About) -> str:
    return "errors" if about.measure == "error_rate" else "the slowest 1 % of successes"


def _keep(bounds: Bounds, about: About) -> str:
    low, high = bounds
    upper = phrases.percent(high) if high < MUCH else "many times"
    if about.measure == "p99":
        return f"the P99 keeps {phrases.percent(low)} to {upper} of what it was"
    return f"errors keep {phrases.percent(low)} to {upper} of what they were"


def _too_little(about: About) -> str:
    part = "a third of them" if about.measure == "error_rate" else "a quarter of it"
    return f"at least {part} would be gone if this were the cause"
