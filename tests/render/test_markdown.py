"""The Markdown report, against a golden file (rewritten by UPDATE_GOLDEN=1) and hostile texts."""

from __future__ import annotations

import os
import re
from pathlib import Path

from markdown_it import MarkdownIt

from analysis.render.markdown import code, markdown, plain

from .builders import hostile_verdict, make_verdict, no_data_verdict

GOLDEN = Path(__file__).parent / "golden" / "report.md"


def test_the_report_reads_as_agreed() -> None:
    text = markdown(make_verdict())
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_without_data_it_says_so_and_nothing_more() -> None:
    text = markdown(no_data_verdict())
    assert text.startswith("# No data: the run holds no request.\n\n> **INVALID:** nothing was measured")
    assert "None" not in text
    assert "## Suspects" not in text


def test_hostile_texts_become_neither_html_nor_control_characters() -> None:
    text = markdown(hostile_verdict())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in rendered
    assert "&lt;script&gt;" in rendered


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    for verdict in (make_verdict(), hostile_verdict()):
        tables = re.findall(r"(?:^\|.*\|\n?)+", markdown(verdict), re.MULTILINE)
        assert tables
        for table in tables:
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1


def test_code_outlasts_backticks_and_plain_leaves_no_markup() -> None:
    assert code("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert code("x|y") == "`x\\|y`"
    assert plain("*a* [b](c) <d>") == "\\*a\\* \\[b\\](c) &lt;d&gt;"
