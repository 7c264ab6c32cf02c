"""Columns of text on a terminal: as wide as they need, and readable where the screen is narrower."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text


def print_columns(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need; where the screen is narrower, what a row is called has a line of its own.

    The first row are the heads.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    narrow = sum(widths) + 2 * len(widths) - 2 > console.width
    for number, row in enumerate(rows):
        style = "bold" if number == 0 else ""
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        if narrow and row[0]:
            _line(console, row[0], style)
        _line(console, "  ".join(["", *cells[1:]] if narrow else cells), style)


def _line(console: Console, line: str, style: str) -> None:
    text = Text(line.rstrip(), style=style)
    text.truncate(console.width, overflow="ellipsis")
    console.print(text)
