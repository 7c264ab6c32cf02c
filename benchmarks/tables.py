"""Tables of the calibration bench: shares with Wilson intervals, recipe beside engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from benchmarks.kinds import HARDER, KINDS
from benchmarks.simulate import COME_DOWN, SHAPES

LONG = 300.0
BLIND = ("constant", "bursts", "drift", "outage", "warm_up")
BLIND_HARDER = ("wander_60s", "wander_180s", "case_plain", "case_wander", "periodic_job")
RISING = ("rises_smooth", "rises_knee", "rate_limit", "load_and_drift", "bursts_with_load")
RISING_HARDER = ("retry_storm", "backlog", "metastable")
ONE_LINE = ("ramp", "stairs_up")
"""Shapes on which load and time are one line."""
KNEES = ("rises_knee", "rate_limit")
BANDS = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
DECIDED = {"rises", "constant", "falls"}


@dataclass(frozen=True, slots=True)
class Record:
    """What was true of one run and what was said. `knee_*`: within its interval, within 10 % of the peak,
    width of the interval as a share of the peak; None where none was offered or there is none."""

    kind: str
    shape: str
    duration_s: float
    truth: str
    must: bool
    recipe: str
    engine: str
    confidence: float | None
    recipe_confidence: float | None
    drifts: bool | None
    drift_engine: str
    drift_recipe: str
    pattern: str | None
    temporal: str
    knee_engine: tuple[bool, bool, float] | None
    knee_recipe: tuple[bool, bool, float] | None


Rows = list[Record]
Test = Callable[[Record], bool]


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927, JASA 22:209)."""
    if not runs:
        return 0.0, 1.0
    z, p = 1.96, hits / runs
    middle = (p + z**2 / (2 * runs)) / (1 + z**2 / runs)
    half = z / (1 + z**2 / runs) * float(np.sqrt(p * (1 - p) / runs + z**2 / (4 * runs**2)))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(rows: Iterable[Record], test: Test) -> str:
    """Per cent of the rows that pass, with interval."""
    passed = [test(row) for row in rows]
    if not passed:
        return "-"
    low, high = wilson(sum(passed), len(passed))
    return f"{100 * np.mean(passed):.1f} ({100 * low:.1f}–{100 * high:.1f})"


def said(who: str, answer: str) -> Test:
    return lambda row: getattr(row, who) == answer


def right(who: str) -> Test:
    return lambda row: getattr(row, who) == row.truth


def confidently_wrong(who: str) -> Test:
    return lambda row: getattr(row, who) in DECIDED and getattr(row, who) != row.truth


