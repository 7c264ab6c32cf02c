"""Judge: two sides of one or several runs become a comparison. Pure: no files, no clock, no chance.

Rates, percentiles and throughput are compared as in an experiment (`analysis.experiment.effects`): requests
that hang together and runs that differ widen the intervals. One run a side shows nothing about how far runs
differ, so what is usual is assumed; several runs a side show it, and make the intervals narrower.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import NamedTuple

from analysis import phrases
from analysis.comparison.figure import figure
from analysis.comparison.headline import headline, load_first
from analysis.comparison.report import (
    Answer,
    Comparison,
    Kind,
    KindLine,
    LevelLines,
    Line,
    Side,
    Unit,
)
from analysis.comparison.seen import Level, Seen, load_apart, unlike
from analysis.experiment.arms import Arm
from analysis.experiment.effects import (
    Count,
    LogEffect,
    RateEffect,
    percentile_effect,
    rate_effect,
    throughput_effect,
)
from analysis.usable import Ints
from analysis.verdict import LatencyMs, Percentiles

SAME_POINTS = 0.02
"""Error rates that differ by no more than two points for certain are called the same."""
SAME_SHARE = 0.25
"""Durations and rates that differ by no more than a quarter for certain are."""
MOST_KINDS = 12
MOVES_P99 = 0.01
"""So many requests lie beyond a P99 of all: where the share of failures moves by more, that moves it."""


class Percentile(NamedTuple):
    """A percentile that is compared: of which distribution, under which name."""

    key: str
    title: str
    name: str
    of: Callable[[LatencyMs], Percentiles]


PERCENTILES = (
    Percentile("p99_all", "P99 of all", "p99", lambda times: times.all),
    *(
        Percentile(f"{name}_ok", f"{name.upper()} of successes", name, lambda times: times.ok)
        for name in ("p50", "p95", "p99")
    ),
)


def compare(base: Sequence[Seen], new: Sequence[Seen]) -> Comparison:
    """Compare; both sides hold at least one run."""
    sides = base, new
    lines = _lines(base, new) if all(_requests(side) for side in sides) else []
    levels, why = _levels(base, new) if lines else ([], "")
    apart = load_apart(base, new)
    found = [difference for one in new for difference in unlike(base[0].run, one.run)]
    found += [difference for one in base[1:] for difference in unlike(base[0].run, one.run)]
    found += [apart] if apart else []
    answer, sentence = headline(lines)
    return Comparison(
        answer=answer,
        sentence=f"{load_first(apart)}{sentence}" if lines and apart else sentence,
        base=_side(base),
        new=_side(new),
        unlike=list({one.what: one for one in found}.values()),
        lines=lines,
        kinds=_kinds(base, new) if lines else [],
        levels=levels,
        levels_why=why,
        valid=all(one.verdict.quality.valid for side in sides for one in side),
        complete=all(one.verdict.quality.complete for side in sides for one in side),
    )


def _requests(side: Sequence[Seen]) -> int:
    return sum(int(one.whole.requests.sum()) for one in side)


def _side(seen: Sequence[Seen]) -> Side:
    verdicts = [one.verdict for one in seen]
    return Side(
        runs=[verdict.run_id for verdict in verdicts],
        scenario=verdicts[0].scenario,
        target=verdicts[0].target,
        started_utc=verdicts[0].started_utc,
        requests=sum(verdict.requests for verdict in verdicts),
        errors=sum(verdict.errors for verdict in verdicts),
        valid=all(verdict.quality.valid for verdict in verdicts),
        complete=all(verdict.quality.complete for verdict in verdicts),
        findings=[
            finding
            for verdict in verdicts
            for finding in verdict.quality.findings
            if finding.severity in ("invalid", "incomplete")
        ],
    )


def _lines(base: Sequence[Seen], new: Sequence[Seen]) -> list[Line]:
    first, changed = ([one.whole for one in side] for side in (base, new))
    lacks = frozenset().union(*(one.run.lacks for one in (*base, *new)))
    found = [_rate_line("error_rate", "Error rate", _rate_effect(base, new, _errors))]
    if "failed_requests" in lacks:
        found = []
    if "durations" not in lacks:
        before, after = ([one.verdict.latency_ms for one in side] for side in (base, new))
        rate = found[0] if found else None
        found += [_of_like(_percentile_line(before, after, one), rate, after) for one in PERCENTILES]
    if "request_times" not in lacks:
        found.append(
            _log_line("throughput", "Successes", "per_s", throughput_effect(first, changed), up=True)
        )
        found.append(_freeze_line(base, new))
    return found


def _errors(arm: Arm) -> Ints:
    return arm.errors


def _rate_effect(base: Sequence[Seen], new: Sequence[Seen], count: Count) -> RateEffect:
    """The effect on a share of requests, over all levels of load."""
    first, changed = ([one.whole for one in side] for side in (base, new))
    levels = [[arm for one in side for arm in one.levels.values()] for side in (base, new)]
    within = (levels[0], levels[1]) if all(levels) else None
    return rate_effect(first, changed, count, within=within)


def _percentile_line(base: Sequence[LatencyMs], new: Sequence[LatencyMs], one: Percentile) -> Line:
    effect = percentile_effect([one.of(each) for each in base], [one.of(each) for each in new], one.name)
    return _log_line(one.key, one.title, "ms", effect)


def _of_like(line: Line, rate: Line | None, new: Sequence[LatencyMs]) -> Line:
    """A P99 of all that moves against the error rate is told and not judged.

    A quick failure is no good answer: where everything was refused in 3 ms, answers of 150 ms are a repair.
    Unless failures are what is slow now, though fewer.
    """
    if line.key != "p99_all" or rate is None or {rate.answer, line.answer} != {"better", "worse"}:
        return line
    if abs(rate.difference or 0.0) <= MOVES_P99 or (line.answer == "worse" and any(map(_slow_failures, new))):
        return line
    figures = f"{figure(line.unit, line.base)} before, {figure(line.unit, line.new)} now"
    shares = f"{figure(rate.unit, rate.base)} failed before and {figure(rate.unit, rate.new)} now"
    text = f"cannot tell: {figures}, but {shares}, and a quick failure is no good answer"
    return line.model_copy(update={"answer": "cannot_tell", "text": text})


def _slow_failures(times: LatencyMs) -> bool:
    """Whether it is failures that a P99 of all lies among, far above that of successes."""
    if times.all.p99 is None or times.ok.p99 is None:
        return False
    return times.all.p99 > times.ok.p99 * (1 + SAME_SHARE)


def _rate_line(key: str, title: str, effect: RateEffect) -> Line:
    """A share of requests: what counts is the difference, since half of nearly nothing is nothing."""
    difference, low, high = effect.difference
    answer, within = _answer(low, high, SAME_POINTS)
    ratio, ratio_low, ratio_high = (value - 1 if math.isfinite(value) else None for value in effect.ratio)
    line = Line(
        key=key,
        title=title,
        unit="share",
        base=effect.first.value,
        base_low=effect.first.low,
        base_high=effect.first.high,
        new=effect.changed.value,
        new_low=effect.changed.low,
        new_high=effect.changed.high,
        change=ratio,
        change_low=ratio_low,
        change_high=ratio_high,
        difference=difference,
        difference_low=low,
        difference_high=high,
        within=within,
        answer=answer,
        text="",
    )
    return line.model_copy(update={"text": _text(line, line.answer)})


def _log_line(key: str, title: str, unit: Unit, effect: LogEffect | None, *, up: bool = False) -> Line:
    """A figure that is compared by its ratio; `up`: more is better."""
    if effect is None:
        text = "cannot tell: a side has too few requests for it, or too many without an answer"
        return Line(key=key, title=title, unit=unit, base=None, new=None, answer="cannot_tell", text=text)
    change, low, high = (value - 1 for value in effect.ratio)
    answer, within = _answer(-high if up else low, -low if up else high, SAME_SHARE)
    line = Line(
        key=key,
        title=title,
        unit=unit,
        base=effect.first,
        new=effect.changed,
        change=change,
        change_low=low,
        change_high=high,
        difference=effect.changed - effect.first,
        within=within,
        answer=answer,
        text="",
    )
    return line.model_copy(update={"text": _text(line, line.answer)})


def _freeze_line(base: Sequence[Seen], new: Sequence[Seen]) -> Line:
    """Freezes: the longest of each side. They are seen or not; how long is chance."""
    longest = [
        max((f.duration_s for one in side for f in one.verdict.freezes), default=0.0) for side in (base, new)
    ]
    before, after = longest
    answer: Answer = "same" if bool(before) == bool(after) else "worse" if after else "better"
    shown = [phrases.seconds(value) if value else "none" for value in longest]
    text = f"{answer}: {shown[0]} before, {shown[1]} now" if before or after else "none on either side"
    return Line(
        key="freeze", title="Longest freeze", unit="s", base=before, new=after, answer=answer, text=text
    )


def _answer(low: float, high: float, same: float) -> tuple[Answer, float | None]:
    """Better or worse where the interval says so (more is worse); the same where it is narrow about 0."""
    if high < 0:
        return "better", None
    if low > 0:
        return "worse", None
    most = max(abs(low), abs(high))
    return ("same", most) if most <= same else ("cannot_tell", None)


def _text(line: Line, word: str) -> str:
    """What became of a figure, in a clause; `word` where it did change."""
    if line.answer == "same" and line.within is not None:
        size = (
            f"{phrases.points(line.within)} points" if line.unit == "share" else phrases.percent(line.within)
        )
        return f"no difference larger than {size}"
    figures = f"{figure(line.unit, line.base)} before, {figure(line.unit, line.new)} now"
    if line.answer == "cannot_tell":
        return f"cannot tell: {figures}"
    return f"{word}: {figures}"


def _kinds(base: Sequence[Seen], new: Sequence[Seen]) -> list[KindLine]:
    """Every kind of failure of either side, the largest first."""
    totals: Counter[str] = Counter()
    for one in (*base, *new):
        totals.update({name: int(counts.sum()) for name, counts in one.whole.by_class.items()})
    return [_kind_line(name, base, new) for name, _ in totals.most_common(MOST_KINDS)]


def _kind_line(name: str, base: Sequence[Seen], new: Sequence[Seen]) -> KindLine:
    line = _rate_line(f"kind:{name}", name, _rate_effect(base, new, methodcaller("of_class", name)))
    kind = _kind(line)
    return KindLine(**{**line.model_dump(), "text": _text(line, kind)}, kind=kind)


def _kind(line: Line) -> Kind:
    if line.answer == "worse":
        return "grown" if line.base else "new"
    if line.answer == "better":
        return "shrunk" if line.new else "gone"
    return "same" if line.answer == "same" else "cannot_tell"


def _levels(base: Sequence[Seen], new: Sequence[Seen]) -> tuple[list[LevelLines], str]:
    """Error rate and P99 of successes at each level that all runs have; or why there are none."""
    runs = (*base, *new)
    if any(not one.levels for one in runs):
        return [], "the load is not known in every run"
    axes = {one.axis for one in runs}
    common: list[Level] = [level for level in base[0].levels if all(level in one.levels for one in runs)]
    if len(axes) > 1 or not common:
        return [], "the runs have no level of load in common"
    found = []
    for low, high in common:
        first, changed = ([one.levels[low, high] for one in side] for side in (base, new))
        if all(sum(int(arm.requests.sum()) for arm in side) for side in (first, changed)):
            rate = _rate_line("error_rate", "Error rate", rate_effect(first, changed, _errors))
            effect = percentile_effect([arm.ok for arm in first], [arm.ok for arm in changed], "p99")
            lines = [rate, _log_line("p99_ok", "P99 of successes", "ms", effect)]
            found.append(LevelLines(load_low=low, load_high=high, axis=axes.copy().pop(), lines=lines))
    return found, ""
