"""A history, and a regression run, on one screen."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from analysis.render import trend_words as words
from analysis.render.columns_of_text import print_columns
from analysis.render.wording import clean
from analysis.trend.report import Answer, Regression, Series, Trend

STYLE: dict[Answer, str] = {
    "worse": "bold red",
    "better": "bold green",
    "same": "bold green",
    "first": "bold",
    "not_judged": "bold yellow",
}
MOST_RUNS = 12


def print_trend(found: Trend, console: Console) -> None:
    """Every scenario: its changes, and its newest runs."""
    for series in found.series:
        _print_series(series, console)


def _print_series(series: Series, console: Console) -> None:
    console.print(Text(clean(series.sentence, 400), style="bold"))
    for text in series.apart:
        console.print(Text(clean(text, 300), style="dim"))
    for change in reversed(series.changes[-8:]):
        style = "red" if change.worse else "green"
        console.print(
            Text(f"  {change.begins_utc[:10]}  {clean(f'{change.title} {change.text}', 300)}", style)
        )
    rows = words.rows(series, MOST_RUNS)
    print_columns(console, [[clean(cell, 60) for cell in row] for row in (words.HEADS, *rows)])
    console.print()


def print_regression(report: Regression, console: Console) -> None:
    """The newest run against those before it."""
    console.print(Text(clean(report.sentence, 800), style=STYLE[report.answer]))
    for note in words.notes(report):
        console.print(Text(f"  {clean(note, 300)}", style="dim"))
