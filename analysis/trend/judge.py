"""Judge: the history of a scenario becomes series, and its newest run an answer. Pure: no files, no clock."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from analysis import phrases
from analysis.comparison.figure import figure
from analysis.trend.alike import mixes, of_like
from analysis.trend.entry import TITLES, Entry
from analysis.trend.report import Answer, Change, Line, Regression, Series, Trend, TrendRun
from analysis.trend.step import Step, matters
from analysis.trend.watch import Shift, Walk, against, doubtful, in_time, nights, values, walks

MOST_TOLD = 4
"""Changes in the sentence; the others follow as notes."""


def trend(entries: Sequence[Entry]) -> Trend:
    """The latest series of every scenario on every target; `entries` oldest first."""
    groups: dict[tuple[str, str | None], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.scenario, entry.target), []).append(entry)
    return Trend(series=[_series(group) for group in groups.values()])


def comparable(entries: Sequence[Entry]) -> list[Entry]:
    """The runs of the newest one's series, oldest first; all of one scenario are expected."""
    return [entry for entry in entries if entry.series == entries[-1].series]


def _series(entries: Sequence[Entry]) -> Series:
    mine = comparable(entries)
    whole = [entry for entry in mine if entry.whole]
    ways = walks(whole)
    newest = entries[-1]
    changes = [_change(shift, whole) for shift in in_time(of_like(ways, whole))]
    return Series(
        scenario=newest.scenario,
        target=newest.target,
        name=newest.series,
        runs=[_run(entry) for entry in mine],
        lines=[_line(way, whole, mine) for way in ways if way.name in TITLES],
        changes=changes,
        baseline=_baseline([entry for entry in whole if entry.night != newest.night]),
        sentence=_history(newest.scenario, len(whole), changes),
        apart=list(_apart(entries)),
    )


def _run(entry: Entry) -> TrendRun:
    kept = entry.model_dump(include=set(TrendRun.model_fields) - {"figures"})
    return TrendRun(**kept, figures={name: one.value for name, one in entry.figures.items()})


def _line(way: Walk, whole: Sequence[Entry], mine: Sequence[Entry]) -> Line:
    place = {entry.run_id: i for i, entry in enumerate(mine)}
    shown: list[float | None] = [None] * len(mine)
    for entry, value in zip(whole, values(way.name, whole), strict=True):
        shown[place[entry.run_id]] = None if value is None else value.value
    starts = [0, *(place[whole[shift.begins].run_id] for shift in way.shifts)]
    ends = [*starts[1:], len(shown)]
    levels = [(start, _middle(shown[start:end])) for start, end in zip(starts, ends, strict=True)]
    return Line(name=way.name, title=way.title, unit=way.unit, values=shown, levels=levels)


def _middle(shown: Sequence[float | None]) -> float:
    return statistics.median(value for value in shown if value is not None)


def _apart(entries: Sequence[Entry]) -> Iterator[str]:
    """Other runs of the scenario: how many, and in what they differ from the newest."""
    newest = entries[-1]
    differing: Counter[str] = Counter()
    for entry in entries:
        if entry.series != newest.series:
            keys = entry.likeness.keys() | newest.likeness.keys()
            unlike = sorted(key for key in keys if entry.likeness.get(key) != newest.likeness.get(key))
            differing[", ".join(unlike)] += 1
    for what, count in differing.items():
        yield f"{phrases.counted(count, 'run')} not in this series: not alike in {what}"


def _baseline(before: Sequence[Entry]) -> str:
    pinned = [entry for entry in before if entry.pinned]
    if pinned:
        return f"{phrases.counted(len(pinned), 'pinned run')}"
    return f"{phrases.counted(len(before), 'run')} before" if before else "nothing yet"


def _history(scenario: str, runs: int, changes: Sequence[Change]) -> str:
    if runs < 2:
        return f"{scenario}: {phrases.counted(runs, 'whole run')}, so there is nothing to compare yet."
    if not changes:
        return f"{scenario}: no change in {runs} runs."
    last = next(change for change in changes if change.found == changes[-1].found)
    many = phrases.counted(len(changes), "change")
    return f"{scenario}: {many} in {runs} runs, the last one: {last.title} {last.text}."


def regression(entries: Sequence[Entry]) -> Regression:
    """The newest run against those of its series; `entries` are its scenario's, oldest first."""
    newest = entries[-1]
    mine = comparable(entries)
    tonight = [entry for entry in mine if entry.whole and entry.night == newest.night]
    before = [entry for entry in mine if entry.whole and entry.night != newest.night]
    answer: Answer = "not_judged"
    if not newest.whole:
        why = "the run is incomplete, ended early, invalid or without requests: it is not held against others"
        return _report(newest, before, answer, f"Not judged: {why}.")
    if not before:
        apart = "; ".join(_apart(entries))
        text = f"First run of its series{f' ({apart})' if apart else ''}: nothing to compare it with yet."
        return _report(newest, before, "first", text)
    whole = [*before, *tonight]
    ways = of_like(walks(whole), whole)
    found = [_change(shift, whole) for shift in in_time(ways)]
    now = [change for change in found if change.found == newest.run_id]
    pinned = any(entry.pinned for entry in before)
    alarms = _against_pinned(ways, whole) if pinned else _news(now, found)
    better = [change for change in now if not change.worse]
    standing = [] if pinned else _standing(ways, whole, newest)
    # Against pinned runs there is no level to be found: what is worse than they are is said at once.
    open_still = () if pinned and alarms else doubtful({way.name: way.looks for way in ways})
    doubts = [TITLES[name][0] for name in open_still]
    answer = "worse" if alarms else "better" if better else "same"
    fewer = [change for change in better if change.name == "error_rate"]
    text = _sentence(
        newest.scenario, [*fewer, *alarms] if alarms else [], better, len(standing), _as_in(before)
    )
    return _report(
        newest, before, answer, text, alarms=alarms, better=better, standing=standing, doubtful=doubts
    )


