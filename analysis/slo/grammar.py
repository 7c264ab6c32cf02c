"""Grammar of targets, one a line; docs/slo.md shows all of it.

    METRIC[(WORD, ...)] OPERATOR NUMBER UNIT [for N s] [at AXIS OPERATOR NUMBER [and ...]]

    error_rate < 5 %                     share of requests that failed
    unclear_errors < 1 %                 share that failed without telling the client what to do
    status(503) < 1 %                    share answered with a status; status(5xx) with any of a class
    outcome(reset) < 0.1 %               share that ended so: a word of `recording.outcomes.OUTCOMES`
    p99 < 1000 ms                        latency of all requests, time-outs at their limit; p0.001 to p99.999
    p99(ok) < 800 ms                     latency of successful requests only
    freeze < 2 s                         longest stretch without an answer although requests waited
    throughput > 50 per s                successes per second

    p99(ok, endpoint login) < 800 ms     of one endpoint; in "" where its name holds , ( or )
    error_rate < 5 % for 10 s            in every window of that length
    p99 < 500 ms at users <= 50          of the requests sent at that load: users, arrivals, in_flight

Whoever parses needs nothing but this module: it knows no figures.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from recording.outcomes import OUTCOMES

CASE_SLO = ("error_rate < 5 %", "p99 < 1000 ms", "freeze < 2 s", "unclear_errors < 1 %")
"""The success criteria of the commissioned case: the default of every scenario."""

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
UPPER, LOWER = ("<", "<="), (">", ">=")
"""A limit from above, and one from below."""

AXES = ("users", "arrivals", "in_flight")
"""What a load can be measured in: running users, planned arrivals per second, requests in flight."""

ENDED = tuple(word for word in OUTCOMES if word != "generator")
"""How a request can end. The generator's own failures are no requests of the target."""

