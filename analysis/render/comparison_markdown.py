"""A comparison as Markdown (comparison.md), for pull requests and chat."""

from __future__ import annotations

from analysis.comparison.report import Comparison
from analysis.render import comparison_words as words
from analysis.render.markdown import plain, table


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
    parts += [f"## {title}\n\n{table(heads, rows, 160)}" for title, heads, rows in tables if rows]
    if report.levels_why:
        parts.append(f"By load nothing is compared: {plain(report.levels_why)}.")
    return "\n\n".join(parts) + "\n"