def _news(now: Sequence[Change], found: Sequence[Change]) -> list[Change]:
    """Changes for the worse that are clear now, without those that only complete one that was told before: a
    P50 that begins with the same run as its P99 is the same event, be it clear later, a failure is not."""
    told = {_event(change) for change in found if change.worse and change not in now}
    return [change for change in now if change.worse and _event(change) not in told]


def _event(change: Change) -> tuple[str, str]:
    return change.begins, change.unit if change.unit == "ms" else change.name


def _report(
    newest: Entry, before: Sequence[Entry], answer: Answer, sentence: str, **found: list[Change] | list[str]
) -> Regression:
    return Regression.model_validate(
        {
            "run_id": newest.run_id,
            "scenario": newest.scenario,
            "answer": answer,
            "sentence": sentence,
            "baseline": _baseline(before),
            "runs_before": len(before),
            **found,
        }
    )


def _against_pinned(ways: Sequence[Walk], whole: Sequence[Entry]) -> list[Change]:
    """The newest nights since the last pinned run, against the pinned ones."""
    pins = [place for place, entry in enumerate(whole) if entry.pinned]
    last = len(whole) - 1
    found = []
    for way in ways:
        base = [placed.night for placed in nights(way.name, whole, pins)]
        since = nights(way.name, whole, range(pins[-1] + 1, len(whole)))
        if not since or since[-1].places[-1] != last:
            continue
        seen = against(base, [placed.night for placed in since], way.part)
        if seen is None or not seen.worse:
            continue
        latest = [place for one in since[-seen.nights_new :] for place in one.places]
        if not mixes(way.name, seen, whole, pins, latest):
            shift = Shift(way.name, way.title, since[-seen.nights_new].places[0], last, seen)
            versus = f"against {phrases.counted(len(pins), 'pinned run')}"
            found.append(_change(shift, whole).model_copy(update={"since": versus}))
    return found


def _standing(ways: Sequence[Walk], whole: Sequence[Entry], newest: Entry) -> list[Change]:
    """Changes for the worse that were told before and have not gone since."""
    found = [_change(shift, whole) for way in ways if (shift := _not_undone(way)) is not None]
    return [change for change in found if change.found != newest.run_id]


def _not_undone(way: Walk) -> Shift | None:
    """The last change for the worse that the present level has not made good."""
    for shift in reversed(way.shifts):
        if shift.step.worse:
            before, now = shift.step.base, way.shifts[-1].step.new
            return shift if now > before and matters(way.unit, before, now) else None
    return None


def _change(shift: Shift, whole: Sequence[Entry]) -> Change:
    seen, begins = shift.step, whole[shift.begins]
    before = next((one.target_commit for one in reversed(whole[: shift.begins]) if one.target_commit), None)
    commits = (before, begins.target_commit) if before and begins.target_commit else (None, None)
    return Change(
        name=shift.name,
        title=shift.title,
        unit=seen.unit,
        worse=seen.worse,
        base=seen.base,
        new=seen.new,
        change=seen.change,
        low=seen.low,
        high=seen.high,
        p_value=seen.p_value,
        runs_base=seen.runs_base,
        runs_new=seen.runs_new,
        begins=begins.run_id,
        begins_utc=begins.started_utc,
        found=whole[shift.found].run_id,
        commit_before=commits[0],
        commit_after=commits[1],
        moved=_moved(seen),
        since=_since(begins, commits),
    )


def _moved(seen: Step) -> str:
    """What a figure did, in a clause."""
    verb = "rises" if seen.new > seen.base else "falls"
    change = "" if seen.change is None else f" ({seen.change * 100:+,.0f} %)".replace("-", "−")
    return f"{verb} from {figure(seen.unit, seen.base)} to {figure(seen.unit, seen.new)}{change}"


def _since(begins: Entry, commits: tuple[str | None, str | None]) -> str:
    before, after = commits
    if before is None:
        return f"since run {begins.run_id}"
    between = f"at the same commit {before}" if before == after else f"commits {before}..{after}"
    return f"since run {begins.run_id}, {between}"


def _sentence(
    scenario: str, alarms: Sequence[Change], better: Sequence[Change], standing: int, as_in: str
) -> str:
    """The answer; before alarms stands that fewer requests fail, where they do."""
    if alarms:
        return f"{'Regression' if alarms[0].worse else 'Mixed'} in {scenario}{_listed(alarms)}."
    if better:
        return f"Better in {scenario}{_listed(better)}."
    if standing:
        told = "one that was told before is" if standing == 1 else f"{standing} that were told before are"
        return f"No new regression in {scenario}, but {told} still there."
    return f"No regression in {scenario}: as in {as_in}."


def _as_in(before: Sequence[Entry]) -> str:
    pinned = sum(entry.pinned for entry in before)
    if pinned:
        return phrases.counted(pinned, "pinned run")
    return f"the {phrases.counted(len(before), 'run')} before"


def _listed(changes: Sequence[Change]) -> str:
    """What changed, with its beginning once where they have one."""
    shown = changes[:MOST_TOLD]
    if len({change.since for change in shown}) > 1:
        return ": " + "; ".join(f"{change.title} {change.text}" for change in shown)
    return f" {shown[0].since}: " + "; ".join(f"{change.title} {change.moved}" for change in shown)
