"""Index: what a list of all runs says about each, from the small files of its folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from analysis.brief import BriefAnswer, BriefManifest, BriefVerdict, SloMark, brief
from analysis.gate import WORDS, gate_code
from analysis.trace import Trace, trace_of
from analysis.verdict import LoadAnswer
from recording.past import MANIFEST, REPORT, SAMPLES, VERDICT, WINDOWS, PastFolder

Standing = Literal["met", "missed", "invalid", "incomplete", "no_data", "unread"]
"""What the gate says, in a word; "unread" is a folder without a verdict that can be read."""

NAME = re.compile(r"(\d{8}T\d{6}Z)-(.+)", re.DOTALL)
STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a verdict says, in short. `error_rate` and its bounds are ratios, None where not known."""

    sentence: str
    load: LoadAnswer
    requests: int
    errors: int
    error_rate: float | None
    error_rate_low: float | None
    error_rate_high: float | None
    p99_ms: float | None
    slo: tuple[SloMark, ...]
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class Row:
    """One folder of the list.

    Attributes:
        name: of the folder; links lead through it.
        time: start of the run; None if nothing tells.
        scenario: "" if not known.
        target: "" if not known.
        standing: what the gate would say, or "unread".
        figures: None without a verdict that can be read.
        trouble: what is in the way of reading, and what to do; "" if nothing is.
        has_report: whether there is a report.html to link to.
        has_verdict: whether there is a verdict.json, readable or not.
    """

    name: str
    time: datetime | None
    scenario: str
    target: str
    standing: Standing
    figures: Figures | None
    trouble: str
    has_report: bool
    has_verdict: bool


@dataclass(frozen=True, slots=True)
class Series:
    """Something made of several runs (an experiment, an investigation).

    Attributes:
        name: of the folder.
        sentence: the answer, or what is in the way of reading it.
        page: the file to link to; "" if there is none.
    """

    name: str
    sentence: str
    page: str


def rows(folders: Iterable[PastFolder]) -> list[Row]:
    """A row per folder, newest first; folders without a time come last."""
    return sorted((row_of(folder) for folder in folders), key=_place, reverse=True)


def row_of(folder: PastFolder) -> Row:
    """What the list says about one folder."""
    read, verdict_trouble = brief(folder, VERDICT, BriefVerdict)
    told, manifest_trouble = brief(folder, MANIFEST, BriefManifest)
    manifest = told or BriefManifest()
    has_verdict = VERDICT in folder.files or VERDICT in folder.unread
    if not has_verdict and not manifest_trouble:
        verdict_trouble = _without_verdict(folder, manifest)
    elif verdict_trouble:
        verdict_trouble += f"; to make it again: '{_diagnose(folder)}'"
    stamp, scenario = _named(folder.name)
    return Row(
        name=folder.name,
        time=_time(read.started_utc if read else None) or _time(manifest.start_utc) or stamp,
        scenario=(read and read.scenario) or manifest.scenario.name or scenario,
        target=(read and read.target) or manifest.target.name or "",
        standing=WORDS[gate_code(read)] if read else "unread",
        figures=_figures(read, folder.files.get(WINDOWS)) if read else None,
        trouble="; ".join(text for text in (verdict_trouble, manifest_trouble) if text),
        has_report=REPORT in folder.there,
        has_verdict=has_verdict,
    )


def series_of(folders: Iterable[PastFolder], kind: str) -> list[Series]:
    """A line per folder of `kind` (its files are named so), newest first; other folders are left out."""
    data, page = f"{kind}.json", f"{kind}.html"
    found = []
    for folder in folders:
        answer, trouble = brief(folder, data, BriefAnswer)
        if answer is None and not trouble and NAME.fullmatch(folder.name) is None:
            continue
        missing = trouble or f"no {data}: still going on, or ended before there was an answer"
        found.append(
            Series(folder.name, answer.sentence if answer else missing, page if page in folder.there else "")
        )
    return sorted(found, key=lambda series: series.name, reverse=True)


def _place(row: Row) -> tuple[bool, float, str]:
    return row.time is not None, 0.0 if row.time is None else row.time.timestamp(), row.name


def _without_verdict(folder: PastFolder, manifest: BriefManifest) -> str:
    """Why there is none, and what to do about it."""
    if manifest.end_utc:
        return f"Not diagnosed yet: '{_diagnose(folder)}'"
    if MANIFEST in folder.files or any(name in folder.there for name in SAMPLES):
        return f"Still going on, or stopped without an end mark; then '{_diagnose(folder)}' tells the rest"
    return "Not a run folder: it holds neither a manifest nor samples nor a verdict"


def _diagnose(folder: PastFolder) -> str:
    return f"loadverdict diagnose {shlex.quote(folder.name)}"


def _named(name: str) -> tuple[datetime | None, str]:
    """Time and scenario that a run's name holds."""
    match = NAME.fullmatch(name)
    if match is None:
        return None, ""
    try:
        return datetime.strptime(match[1], STAMP).replace(tzinfo=UTC), match[2]
    except ValueError:
        return None, ""


def _time(text: str | None) -> datetime | None:
    """A moment in UTC, and so is one without a zone; None for a text that is no moment."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _figures(verdict: BriefVerdict, windows: bytes | None) -> Figures:
    rate = verdict.error_rate
    return Figures(
        sentence=verdict.sentence,
        load=verdict.load_effect.answer,
        requests=verdict.requests,
        errors=verdict.errors,
        error_rate=rate.value,
        error_rate_low=rate.low,
        error_rate_high=rate.high,
        p99_ms=verdict.latency_ms.all.p99,
        slo=verdict.slo,
        # Where failures were not recorded, the windows hold no error rate either.
        trace=None if rate.value is None or windows is None else trace_of(windows),
    )
