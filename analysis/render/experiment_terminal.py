"""An experiment on one screen: the answer first, then the figures of both states and the arms."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.experiment.report import Conclusion, ExperimentReport
from analysis.render import experiment_words as words
from analysis.render.columns_of_text import print_columns
from analysis.render.wording import clean

STYLE: dict[Conclusion, str] = {
    "supports": "bold green",
    "contradicts": "bold blue",
    "cannot_tell": "bold yellow",
}


def print_experiment(report: ExperimentReport, console: Console, page: Path) -> None:
    """Print the report.

    Args:
        report: what was found.
        console: where to.
        page: path of experiment.html, named at the end.
    """
    console.print(Text(clean(report.sentence, 600), style=STYLE[report.conclusion]))
    console.print(Text(clean(report.why, 600)))
    for doubt in words.doubts(report)[:3]:
        console.print(Text(f"doubt: {clean(doubt, 300)}", style="yellow"))
    console.print()
    rows = [words.EFFECT_HEADS, *words.effect_rows(report)]
    print_columns(console, [[clean(cell, 60) for cell in row] for row in rows])
    console.print()
    columns = (0, 1, 3, 5, 6, 7)
    arms = [words.ARM_HEADS, *words.arm_rows(report)]
    print_columns(console, [[row[column] for column in columns] for row in arms])
    console.print()
    if report.needed is not None and report.needed.command:
        console.print(Text.assemble(("To know: ", "bold"), clean(report.needed.command, 300)))
    console.print(Text(f"report: {page}", style="dim"))
