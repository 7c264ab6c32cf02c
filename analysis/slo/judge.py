"""Judge: a target against its figure. Missing data is never a pass: it is `no_data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis import phrases
from analysis.slo.figure import Basis, Measured
from analysis.slo.grammar import SloTarget, parse_slo
from analysis.slo.measure import measure
from analysis.slo.near import told_apart
from analysis.verdict import SloOutcome, SloResult

UNMEASURED = "it was not measured"


def evaluate(targets: Sequence[str], basis: Basis) -> list[SloResult]:
    """Measure and judge every target.

    Raises:
        ValueError: a target does not follow the grammar.
    """
    return [judge(target, measure(target, basis)) for target in map(parse_slo, targets)]


def judge(target: SloTarget, figure: Measured) -> SloResult:
    """One target against what it came to."""
    outcome = _outcome(target, figure)
    return SloResult(
        name=target.name,
        target=target.text,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        outcome=outcome,
        text=_text(target, figure, outcome),
    )


def _outcome(target: SloTarget, figure: Measured) -> SloOutcome:
    if figure.value is None:
        best, worst = _ends(target, figure)
        if best is not None and not target.holds(best):
            return "missed"
        return "met" if worst is not None and target.holds(worst) else "no_data"
    if not target.holds(figure.value):
        return "missed"
    return "no_data" if figure.worst is not None and not target.holds(figure.worst) else "met"


def _ends(target: SloTarget, figure: Measured) -> tuple[float | None, float | None]:
    """The ends of the interval: the one that is kindest to the target, and the other."""
    return (figure.low, figure.high) if target.is_upper else (figure.high, figure.low)


def _text(target: SloTarget, figure: Measured, outcome: SloOutcome) -> str:
    if outcome == "no_data":
        return f"{target.text}: no data, {figure.note or UNMEASURED}"
    parts = [f"{target.text}: {outcome} with {_shown(target, figure, outcome)}"]
    if figure.value is not None and figure.low is not None and figure.high is not None:
        parts.append(f" (95 % interval {_figure(target, figure.low)} to {_figure(target, figure.high)})")
    if figure.n:
        parts.append(f" of {phrases.counted(figure.n, 'request')}")
    if figure.note:
        parts.append(f"; {figure.note}")
    return "".join(parts)


def _shown(target: SloTarget, figure: Measured, outcome: SloOutcome) -> str:
    """The figure, or the end of it that decided."""
    if figure.value is not None:
        return _figure(target, figure.value)
    best, worst = _ends(target, figure)
    bound = "at most" if target.is_upper == (outcome == "met") else "at least"
    return f"{bound} {_figure(target, (worst if outcome == 'met' else best) or 0.0)}"


def _figure(target: SloTarget, value: float) -> str:
    write: Callable[[float], str] = {
        "%": phrases.percent,
        "ms": phrases.milliseconds,
        "s": phrases.seconds,
        "per s": phrases.per_second,
    }[target.unit]
    return told_apart(target, value, write)
