"""An investigation on the terminal: the answer, what was ruled out and how, what stays, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.investigation.report import Conclusion, Investigation
from analysis.render import investigation_words as words
from analysis.render import wording
from analysis.render.wording import clean

STYLE: dict[Conclusion, str] = {
    "cause_found": "bold green",
    "ruled_out": "bold blue",
    "cannot_tell": "bold yellow",
    "nothing_to_explain": "bold green",
}
LABEL = 11


def print_investigation(report: Investigation, console: Console, page: Path) -> None:
    """Print the report.

    Args:
        report: what was found.
        console: where to.
        page: path of investigation.html, named at the end.
    """
    console.print(Text(clean(report.sentence), style=STYLE[report.conclusion]))
    if report.why:
        console.print(Text(clean(report.why)))
    if report.cause and report.cause.left:
        console.print(Text(clean(report.cause.left), style="yellow"))
    for doubt in (doubt for doubt in report.seen.doubts[:3] if doubt != report.why):
        console.print(Text(f"doubt: {clean(doubt, 300)}", style="yellow"))
    console.print()
    for label, lines in _parts(report):
        _part(console, label, lines)
    commands = [one.command for one in report.open if one.command]
    for index, command in enumerate(commands[:4]):
        _line(console, "To settle" if index == 0 else "", clean(command, 300))
    _line(console, "Report", str(_from_here(page)))


def _line(console: Console, label: str, text: str) -> None:
    """What is copied from the screen: not broken over lines."""
    console.print(Text.assemble((f"{label:<{LABEL}}", "bold"), text), soft_wrap=True)


def _parts(report: Investigation) -> Iterator[tuple[str, Sequence[str]]]:
    yield "Seen", [report.seen.sentence]
    yield "Ruled out", [wording.stopped(f"{who}: {how}") for who, how in words.cleared(report)]
    yield "Tried", [wording.stopped(f"{t.suspect_title}: {t.moved or t.why}") for t in words.neither(report)]
    yield "Left out", [wording.stopped(f"{names}: {why}") for names, why in words.left_out(report)]
    yield "Open", [wording.stopped(f"{one.title}: {one.why}") for one in report.open[:6]]
    yield "Do now", words.advice_lines(report, "now")[:4]
    if report.cause:
        yield "Long run", words.advice_lines(report, "long_run")
        yield "Watch", words.advice_lines(report, "watch")


def _part(console: Console, label: str, lines: Sequence[str]) -> None:
    """A label, and one paragraph per line beside it."""
    if not lines:
        return
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=LABEL - 1)
    grid.add_column(width=max(20, min(console.width, 110) - LABEL))
    for index, line in enumerate(lines):
        text = f"- {clean(line)}" if len(lines) > 1 else clean(line)
        grid.add_row(Text(label if index == 0 else "", style="bold"), Text(text))
    console.print(grid)


def _from_here(path: Path) -> Path:
    """A path as short as it can be typed in this folder."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
