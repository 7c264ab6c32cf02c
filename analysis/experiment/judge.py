"""Judge: from the arms of an experiment to its report. Pure: no files, no clock, no chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from operator import methodcaller

from analysis import phrases
from analysis.experiment.arms import Arm
from analysis.experiment.conclude import Concluded, conclude
from analysis.experiment.effects import (
    Count,
    LogEffect,
    Rate,
    burst_effect,
    p99_effect,
    rate_effect,
    throughput_effect,
)
from analysis.experiment.report import About, ArmReport, Effect, ExperimentReport, RateChange
from analysis.intervals import share_interval
from analysis.usable import Ints
from analysis.verdict import Interval

MOST_CLASSES = 8
WORDS = {"supports": "Supports", "contradicts": "Contradicts", "cannot_tell": "Cannot tell about"}


def judge(arms: Sequence[Arm], about: About) -> ExperimentReport:
    """The report on arms in order of time; also on none, or where the experiment was cut short."""
    first, changed = ([arm for arm in arms if arm.state == state] for state in ("first", "changed"))
    both = _measured(first) and _measured(changed)
    concluded = conclude(first, changed, about)
    rate = _rate_change("all failures", first, changed, _errors) if both else None
    p99 = _effect(p99_effect(first, changed)) if both else None
    return ExperimentReport(
        about=about,
        conclusion=concluded.answer,
        sentence=_sentence(concluded, rate, p99, about),
        why=f"{concluded.why[:1].upper()}{concluded.why[1:]}.",
        error_rate=rate,
        by_class=_classes(first, changed) if both else [],
        p99_ms=p99,
        throughput_per_s=_effect(throughput_effect(first, changed)) if both else None,
        arms=[_arm_report(arm, arms[0].begin_s) for arm in arms],
        valid=bool(arms) and all(arm.quality.valid for arm in arms),
        complete=len(arms) == 2 * about.pairs and all(arm.quality.complete for arm in arms),
        needed=concluded.needed,
    )


def _measured(arms: Sequence[Arm]) -> bool:
    return sum(int(arm.requests.sum()) for arm in arms) > 0


def _errors(arm: Arm) -> Ints:
    return arm.errors


def _classes(first: Sequence[Arm], changed: Sequence[Arm]) -> list[RateChange]:
    totals: Counter[str] = Counter()
    for arm in (*first, *changed):
        totals.update({name: int(counts.sum()) for name, counts in arm.by_class.items()})

    def of(name: str) -> Count:
        return methodcaller("of_class", name)

    return [_rate_change(name, first, changed, of(name)) for name, _ in totals.most_common(MOST_CLASSES)]


def _rate_change(name: str, first: Sequence[Arm], changed: Sequence[Arm], count: Count) -> RateChange:
    effect = rate_effect(first, changed, count)
    ratio, low, high = (value if math.isfinite(value) else None for value in effect.ratio)
    difference, below, above = effect.difference
    return RateChange(
        name=name,
        first=_interval(effect.first),
        changed=_interval(effect.changed),
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        difference=difference,
        difference_low=below,
        difference_high=above,
    )


def _interval(rate: Rate) -> Interval:
    return Interval(value=rate.value, low=rate.low, high=rate.high, n=rate.requests)


def _effect(found: LogEffect | None) -> Effect | None:
    if found is None:
        return None
    ratio, low, high = found.ratio
    return Effect(first=found.first, changed=found.changed, ratio=ratio, ratio_low=low, ratio_high=high)


def _arm_report(arm: Arm, origin_s: float) -> ArmReport:
    requests, errors = int(arm.requests.sum()), int(arm.errors.sum())
    return ArmReport(
        state="first" if arm.state == "first" else "changed",
        run_id=arm.run_id,
        start_s=arm.begin_s - origin_s,
        length_s=arm.length_s,
        requests=requests,
        errors=errors,
        error_rate=_arm_rate(arm, requests, errors),
        throughput_per_s=arm.successes / arm.length_s if arm.length_s > 0 else None,
        p99_ms=arm.ok.p99,
        p99_low_ms=arm.ok.p99_low,
        p99_high_ms=arm.ok.p99_high,
        trusted=arm.trusted,
        findings=[f for f in arm.quality.findings if f.severity in ("invalid", "incomplete")],
    )


def _arm_rate(arm: Arm, requests: int, errors: int) -> Interval:
    if not requests:
        return Interval(value=None, low=None, high=None, n=0)
    effect = burst_effect([arm], _errors)
    low, high = share_interval(errors / effect, requests / effect)
    return Interval(value=errors / requests, low=low, high=high, n=requests)


def _sentence(concluded: Concluded, rate: RateChange | None, p99: Effect | None, about: About) -> str:
    """The answer with its figures, for people in a hurry."""
    head = f"{WORDS[concluded.answer]} {about.suspect} ({about.suspect_title})"
    return f"{head}: {what_moved(about, rate, p99) or concluded.why}."


def what_moved(about: About, rate: RateChange | None, p99: Effect | None) -> str:
    """What the change did to the figure that decides: "errors fall from 17.6 % to 0 % with pool_size 50".

    Empty where that was not measured.
    """
    if about.measure == "p99" and p99 is not None:
        found = _ratio(p99), phrases.milliseconds(p99.first or 0), phrases.milliseconds(p99.changed or 0)
    elif rate is not None and about.measure == "error_rate":
        before, after = (phrases.percent(one.value or 0) for one in (rate.first, rate.changed))
        found = _ratio(rate), before, after
    else:
        return ""
    return f"{_moved('P99' if about.measure == 'p99' else 'errors', *found)} with {about.change}"


def _ratio(found: RateChange | Effect) -> tuple[float, float]:
    high = found.ratio_high
    return found.ratio_low or 0.0, math.inf if high is None else high


def _moved(what: str, ratio: tuple[float, float], before: str, after: str) -> str:
    plural = what == "errors"
    low, high = ratio
    if high < 1:
        return f"{what} {'fall' if plural else 'falls'} from {before} to {after}"
    if low > 1:
        return f"{what} {'rise' if plural else 'rises'} from {before} to {after}"
    return f"{what} {'are' if plural else 'is'} {before} without and {after}"
