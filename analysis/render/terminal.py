"""The verdict on one terminal screen: the answer first, then why, then what to do.

Every line carries a rank; where the screen is too short the least important lines go first, so that
the answer, the reasons and the targets are never scrolled away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from analysis.render import answers, server_words, suspect_words, wording
from analysis.render.wording import clean
from analysis.verdict import LoadLevel, Severity, Verdict

MIN_LINES, MAX_LINES = 23, 29
_LABEL = 10
_LEVELS = 6
_COLUMNS_FROM, _WIDE = 72, 98
_SLO_STYLE = {"missed": "bold red", "no_data": "yellow", "met": "green"}
"""The gravest outcome first."""
MOST_TARGETS = 6
"""Lines beside the latencies."""
# Rich knows when the output can take ASCII only; then our own signs are spelled out.
_ASCII = str.maketrans(
    {"–": "-", "−": "-", "…": "~", "✓": "+", "✗": "x", "█": "#", "×": "x", "→": ">", "±": "+-", "∞": "inf"}
)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the screen; `rank` 0 stays, the highest goes first. A path is not `cut`: it is copied."""

    text: Text
    rank: int = 0
    cut: bool = True


@dataclass(frozen=True, slots=True)
class _Screen:
    verdict: Verdict
    report_path: Path | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        budget = max(MIN_LINES, min(MAX_LINES, console.size.height - 1))
        for line in _fit(self._lines(console, width, budget), budget):
            text = line.text
            if options.ascii_only:
                text = Text(text.plain.translate(_ASCII), style=text.style)
            if line.cut:
                text.truncate(width, overflow="ellipsis")
            text.no_wrap, text.overflow = line.cut, "fold"
            yield text

    def _lines(self, console: Console, width: int, budget: int) -> list[_Line]:
        """With reasons written out over two lines where the screen has room, else on one."""
        lines: list[_Line] = []
        for most in (2, 1):
            lines = list(_compose(self.verdict, self.report_path, console, width, most))
            if len(lines) <= budget:
                break
        return lines


def terminal(verdict: Verdict, report_path: Path | None = None) -> RenderableType:
    """The verdict as something rich can print: at most 23 to 29 lines at 80 columns or more."""
    return _Screen(verdict, report_path)


def print_verdict(verdict: Verdict, console: Console, report_path: Path | None = None) -> None:
    """Print the verdict; markup and emoji codes in foreign texts stay what they are."""
    console.print(terminal(verdict, report_path), highlight=False, markup=False, emoji=False)


def _fit(lines: list[_Line], budget: int) -> list[_Line]:
    while len(lines) > budget and (worst := max(line.rank for line in lines)) > 0:
        last = max(index for index, line in enumerate(lines) if line.rank == worst)
        del lines[last]
    return lines


def _compose(
    verdict: Verdict, report: Path | None, console: Console, width: int, most: int
) -> Iterator[_Line]:
    yield from _wrapped(Text(clean(verdict.sentence), style="bold"), console, width, most=3)
    yield from _findings(verdict, ("invalid", "incomplete"), console, width)
    yield _Line(Text(" · ".join(answers.context(verdict)), style="dim"), 6)
    for text in _why(verdict):
        yield from _wrapped(text, console, width, most, indent=_LABEL)
    if verdict.attribution_text:
        text = _labelled("Classes", Text(clean(verdict.attribution_text, 400)))
        wrapped = _wrapped(text, console, width, max(2, most), indent=_LABEL)
        yield from (_Line(line.text, 1) for line in wrapped)
    yield from _change(verdict, console, width, most)
    yield _Line(Text(), 5)
    yield from _columns(verdict, width)
    yield _Line(Text(), 7)
    yield from _failures(verdict)
    for index, text in enumerate(_suspects(verdict)):
        wrapped = _wrapped(text, console, width, most if index == 0 else 1, indent=_LABEL + 2)
        yield from (_Line(line.text, (0, 3, 4)[index]) for line in wrapped)
    for suspect in suspect_words.ranked(verdict)[:1]:
        if suspect.experiment:
            text = Text(f"loadverdict experiment {clean(suspect.experiment, 60)}")
            yield _Line(_labelled("Test it", text), 2, cut=False)
    for index, text in enumerate(_server(verdict)):
        wrapped = _wrapped(text, console, width, most if index == 0 else 1, indent=_LABEL)
        yield from (_Line(line.text, 2 + index) for line in wrapped)
    yield from _findings(verdict, ("warning",), console, width)
    if verdict.next_run is not None and verdict.next_run.scenario not in verdict.what_would_change:
        run = verdict.next_run
        text = _labelled("Next run", Text(f"{clean(run.scenario, 80)}: {clean(run.why, 300)}"))
        yield from _wrapped(text, console, width, most, indent=_LABEL)
        if run.command:
            yield _Line(_labelled("", Text(clean(run.command, 300))), cut=False)
    if report is not None:
        yield _Line(_labelled("Report", Text(clean(_from_here(report)))), cut=False)


