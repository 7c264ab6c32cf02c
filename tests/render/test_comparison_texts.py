"""Comparisons and scheduled runs in words: against golden files (rewritten by UPDATE_GOLDEN=1), and safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from analysis.comparison.report import Comparison
from analysis.render.comparison_html import comparison_html
from analysis.render.comparison_markdown import comparison_markdown
from analysis.render.comparison_terminal import print_comparison
from analysis.render.regression_markdown import regression_markdown
from analysis.render.trend_html import trend_html
from analysis.render.trend_picture import trend_picture
from analysis.render.trend_terminal import print_regression, print_trend
from analysis.trend.judge import trend
from analysis.trend.report import Trend

from .comparisons import COMPARISONS, REGRESSIONS, comparison, entry, night
from .test_html import PNG, Page

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "<script>alert(1)</script>\x1b[31m|`"


def golden(folder: str, name: str, text: str) -> None:
    path = GOLDEN / folder / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def compared_on_screen(report: Comparison, width: int) -> str:
    console = Console(width=width, height=40, no_color=True)
    with console.capture() as capture:
        print_comparison(report, console, Path("reports/runs/x/analysis/comparison.html"))
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_reads_as_agreed(name: str) -> None:
    report = comparison(name)
    screen = compared_on_screen(report, 110)
    golden("comparisons", name, f"{screen}\n=== comparison.md ===\n\n{comparison_markdown(report)}")
    assert screen.startswith(" ".join(report.sentence.split()[:4]))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", COMPARISONS)
def test_no_comparison_is_wider_than_the_screen(name: str, width: int) -> None:
    lines = compared_on_screen(comparison(name), width).split("\n")
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_page_is_well_formed(name: str) -> None:
    report = comparison(name)
    page = Page(comparison_html(report, PNG))
    assert page.open == []
    assert " ".join(report.sentence.split()) in " ".join(page.text.split())


@pytest.mark.parametrize("name", REGRESSIONS)
def test_every_night_reads_as_agreed(name: str) -> None:
    report, verdict = night(name)
    console = Console(width=110, no_color=True)
    with console.capture() as capture:
        print_regression(report, console)
        print_trend(trend(REGRESSIONS[name]()), console)
    screen = "\n".join(line.rstrip() for line in capture.get().split("\n"))
    golden("nights", name, f"{screen}\n=== regression.md ===\n\n{regression_markdown(report, verdict)}")


def test_no_golden_file_is_left_over() -> None:
    for folder, names in (("comparisons", COMPARISONS), ("nights", REGRESSIONS)):
        assert {path.stem for path in (GOLDEN / folder).glob("*.txt")} == set(names)


def trend_page(found: Trend) -> Page:
    pictures = {
        (series.name, line.name): PNG
        for series in found.series
        for line in series.lines
        if trend_picture(series, line) is not None
    }
    return Page(trend_html(found, pictures))


@pytest.mark.parametrize("name", REGRESSIONS)
def test_every_trend_page_is_well_formed(name: str) -> None:
    assert trend_page(trend(REGRESSIONS[name]())).open == []


def test_hostile_names_stay_text() -> None:
    series = [entry(place, scenario=HOSTILE, target=HOSTILE, target_commit=HOSTILE) for place in range(9)]
    series.append(entry(9, 300, scenario=HOSTILE, target=HOSTILE, target_commit=f"{HOSTILE}2"))
    found = trend(series)
    page = trend_page(found)
    assert page.open == []
    assert "<script>" not in trend_html(found, {})
    console = Console(width=110, no_color=True)
    with console.capture() as capture:
        print_trend(found, console)
    assert "\x1b" not in capture.get()


def test_an_empty_history_has_a_page() -> None:
    assert "No run is in the history yet" in trend_page(Trend(series=[])).text
