"""Writes trend.json and trend.html of a history; regression.json, .md and JUnit of a run."""

from __future__ import annotations

from pathlib import Path

from analysis.render.junit import junit
from analysis.render.regression_markdown import regression_markdown
from analysis.trend.report import Regression, Trend
from analysis.verdict import Verdict
from recording.folder import make_folder, write_text


def write_trend(found: Trend, folder: Path) -> Path:
    """Write both, the figures first; returns the page's path."""
    make_folder(folder)
    write_text(folder / "trend.json", found.to_json())
    # Not at the top: matplotlib takes a while to load, and usage errors need none.
    from analysis.render.trend_html import trend_html
    from analysis.render.trend_picture import trend_picture

    pictures = {
        (series.name, line.name): png
        for series in found.series
        for line in series.lines
        if (png := trend_picture(series, line)) is not None
    }
    write_text(folder / "trend.html", trend_html(found, pictures))
    return folder / "trend.html"


def write_regression(report: Regression, verdict: Verdict, folder: Path) -> str:
    """Write all three into the run's analysis/; returns the Markdown."""
    make_folder(folder)
    text = regression_markdown(report, verdict)
    write_text(folder / "regression.json", report.to_json())
    write_text(folder / "regression.md", text)
    write_text(folder / "junit.xml", junit(verdict, report))
    return text
