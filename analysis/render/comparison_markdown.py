"""A comparison as Markdown (comparison.md), for pull requests and chat."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.comparison.report import Comparison
from analysis.render import comparison_words as words
from analysis.render.markdown import plain, row_of


def comparison_markdown(report: Comparison) -> str:
    """The whole report; ends with a line break."""
    parts = [f"# {plain(report.sentence)}"]
    parts += [f"> **Doubt:** {plain(doubt)}" for doubt in words.doubts(report)]
    parts.append(plain(" · ".join(words.context(report))))
    tables = (
        ("Before and after", words.HEADS, words.rows(report.lines)),
        ("Kinds of failure", words.KIND_HEADS, words.rows(report.kinds)),
        ("By load", words.LEVEL_HEADS, words.level_rows(report)),
    )
    parts += [f"## {title}\n\n{_table(heads, rows)}" for title, heads, rows in tables if rows]
    if report.levels_why:
        parts.append(f"By load nothing is compared: {plain(report.levels_why)}.")
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([plain(cell, 160) for cell in row] for row in rows)]
    return "\n".join(map(row_of, lines))
