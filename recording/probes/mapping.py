"""Mapping: from the target's own figures to our signals. Counters become rates, histograms means.

What a counter says is its growth since the reading before; a counter that fell began anew (the process was
restarted) and has grown by all it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from recording.probes.spec import MeanOf, Rule
from recording.probes.told import Reading, Series, Told
from recording.scrub import one_line, scrub

_LONGEST_WORD = 40
_MOST_WORDS = 20
"""Of one signal; what changes at every reading is no word such as a region."""
_MOST_COUNTERS = 20_000
"""Beyond this many series, those that are gone are forgotten: labels may be new at every reading."""


class Mapper:
    """The signals of one probe; keeps what counters stood at."""

    def __init__(self, probe: str, signals: Mapping[str, Rule]) -> None:
        self._probe = probe
        self._signals = signals
        self._counters = [rule for rule in signals.values() if rule.rate is not None or rule.mean is not None]
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._seen: set[str] = set()
        self._words: set[tuple[str, str]] = set()
        self._time_s: float | None = None

    def names(self) -> frozenset[str]:
        """Every name of the target that any signal needs, also as an OpenMetrics counter calls it."""
        plain = {name for rule in self._signals.values() for name in needed(rule)}
        return frozenset(plain | {f"{name}_total" for name in plain})

    def readings(self, told: Told, time_s: float) -> tuple[list[Reading], dict[str, str]]:
        """Readings, and the signals that the target said nothing about: signal -> the name looked for."""
        before_s, self._time_s = self._time_s, time_s
        found: list[Reading] = []
        missing: dict[str, str] = {}
        growth = self._growth(told)
        for signal, rule in self._signals.items():
            lost = [name for name in needed(rule) if not _known(told, name)]
            if lost:
                missing[signal] = lost[0]
            elif rule.text is not None:
                word = one_line(scrub(told.texts.get(rule.text, "")[:200]), _LONGEST_WORD)
                word = word.encode("utf-8", "replace").decode()  # JSON may hold half a character
                found += [Reading(time_s, signal, word, 1.0)] if self._is_word(signal, word) else []
            elif rule.gauge is not None:
                value = _gauge(told, rule)
                found += [] if value is None else [Reading(time_s, signal, self._probe, value)]
            elif before_s is not None and time_s > before_s:
                value = _grown(growth, rule, time_s - before_s)
                middle_s = (before_s + time_s) / 2
                found += [] if value is None else [Reading(middle_s, signal, self._probe, value)]
        return found, missing

    def _is_word(self, signal: str, word: str) -> bool:
        if word and sum(name == signal for name, _ in self._words) < _MOST_WORDS:
            self._words.add((signal, word))
        return (signal, word) in self._words

    def _growth(self, told: Told) -> dict[str, list[Series]]:
        """How much each counter has grown; those seen for the first time have not."""
        growth: dict[str, list[Series]] = {}
        now: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for name in {name for rule in self._counters for name in needed(rule)}:
            # A label that turns up later counted from 0; the first series of a name may be old.
            is_new = name not in self._seen
            for labels, value in _series(told, name):
                key = (name, tuple(sorted(labels.items())))
                before = self._before.get(key, value if is_new else 0.0)
                growth.setdefault(name, []).append(
                    Series(labels, value - before if value >= before else value)
                )
                now[key] = value
                self._seen.add(name)
        self._before = now if len(self._before) > _MOST_COUNTERS else {**self._before, **now}
        return growth


def needed(rule: Rule) -> list[str]:
    """The target's names that a rule reads."""
    if isinstance(rule.mean, MeanOf):
        return [*_listed(rule.mean.sum), *_listed(rule.mean.count)]
    if rule.mean is not None:
        return [f"{rule.mean}_sum", f"{rule.mean}_count"]
    if rule.text is not None:
        return [rule.text]
    return [*_listed(rule.gauge or rule.rate or []), *_listed(rule.minus)]


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _series(told: Told, name: str) -> list[Series]:
    return told.numbers.get(name) or told.numbers.get(f"{name}_total") or []


def _known(told: Told, name: str) -> bool:
    return bool(_series(told, name)) or name in told.texts or name in told.empty


def _fitting(series: Iterable[Series], where: Mapping[str, str]) -> Iterator[float]:
    return (s.value for s in series if all(s.labels.get(key) == value for key, value in where.items()))


def _gauge(told: Told, rule: Rule) -> float | None:
    values = [v for name in _listed(rule.gauge or []) for v in _fitting(_series(told, name), rule.where)]
    less = [v for name in _listed(rule.minus) for v in _fitting(_series(told, name), rule.where)]
    if not values:
        return None
    return ((max(values) if rule.join == "max" else sum(values)) - sum(less)) * rule.scale


def _grown(growth: Mapping[str, list[Series]], rule: Rule, elapsed_s: float) -> float | None:
    def total(names: str | list[str]) -> float:
        values = [v for name in _listed(names) for v in _fitting(growth.get(name, ()), rule.where)]
        return max(values, default=0.0) if rule.join == "max" else sum(values)

    if rule.rate is not None:
        return max(0.0, total(rule.rate) - total(rule.minus)) / elapsed_s * rule.scale
    if isinstance(rule.mean, MeanOf):
        spent, times = total(rule.mean.sum), total(rule.mean.count)
    else:
        spent, times = total(f"{rule.mean}_sum"), total(f"{rule.mean}_count")
    return spent / times * rule.scale if times > 0 else None