_STATUS = re.compile(r"[1-9]\d\d|[1-5]xx")


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric can be asked for.

    Attributes:
        unit: "%", "ms", "s" or "per s".
        operators: that make sense: one that no run should want is a slip.
        words: what may stand in its brackets.
        windows: whether it may be asked `for` a length of time.
    """

    unit: str
    operators: tuple[str, ...] = UPPER
    words: tuple[str, ...] = ("endpoint NAME",)
    windows: bool = True


METRICS = {
    "error_rate": Metric("%"),
    "unclear_errors": Metric("%"),
    "status": Metric("%", UPPER + LOWER, ("a status such as 503 or 5xx", "endpoint NAME")),
    "outcome": Metric("%", UPPER + LOWER, ("an outcome", "endpoint NAME")),
    "freeze": Metric("s", words=(), windows=False),
    "throughput": Metric("per s", LOWER),
}
PERCENTILE = Metric("ms", words=("ok", "endpoint NAME"))
"""Of p50, p99, p99.9 and all others."""

_LIKE = "write it like 'error_rate < 5 %' or 'p99 < 1000 ms'; docs/slo.md shows all that can be asked"
_PER_SECOND = re.compile(r"/\s*s|per\s+s(?:econd)?")
_NUMBER = r"(?:[0-9]{1,15}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"


@dataclass(frozen=True, slots=True)
class Bound:
    """Which load is meant: `users <= 50`."""

    axis: str
    operator: str
    value: float

    def holds(self, load: Any) -> Any:
        """Whether a load, or each of an array, is meant; NaN never is."""
        return COMPARE[self.operator](load, self.value)

    def __str__(self) -> str:
        return f"{self.axis} {self.operator} {self.value:g}"


@dataclass(frozen=True, slots=True)
class SloTarget:
    """One parsed target. `limit` is in `unit`; percentages are kept as ratios.

    Attributes:
        metric: a key of `METRICS`, or "p99" and the like.
        operator: how the figure must stand to the limit.
        limit: see there.
        unit: of the figure.
        text: as written.
        word: the status or outcome asked for.
        ok: successes only.
        endpoint: requests to this endpoint only; "" for all.
        window_s: every window of so many seconds must hold; None for the run as a whole.
        at: only requests that were sent at such a load.
    """

    metric: str
    operator: str
    limit: float
    unit: str
    text: str
    word: str = ""
    ok: bool = False
    endpoint: str = ""
    window_s: float | None = None
    at: tuple[Bound, ...] = ()

    @property
    def name(self) -> str:
        """The figure that is asked for: "p99(ok)", "status(503, endpoint login)"."""
        words = [self.word, "ok" if self.ok else "", f"endpoint {self.endpoint}" if self.endpoint else ""]
        inside = ", ".join(word for word in words if word)
        return f"{self.metric}({inside})" if inside else self.metric

    @property
    def is_plain(self) -> bool:
        """Whether it is about the whole run: every endpoint, every load, all of the time."""
        return not (self.endpoint or self.at) and self.window_s is None

    @property
    def share(self) -> float | None:
        """Of a percentile, 0 to 1; None of another metric."""
        return None if self.metric in METRICS else round(float(self.metric[1:]) / 100, 7)

    @property
    def is_upper(self) -> bool:
        """Whether the figure must stay below the limit, and not above."""
        return self.operator in UPPER

    def holds(self, figure: Any) -> Any:
        """Whether a figure, or each of an array, meets the limit."""
        return COMPARE[self.operator](figure, self.limit)


def parse_slo(text: str) -> SloTarget:
    """Parse one target.

    Raises:
        ValueError: the text does not follow the grammar; the message says what is allowed.
    """
    rest = _Rest(text)
    name = rest.take(r"([a-z_]+[0-9.]*)", f"is not a target; {_LIKE}")[1]
    metric = _metric(name, text)
    brackets = rest.maybe(r'\(((?:[^()"]|"[^"]*")*)\)')
    words = _words(name, metric, brackets[1] if brackets else "", text)
    sign = rest.take(r"(<=|>=|<|>)", f"is not a target; {_LIKE}")[1]
    if sign not in metric.operators:
        way = "an upper limit: write < or <=" if metric.operators == UPPER else "a lower limit: write > or >="
        raise ValueError(f"{text!r}: {name} needs {way}, not {sign}")
    number = Fraction(rest.take(f"({_NUMBER})", f": a number is missing after {sign}")[1])
    unit = rest.take(
        r"(%|/\s*s\b|per\s+s(?:econd)?\b|(?!for\b|at\b)[a-z]+)",
        f": a unit is missing; {name} is measured in {metric.unit}",
    )[1]
    unit = "per s" if _PER_SECOND.fullmatch(unit) else unit
    if unit != metric.unit:
        raise ValueError(f"{text!r}: {name} is measured in {metric.unit}, not {unit}")
    target = SloTarget(
        metric=name,
        operator=sign,
        # Exactly: 0.7 % of 1,000 requests are 7, and 0.7 / 100 is a little less.
        limit=float(number / 100 if unit == "%" else number),
        unit=unit,
        text=" ".join(text.split()),
        window_s=_window_s(rest, metric, name),
        at=_at(rest),
        **words,
    )
    rest.end()
    return target


class _Rest:
    """What has not been read of a target yet."""

    def __init__(self, text: str) -> None:
        self.text, self.left = text, text.strip()

    def maybe(self, pattern: str) -> re.Match[str] | None:
        found = re.match(pattern, self.left)
        if found is not None:
            self.left = self.left[found.end() :].lstrip()
        return found

    def take(self, pattern: str, otherwise: str) -> re.Match[str]:
        found = self.maybe(pattern)
        if found is None:
            gap = "" if otherwise.startswith(":") else " "
            raise ValueError(f"{self.text!r}{gap}{otherwise}")
        return found

    def end(self) -> None:
        if self.left:
            raise ValueError(
                f"{self.text!r}: {self.left!r} is too much; after the unit come 'for 10 s', "
                "then 'at users <= 50', or nothing"
            )


def _metric(name: str, text: str) -> Metric:
    if name in METRICS:
        return METRICS[name]
    if re.fullmatch(r"p\d{1,2}(\.\d{1,3})?", name) and float(name[1:]) > 0:
        return PERCENTILE
    known = ", ".join(METRICS)
    raise ValueError(
        f"{text!r}: unknown metric {name!r}; allowed: {known} and percentiles such as p99 or p99.9"
    )


def _words(name: str, metric: Metric, inside: str, text: str) -> dict[str, Any]:
    """What stands in the brackets, by attribute of the target."""
    found: dict[str, Any] = {}
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', inside):
        key, value = _word(name, part.strip())
        if not key or key in found or (key == "ok" and metric is not PERCENTILE) or not metric.words:
            allowed = " and ".join(metric.words) or "nothing"
            close = difflib.get_close_matches(part.strip(), ENDED if name == "outcome" else (), n=1)
            meant = f"; did you mean {close[0]!r}?" if close else f"; in its brackets may stand {allowed}"
            raise ValueError(f"{text!r}: {name}({inside}) is not known{meant}")
        found[key] = value
    if name in ("status", "outcome") and "word" not in found:
        raise ValueError(f"{text!r}: {_WORD_MISSING[name]}")
    return found


_WORD_MISSING = {
    "status": "which status? Write status(503) or status(5xx)",
    "outcome": f"which outcome? Write one of {', '.join(ENDED)}, as in outcome(reset)",
}


def _word(name: str, part: str) -> tuple[str, Any]:
    """One word in brackets: which attribute it is, and its value; ("", None) if it is none."""
    if endpoint := re.fullmatch(r'endpoint\s+(?:"([^"]+)"|([^"]+))', part):
        return "endpoint", endpoint[1] or endpoint[2]
    if part == "ok" and name != "outcome":
        return "ok", True
    is_word = {"status": _STATUS.fullmatch(part) is not None, "outcome": part in ENDED}.get(name, False)
    return ("word", part) if is_word else ("", None)


def _window_s(rest: _Rest, metric: Metric, name: str) -> float | None:
    if rest.maybe(r"for\b") is None:
        return None
    window_s = float(rest.take(f"({_NUMBER})\\s*s\\b", ": 'for' is followed by seconds, as in 'for 10 s'")[1])
    if not metric.windows:
        raise ValueError(f"{rest.text!r}: {name} is a length of time itself; leave out 'for'")
    if window_s < 1:
        raise ValueError(f"{rest.text!r}: a window of under a second says nothing; write 'for 1 s' or more")
    return window_s


def _at(rest: _Rest) -> tuple[Bound, ...]:
    if rest.maybe(r"at\b") is None:
        return ()
    bounds: list[Bound] = []
    while not bounds or rest.maybe(r"and\b"):
        axis, sign, number = rest.take(
            rf"({'|'.join(AXES)})\s*(<=|>=|<|>|=)\s*({_NUMBER})",
            f": 'at' is followed by a load, as in 'at users <= 50'; loads are {', '.join(AXES)}",
        ).groups()
        bounds.append(Bound(axis, sign, float(number)))
    if len({bound.axis for bound in bounds}) > 1:
        raise ValueError(f"{rest.text!r}: a run has one measure of its load; name one of {', '.join(AXES)}")
    return tuple(bounds)


SHORTEST_FREEZE_S = 0.1
"""Shorter silences are not looked for (`analysis.freezes`)."""


LEAST_SHARE = 0.01
"""Nobody asks for the fastest hundredth; who writes p0.99 means p99."""


def check_limit(target: SloTarget) -> None:
    """Refuse a limit that every run meets, or none, and a load that none can have: slips, or a figure that is
    not measured so finely.

    Asked of scenarios alone: a run of old must stay readable, whatever was written then.

    Raises:
        ValueError: with why.
    """
    if target.metric == "freeze" and target.limit < SHORTEST_FREEZE_S:
        raise ValueError(f"{target.text!r}: silences are looked for from {SHORTEST_FREEZE_S} s on")
    if target.share is not None and target.share < LEAST_SHARE:
        asked = float(target.metric[1:])
        raise ValueError(
            f"{target.text!r}: {target.metric} is the fastest {asked:g} % of all; write p{100 * asked:g}"
        )
    most = 1.0 if target.unit == "%" else float("inf")
    if target.holds(0.0) == target.holds(most):
        never = "every run meets it" if target.holds(0.0) else "no run can meet it"
        between = "lies between 0 and 100 %" if target.unit == "%" else "is never below 0"
        raise ValueError(f"{target.text!r}: {never}; {target.name} {between}")
    if target.at and not any(_all_hold(target.at, load) for load in _loads_around(target.at)):
        raise ValueError(f"{target.text!r}: no load is {' and '.join(map(str, target.at))}")


def _all_hold(bounds: tuple[Bound, ...], load: float) -> bool:
    return all(bound.holds(load) for bound in bounds)


def _loads_around(bounds: tuple[Bound, ...]) -> list[float]:
    """Loads of which one is meant if any is: users are whole, other loads may lie between two limits."""
    values = sorted(bound.value for bound in bounds)
    if bounds[0].axis == "users":
        near = {math.floor(value) + step for value in values for step in (-1, 0, 1)}
        return [float(users) for users in near if users > 0]
    between = [(low + high) / 2 for low, high in pairwise([0.0, *values])]
    return [load for load in (*values, *between, values[-1] + 1) if load > 0]
