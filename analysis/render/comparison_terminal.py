"""A comparison on one screen: the answer first, then the figures of both sides."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.comparison.report import Comparison, Overall
from analysis.render import comparison_words as words
from analysis.render.columns_of_text import print_columns
from analysis.render.wording import clean

STYLE: dict[Overall, str] = {
    "better": "bold green",
    "worse": "bold red",
    "mixed": "bold red",
    "same": "bold",
    "cannot_tell": "bold yellow",
}


def print_comparison(report: Comparison, console: Console, page: Path) -> None:
    """Print the report.

    Args:
        report: what was found.
        console: where to.
        page: path of comparison.html, named at the end.
    """
    console.print(Text(clean(report.sentence, 600), style=STYLE[report.answer]))
    for doubt in words.doubts(report)[:5]:
        console.print(Text(f"doubt: {clean(doubt, 300)}", style="yellow"))
    console.print()
    _table(console, words.HEADS, words.rows(report.lines))
    if report.kinds:
        console.print()
        _table(console, words.KIND_HEADS, words.rows(report.kinds))
    if report.levels:
        console.print()
        _table(console, words.LEVEL_HEADS, words.level_rows(report))
    console.print()
    console.print(Text(f"report: {page}", style="dim"))


def _table(console: Console, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Without the last column, which says what the change shows already."""
    print_columns(console, [[clean(cell, 60) for cell in row[:-1]] for row in (heads, *rows)])
