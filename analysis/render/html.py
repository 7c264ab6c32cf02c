"""The verdict as one page (report.html) that needs nothing else: no script, no remote file, pictures within.

Whatever a target said is hostile until escaped: every expression of the template is freed of control
characters, cut to a sane length and escaped in one place, the environment built here.
"""

from __future__ import annotations

import base64
import os
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from analysis.render import answers, burst_words, server_words, suspect_words, wording
from analysis.verdict import Example, LoadLevel, Verdict

_TEMPLATES = Path(__file__).parent / "templates"
_QUESTIONS = (
    "Does the error rate depend on the load?",
    "Do errors come in bursts?",
    "Does it get worse with time?",
)
_CAPTIONS = {
    "error_rate_by_load": "Larger dots hold more requests; triangles lie above the scale.",
    "error_rate_by_class": "Each class as a share of all requests, with 95 % intervals and its fitted line.",
    "errors_by_status": "Errors per time window, stacked by status; grey behind: the load.",
    "errors_per_window": "Errors per time window; shaded: bursts; hatched: freezes.",
    "latency": "Latency of successes per time window; grey behind: the load.",
    "phases_by_load": "Mean of each phase, without those within it, with 95 % intervals.",
    "latency_by_load": "95 % intervals; without an upper end: too few requests. Time-outs at their limit.",
}


@dataclass(frozen=True, slots=True)
class _Image:
    source: Markup
    alt: str
    caption: str
    width: int
    height: int


def html(verdict: Verdict, pictures: dict[str, bytes]) -> str:
    """The whole page.

    Args:
        verdict: what to print.
        pictures: PNG files by name, as `pictures()` returns them; a missing one is left out.
    """
    quality = verdict.quality
    return template().render(
        v=verdict,
        answers=answers,
        w=wording,
        b=burst_words,
        s=server_words,
        su=suspect_words,
        images=_images(verdict, pictures),
        suspects=suspect_words.ranked(verdict),
        bursts=verdict.temporal.bursts,
        why=list(zip(answers.why_lines(verdict), _QUESTIONS, strict=True)),
        validity_class="invalid" if not quality.valid else "valid" if quality.complete else "incomplete",
    )


@cache
def template() -> Template:
    """The page's template; reading it takes a moment, which can be spent while pictures are drawn."""
    return environment().get_template("report.html")


def environment() -> Environment:
    """Escapes and cleans every expression of a template."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        bytecode_cache=_bytecode_cache(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(example=_example, bar=_bar)
    return found


def _bytecode_cache() -> FileSystemBytecodeCache | None:
    """Compiled templates, kept as Python keeps modules: compiling them takes longer than the whole page."""
    folder = _TEMPLATES / "__pycache__"
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    may_write = os.access(folder, os.W_OK) and not sys.dont_write_bytecode
    return FileSystemBytecodeCache(str(folder)) if may_write else None


def _finalize(value: Any) -> Any:
    """Applied to every expression before it is escaped."""
    if value is None:
        return wording.UNKNOWN
    # Markup comes from macros and from the filters below, which have cleaned and escaped already.
    return wording.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _example(example: Example) -> Markup:
    """A failed request as it went over the wire, roughly: endpoint, headers, body."""
    headers = (f"{wording.clean(name)}: {wording.clean(value)}" for name, value in example.headers.items())
    body = wording.block(example.body or example.message)
    return escape("\n".join([wording.clean(example.endpoint), *headers, "", body]))


def _bar(level: LoadLevel, levels: Sequence[LoadLevel]) -> Markup:
    """The error rate of a level as a bar and its interval as a strip, to the scale of all levels."""
    rate = level.error_rate
    top = max((other.error_rate.high or other.error_rate.value or 0.0 for other in levels), default=0.0)
    if rate.value is None or not top:
        return Markup("")
    low, high = (rate.value if bound is None else bound for bound in (rate.low, rate.high))
    value, low, high = (min(100.0, 100 * figure / top) for figure in (rate.value, low, high))
    return Markup(
        '<span class="range"><i style="width:{}%"></i><u style="left:{}%;width:{}%"></u></span>'
    ).format(f"{value:.1f}", f"{low:.1f}", f"{max(0.0, high - low):.1f}")


def _images(verdict: Verdict, pictures: dict[str, bytes]) -> dict[str, _Image | None]:
    images: dict[str, _Image | None] = {}
    for name, caption in _CAPTIONS.items():
        png = pictures.get(name)
        if png is None:
            images[name] = None
            continue
        alt = server_words.alt(verdict) if name == "phases_by_load" else _alt(name, verdict)
        images[name] = embedded(png, alt, caption)
    return images


def embedded(png: bytes, alt: str, caption: str) -> _Image:
    """A picture that travels inside the page."""
    # A PNG's first chunk holds its size; knowing it keeps the page from jumping while it loads.
    width, height = struct.unpack(">II", png[16:24])
    return _Image(source=_data_uri(png), alt=alt, caption=caption, width=width, height=height)


def _data_uri(png: bytes) -> Markup:
    return Markup("data:image/png;base64," + base64.b64encode(png).decode("ascii"))


def _alt(name: str, verdict: Verdict) -> str:
    """What a picture shows, for those who do not see it: its finding, not its colours."""
    load, temporal = answers.why_lines(verdict)[:2]
    if name == "error_rate_by_load":
        axis = verdict.load_effect.axis
        levels = "; ".join(
            f"{answers.level_name(level, axis)}: {wording.percent(level.error_rate.value)}"
            for level in verdict.levels[:12]
        )
        return f"Error rate against load: {load.answer}. {levels}"
    if name == "error_rate_by_class":
        return "Error rate against load by class: " + "; ".join(
            f"{answers.status_name(row.name)} {answers.LOAD[row.load_effect]}" for row in verdict.class_rates
        )
    if name == "latency":
        p99 = wording.milliseconds(verdict.latency_ms.ok.p99)
        return f"Latency of successes over time, P99 of the run {p99}"
    if name == "latency_by_load":
        levels = "; ".join(
            f"{load}: {row.figures[2].value}"
            for _, _, rows in answers.latency_by_level(verdict)[:1]
            for load, row in rows
        )
        return f"Latency against load, P99 of successes. {levels}"
    if name == "errors_by_status":
        statuses = ", ".join(answers.status_name(status) for status in list(verdict.by_status)[:6])
        return f"Errors over time by status: {statuses or 'none'}"
    bursts, freezes = len(verdict.temporal.bursts), len(verdict.freezes)
    return f"Errors per time window, {temporal.answer}; bursts: {bursts}, freezes: {freezes}"