def _from_here(path: Path) -> str:
    """A path as short as it can be typed in this folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _labelled(label: str, text: Text, style: str = "bold") -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", style), text)


def _wrapped(text: Text, console: Console, width: int, most: int, indent: int = 0) -> Iterator[_Line]:
    """Over at most `most` lines, the later ones indented; what is left out shows as an ellipsis."""
    if most == 1:
        yield _Line(text)
        return
    first, *others = text.wrap(console, max(20, width))
    for line in others:
        line.rstrip()
    rest = list(Text(" ").join(others).wrap(console, max(20, width - indent))) if others else []
    for index, line in enumerate([first, *rest][:most]):
        line.rstrip()
        if index == most - 1 and len(rest) >= most:
            line.truncate(max(1, width - indent - 2))
            line.rstrip()
            line.append(" …")
        yield _Line(Text(" " * (indent if index else 0)) + line)


def _findings(
    verdict: Verdict, severities: tuple[Severity, ...], console: Console, width: int
) -> Iterator[_Line]:
    found = answers.findings(verdict, severities)
    grave = "invalid" in severities
    for index, finding in enumerate(found[: 3 if grave else 2]):
        more = f" (and {len(found) - 3} more)" if grave and index == 2 and len(found) > 3 else ""
        label = answers.SEVERITY[finding.severity]
        text = Text.assemble(
            (f"{label}: ", "bold red" if grave else "yellow"), clean(finding.text, 400), more
        )
        if grave:
            yield from _wrapped(text, console, width, most=2)
        else:
            yield _Line(text, 2 + index)


def _why(verdict: Verdict) -> Iterator[Text]:
    for line in answers.why_lines(verdict):
        body = Text(line.answer, style="" if line.decided else "yellow")
        if line.label == "Load" and verdict.knee is not None:
            knee = verdict.knee
            body.append(f" from about {wording.number(knee.users)} {clean(verdict.load_effect.axis, 20)}")
        detail = line.numbers if line.decided and line.numbers else clean(line.why, 300)
        body.append(f": {detail}")
        yield _labelled(line.label, body)


def _change(verdict: Verdict, console: Console, width: int, most: int) -> Iterator[_Line]:
    """What would change the answer: its first line goes only where doubts about the run fill the screen."""
    if verdict.what_would_change:
        text = Text.assemble(("What would change it: ", "bold"), clean(verdict.what_would_change))
        wrapped = _wrapped(text, console, width, most + 1, indent=_LABEL)
        yield from (_Line(line.text, min(index + 1, 2)) for index, line in enumerate(wrapped))


def _columns(verdict: Verdict, width: int) -> Iterator[_Line]:
    """Load levels on the left, latency and targets on the right; below each other on a narrow screen."""
    wide = width >= _WIDE
    left = _levels(verdict, bar_width=12 if wide else 8)
    latency, targets = _latency(verdict, wide), _targets(verdict, intervals=wide)
    if width < _COLUMNS_FROM:
        yield from (_Line(text, 2) for text in [*left, *latency])
        yield from (_Line(text, 1) for text in [Text(), *targets])
        return
    right = [*latency, Text(), *targets]
    left_width = 46 if wide else (width - 2) // 2
    for index in range(max(len(left), len(right))):
        row = left[index].copy() if index < len(left) else Text()
        row.truncate(left_width, overflow="ellipsis", pad=True)
        row.append("  ")
        row.append_text(right[index] if index < len(right) else Text())
        row.rstrip()
        yield _Line(row, 0 if index < 9 else 1)


def _levels(verdict: Verdict, bar_width: int) -> list[Text]:
    if not verdict.levels:
        return [Text("Error rate by load", style="bold"), Text("no data", style="yellow")]
    levels = _spread(verdict.levels)
    some = f" ({len(levels)} of {len(verdict.levels)} levels)" if len(levels) < len(verdict.levels) else ""
    axis = clean(verdict.load_effect.axis, 12)
    names = [wording.between(level.users_low, level.users_high) for level in levels]
    widest = max(len(axis), *map(len, names))
    top = max((level.error_rate.value or 0.0 for level in levels), default=0.0)
    rows = [Text.assemble((f"{axis:>{widest}}  error rate (95 %){some}", "bold"))]
    for name, level in zip(names, levels, strict=True):
        share = (level.error_rate.value or 0.0) / top if top else 0.0
        bar = "█" * (max(1, round(share * bar_width)) if share else 0)
        value = wording.interval(level.error_rate)
        rows.append(Text.assemble(f"{name:>{widest}}  ", (f"{bar:<{bar_width}}", "red"), f" {value}"))
    return rows


def _spread(levels: list[LoadLevel]) -> list[LoadLevel]:
    """At most a screenful of levels, lowest and highest among them, the others evenly picked."""
    if len(levels) <= _LEVELS:
        return levels
    return [levels[round(i * (len(levels) - 1) / (_LEVELS - 1))] for i in range(_LEVELS)]


def _latency(verdict: Verdict, wide: bool) -> list[Text]:
    """Three ways beside the successes; where the screen is wide errors alone and the interval of the P99."""
    rows = [Text(f"{'Latency':<13}{'P50':>8}{'P95':>8}{'P99':>8}", style="bold")]
    shown = {"Successes": "Successes", "All requests": "All requests"}
    if verdict.errors or not verdict.requests:
        shown |= {"Answered": "Answered", "Failures as infinite": "Failures = ∞"}
        shown |= {"Errors": "Errors"} if wide else {}
    shown |= {"From intended start": "From due time"}
    for row in answers.latency_rows(verdict.latency_ms):
        if row.name in shown:
            text = "".join(f"{figure.value:>8}" for figure in row.figures[:3])
            interval = f" {row.figures[2].interval}" if wide else ""
            rows.append(Text(f"{shown[row.name]:<13}{text}{interval}"))
    return rows


def _targets(verdict: Verdict, intervals: bool) -> list[Text]:
    rows = []
    shown = verdict.slo
    if len(shown) > MOST_TARGETS:
        # What closes the gate is not what is left out.
        order = list(_SLO_STYLE)
        shown = sorted(shown, key=lambda result: order.index(result.outcome))[: MOST_TARGETS - 1]
    for result in shown:
        sign, word = answers.SLO[result.outcome]
        value = f": {answers.slo_value(result, intervals)}" if result.outcome != "no_data" else ""
        rows.append(
            Text.assemble(
                (f"{sign} {word:<8}", _SLO_STYLE[result.outcome]), f"{clean(result.target, 40)}{value}"
            )
        )
    if len(shown) < len(verdict.slo):
        rows.append(Text(f"and {len(verdict.slo) - len(shown)} more", style="dim"))
    return rows or [Text("no targets set", style="yellow")]


def _failures(verdict: Verdict) -> Iterator[_Line]:
    for index, kind in enumerate(verdict.fingerprints[:3]):
        name = answers.failure_name(kind.status, kind.outcome)
        ways = f"{answers.LOAD[kind.load_effect]}, {answers.pattern(kind.temporal, verdict)}"
        # The ways come before the message: the message may be long, and is what gets cut.
        body = Text(f"{wording.count(kind.count)} × {name} ({ways}) {clean(kind.message, 200)}")
        yield _Line(_labelled("Failures" if index == 0 else "", body), index + 1)


def _server(verdict: Verdict) -> Iterator[Text]:
    """What the target told: which phase grows, and what was used up."""
    lines = (("Phases", server_words.phases_line(verdict)), ("Server", server_words.used_up(verdict)))
    yield from (_labelled(label, Text(line)) for label, line in lines if line)


def _suspects(verdict: Verdict) -> Iterator[Text]:
    for index, suspect in enumerate(suspect_words.ranked(verdict)[:3]):
        evidence = clean(next(iter(suspect.for_), "no evidence measured"), 200)
        part = suspect_words.part(verdict, suspect)
        fits = f" ({part})" if part else ""
        body = Text.assemble(f"{index + 1} ", (clean(suspect.title, 60), "bold"), f"{fits}: {evidence}")
        yield _labelled("Suspects" if index == 0 else "", body)
