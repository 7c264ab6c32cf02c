"""Writes what a comparison found: comparison.json, comparison.md, comparison.html."""

from __future__ import annotations

from pathlib import Path

from analysis.comparison.report import Comparison
from analysis.render.comparison_markdown import comparison_markdown
from recording.folder import make_folder, write_text


def write_comparison(report: Comparison, folder: Path) -> None:
    """Write all three; the figures come first, a picture that fails must not cost them."""
    make_folder(folder)
    write_text(folder / "comparison.json", report.to_json())
    write_text(folder / "comparison.md", comparison_markdown(report))
    # Not at the top: matplotlib takes a while to load, and usage errors need none.
    from analysis.render.comparison_html import comparison_html
    from analysis.render.comparison_picture import changes_picture

    write_text(folder / "comparison.html", comparison_html(report, changes_picture(report)))
