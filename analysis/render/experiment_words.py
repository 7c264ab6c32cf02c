"""An experiment's closed answers and figures in words, so that every renderer says the same."""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.experiment.report import ArmReport, Conclusion, Effect, ExperimentReport, RateChange
from analysis.render import wording

CONCLUSION: dict[Conclusion, str] = {
    "supports": "Supports",
    "contradicts": "Contradicts",
    "cannot_tell": "Cannot tell",
}
STATE = {"first": "as it is", "changed": "changed"}
EFFECT_HEADS = ("", "As it is", "Changed", "Difference (95 %)")
ARM_HEADS = (
    "Arm",
    "State",
    "Begins",
    "Requests",
    "Errors",
    "Error rate (95 %)",
    "Successes",
    "P99 ok (95 %)",
    "",
)


class EffectRow(NamedTuple):
    """A figure in both states and what became of it."""

    name: str
    first: str
    changed: str
    effect: str


def effect_rows(report: ExperimentReport) -> list[EffectRow]:
    """Error rate, each class where there are several, P99 and throughput."""
    rows = []
    if report.error_rate is not None:
        rows.append(_rate_row(report.error_rate, "All failures"))
    if len(report.by_class) > 1 or report.about.measure == "p99":
        rows += [_rate_row(one, one.name) for one in report.by_class]
    elif report.by_class:
        rows[0] = rows[0]._replace(name=f"All failures: {report.by_class[0].name}")
    if report.p99_ms is not None:
        effect = report.p99_ms
        figures = (wording.milliseconds(effect.first), wording.milliseconds(effect.changed))
        rows.append(EffectRow("P99 of successes", *figures, _times(effect)))
    if report.throughput_per_s is not None:
        effect = report.throughput_per_s
        rows.append(
            EffectRow("Successes", wording.rate(effect.first), wording.rate(effect.changed), _times(effect))
        )
    return rows


def arm_rows(report: ExperimentReport) -> list[tuple[str, ...]]:
    """One row per arm, in order of time."""
    return [
        (
            str(number),
            STATE[arm.state],
            wording.moment(arm.start_s),
            wording.count(arm.requests),
            wording.count(arm.errors),
            wording.interval(arm.error_rate),
            wording.rate(arm.throughput_per_s),
            _p99(arm),
            "" if arm.trusted else "not to be trusted",
        )
        for number, arm in enumerate(report.arms, 1)
    ]


def context(report: ExperimentReport) -> list[str]:
    """What was tried and on what, in short pieces."""
    about = report.about
    return [
        about.title,
        f"target {about.target}",
        f"scenario {about.scenario} at {about.level:g} {about.unit}",
        f"{len(report.arms)} of {2 * about.pairs} arms of {about.arm_s:g} s",
        about.started_utc.replace("T", " ").replace("+00:00", " UTC"),
    ]


def doubts(report: ExperimentReport) -> list[str]:
    """What is wrong with arms, each once."""
    found = (finding.text for arm in report.arms for finding in arm.findings)
    return list(dict.fromkeys(found))


def _rate_row(change: RateChange, name: str) -> EffectRow:
    bounds = wording.points_span(change.difference_low, change.difference_high)
    points = f"{wording.points(change.difference)} ({bounds})"
    return EffectRow(name, wording.interval(change.first), wording.interval(change.changed), points)


def _times(effect: Effect) -> str:
    """A ratio as a change in per cent: "−37 % (−45 to −28)"."""
    values = (effect.ratio, effect.ratio_low, effect.ratio_high)
    if any(value is None or not math.isfinite(value) for value in values):
        return wording.UNKNOWN
    middle, low, high = (f"{((value or 0) - 1) * 100:+,.0f}".replace("-", "−") for value in values)
    return f"{middle} % ({low} to {high})"


def _p99(arm: ArmReport) -> str:
    if arm.p99_ms is None:
        return "too few"
    return wording.milliseconds_within(arm.p99_ms, arm.p99_low_ms, arm.p99_high_ms)