def table(title: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """One markdown table."""
    text = [f"\n### {title}\n", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    text += ["| " + " | ".join(line) + " |" for line in lines]
    sys.stdout.write("\n".join(text) + "\n")


def both(rows: Rows, test: Callable[[str], Test]) -> list[str]:
    return [str(len(rows)), share(rows, test("recipe")), share(rows, test("engine"))]


def _by_kind_and_shape(rows: Rows, title: str, kinds: Sequence[str], answer: str, least_s: float) -> None:
    lines = []
    for kind, shape in product(kinds, SHAPES):
        chosen = [r for r in rows if r.kind == kind and r.shape == shape and r.duration_s >= least_s]
        lines.append([kind, shape, *both(chosen, lambda who: said(who, answer))])
    table(title, ["kind", "shape", "runs", "recipe", "engine"], lines)


def _by_duration(rows: Rows) -> None:
    asked = [
        *((kind, "rises", "false rises") for kind in (*BLIND, *BLIND_HARDER)),
        *((kind, "rises", "rises found") for kind in (*RISING, *RISING_HARDER)),
        *(
            (kind, "constant", "constant found")
            for kind in ("constant", "case_plain", "case_wander", "drift")
        ),
        ("falls", "falls", "falls found"),
    ]
    for shapes, name in ((("shuffled_steps",), "shuffled steps"), (COME_DOWN, "all shapes that come down")):
        lines = []
        for kind, answer, what in asked:
            line = [f"{kind}: {what}"]
            for duration_s in _lengths(rows):
                cell = [
                    r for r in rows if r.kind == kind and r.shape in shapes and r.duration_s == duration_s
                ]
                if not cell:
                    continue
                shares = [100 * np.mean([said(who, answer)(r) for r in cell]) for who in ("recipe", "engine")]
                line.append(f"{shares[0]:.0f} → {shares[1]:.0f}")
            lines.append(line)
        seconds = [f"{d:.0f} s" for d in _lengths(rows) if any(r.duration_s == d for r in rows)]
        table(f"By length of the run, {name}, recipe → engine, per cent", ["", *seconds], lines)


def _overall(rows: Rows) -> None:
    asked: list[tuple[str, Test, Callable[[str], Test]]] = [
        (
            "false rises, 13 kinds, load raises nothing",
            lambda r: _plain(r) and not _rising(r),
            _rises,
        ),
        ("the same: constant, bursts, drift on shapes that come down", _hard_blind, _rises),
        ("the same: harder kinds, all shapes", lambda r: r.kind in BLIND_HARDER, _rises),
        ("confidently wrong, 13 kinds", _plain, confidently_wrong),
        ("confidently wrong, harder kinds", _harder, confidently_wrong),
        ("false constant, load raises errors", lambda r: _plain(r) and _rising(r), _constant),
        ("must be decided: right answer", lambda r: r.must, right),
        ("the same, 300 s and more", lambda r: r.must and r.duration_s >= LONG, right),
        ("right answer, 13 kinds, shapes that come down", lambda r: _plain(r) and _down(r), right),
    ]
    lines = [[name, *both([r for r in rows if chosen(r)], test)] for name, chosen, test in asked]
    for kind in RISING:
        cell = [r for r in rows if r.kind == kind and _down(r) and r.duration_s >= LONG]
        lines.append([f"rises found: {kind}, come down, 300 s and more", *both(cell, right)])
    table("Overall", ["", "runs", "recipe", "engine"], lines)


def _plain(row: Record) -> bool:
    return row.kind in KINDS and row.kind != "tiny"


def _harder(row: Record) -> bool:
    return row.kind in HARDER and row.truth != "unclear"


def _rising(row: Record) -> bool:
    return row.truth == "rises"


def _down(row: Record) -> bool:
    return row.shape in COME_DOWN


def _hard_blind(row: Record) -> bool:
    return row.kind in ("constant", "bursts", "drift") and _down(row)


def _rises(who: str) -> Test:
    return said(who, "rises")


def _constant(who: str) -> Test:
    return said(who, "constant")


def _patterns(rows: Rows) -> None:
    """Temporal has one rule, so one column; drift on shapes that come down."""
    temporal, drift = [], []
    for name, least_s in (("all lengths", 0.0), ("300 s and more", LONG), ("600 s and more", 2 * LONG)):
        part = [r for r in rows if r.duration_s >= least_s]
        judged = [r for r in part if r.pattern and r.kind in KINDS]
        told = [r for r in judged if r.temporal != "inconclusive"]
        temporal.append([f"right, {name}", str(len(judged)), share(judged, _pattern_right)])
        temporal.append([f"right where it answers, {name}", str(len(told)), share(told, _pattern_right)])
        asked: dict[str, tuple[Test, Callable[[str], Test]]] = {
            "none, and not called one": (lambda r: r.drifts is False, _not_drift("yes")),
            "found": (lambda r: r.drifts is True, _is_drift("yes")),
            "there, and called none": (lambda r: r.drifts is True, _is_drift("no")),
            "none, and said so": (lambda r: r.drifts is False, _is_drift("no")),
        }
        for what, (chosen, test) in asked.items():
            drift.append([f"{what}, {name}", *both([r for r in part if _down(r) and chosen(r)], test)])
        told = [r for r in part if r.kind in KINDS and r.drifts is not None]
        drift.append(
            [f"acceptable by the rule of the labels, 13 kinds, {name}", *both(told, _drift_acceptable)]
        )
    table("Pattern in time, 13 kinds", ["", "runs", "per cent"], temporal)
    table(
        "Drift, on shapes that come down where nothing else is said", ["", "runs", "recipe", "engine"], drift
    )


def _pattern_right(row: Record) -> bool:
    return row.temporal == row.pattern


def _is_drift(answer: str) -> Callable[[str], Test]:
    return lambda who: lambda row: getattr(row, f"drift_{who}") == answer


def _not_drift(answer: str) -> Callable[[str], Test]:
    return lambda who: lambda row: getattr(row, f"drift_{who}") != answer


def _drift_acceptable(who: str) -> Test:
    """The rule of the labelled runs: a drift must be found, but not where load and time are one line; where
    there is none, only "yes" is wrong."""

    def passes(row: Record) -> bool:
        said_yes = getattr(row, f"drift_{who}") == "yes"
        return row.shape in ONE_LINE or said_yes if row.drifts else not said_yes

    return passes


def _knees(rows: Rows) -> None:
    lines = []
    for kind, shape in product((*KNEES, *RISING_HARDER), COME_DOWN):
        cell = [r for r in rows if r.kind == kind and r.shape == shape]
        line = [kind, shape]
        for who in ("recipe", "engine"):
            offered = [getattr(r, f"knee_{who}") for r in cell]
            given = [k for k in offered if k]
            if not given:
                line += ["0", "-", "-", "-"]
                continue
            inside, near, width = np.mean(np.array(given, float), axis=0)
            line += [str(len(given)), f"{100 * inside:.0f}", f"{100 * near:.0f}", f"{100 * width:.0f}"]
        lines.append(line)
    head = ["offered", "covers", "within 10 %", "width % of peak"]
    columns = ["kind", "shape", *(f"recipe {h}" for h in head), *(f"engine {h}" for h in head)]
    table("Knee", columns, lines)


def _reliability(rows: Rows) -> None:
    """Stated confidence against the measured share of right answers."""
    lines = []
    plain = [r for r in rows if r.truth != "unclear" and r.kind != "tiny"]
    for answer in ("rises", "constant", "falls"):
        for low, high in pairwise(BANDS):
            row = [answer, f"{low:g}–{high:g}"]
            for who, value in (("recipe", "recipe_confidence"), ("engine", "confidence")):
                cell = [
                    r
                    for r in plain
                    if getattr(r, who) == answer and low <= (getattr(r, value) or 0) < high + (high == 1)
                ]
                stated = np.mean([getattr(r, value) for r in cell]) if cell else float("nan")
                row += [str(len(cell)), f"{100 * stated:.1f}" if cell else "-", share(cell, right(who))]
            lines.append(row)
    head = ["runs", "stated", "right"]
    columns = ["answer", "confidence", *(f"recipe {h}" for h in head), *(f"engine {h}" for h in head)]
    table("Reliability of the confidence values", columns, lines)


def report(rows: Rows) -> None:
    """All tables."""
    _overall(rows)
    blind, rising = (*BLIND, *BLIND_HARDER), (*RISING, *RISING_HARDER)
    _by_kind_and_shape(rows, "False rises, all lengths", blind, "rises", 0)
    _by_kind_and_shape(rows, "Rises found, 300 s and more", rising, "rises", LONG)
    _by_kind_and_shape(rows, "Constant found, 300 s and more", ("constant", *BLIND_HARDER), "constant", LONG)
    _by_duration(rows)
    _patterns(rows)
    _knees(rows)
    _reliability(rows)


def _lengths(rows: Rows) -> list[float]:
    return sorted({row.duration_s for row in rows})
