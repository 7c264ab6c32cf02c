"""An investigation in words: against golden files (rewritten by UPDATE_GOLDEN=1), safe, and whole."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from analysis.investigation.report import Investigation
from analysis.render.investigation_html import investigation_html
from analysis.render.investigation_markdown import investigation_markdown
from analysis.render.investigation_picture import trials_picture
from analysis.render.investigation_terminal import print_investigation
from analysis.render.investigation_words import done
from analysis.render.investigation_write import write_investigation

from .investigations import KINDS, hostile
from .test_html import PNG, Page

GOLDEN = Path(__file__).parent / "golden" / "investigations"
PAGE = Path("reports/investigations/x/investigation.html")


def screen(report: Investigation, width: int = 80) -> str:
    console = Console(width=width, height=40, no_color=True)
    with console.capture() as capture:
        print_investigation(report, console, PAGE)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


def page(report: Investigation) -> Page:
    tried = trials_picture(done(report)) if done(report) else None
    return Page(investigation_html(report, tried, PNG))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_reads_as_agreed(name: str) -> None:
    report = KINDS[name]()
    shown = investigation_markdown(report, "run/analysis/error_rate_by_load.png")
    text, path = f"{screen(report)}\n=== investigation.md ===\n\n{shown}", GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text)
    assert text == path.read_text()
    assert report.conclusion == name or name in ("interrupted", "invalid")
    assert "None" not in text.replace("None of", "")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(KINDS)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", KINDS)
def test_the_answer_comes_first_and_nothing_is_wider_than_the_screen(name: str, width: int) -> None:
    report = KINDS[name]()
    lines = screen(report, width).split("\n")
    assert " ".join(lines[:3]).startswith(" ".join(report.sentence.split()[:4]))
    typed = ("loadverdict", "Report", "To settle")
    assert all(cell_len(line) <= width for line in lines if not any(word in line for word in typed))


@pytest.mark.parametrize("name", KINDS)
def test_every_page_is_well_formed_and_says_it_all(name: str) -> None:
    report = KINDS[name]()
    found = page(report)
    assert found.open == []
    text = " ".join(found.text.split())
    assert " ".join(report.sentence.split()) in text
    for advice in report.advice:
        assert all(line in text for line in (*advice.now, *advice.long_run, *advice.watch))
    for one in report.open:
        assert one.why in text


def test_hostile_texts_stay_text_everywhere() -> None:
    report = hostile()
    assert "script" not in page(report).tags()
    shown = investigation_markdown(report, None)
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown)
    assert "<script" not in rendered
    for text in (screen(report), shown):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_all_three_files_are_written_and_link_to_the_run(tmp_path: Path) -> None:
    report = KINDS["cause_found"]()
    picture = tmp_path / report.seen.folder / "analysis/error_rate_by_load.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(PNG)
    write_investigation(report, tmp_path)
    again = Investigation.model_validate_json((tmp_path / "investigation.json").read_text())
    assert again == report
    link = f"({report.seen.folder}/analysis/error_rate_by_load.png)"
    assert link in (tmp_path / "investigation.md").read_text()
    assert (tmp_path / "investigation.html").stat().st_size > 10_000


def test_an_experiment_that_cannot_clear_a_suspect_leaves_it_open() -> None:
    report = KINDS["ruled_out"]()
    assert {one.suspect for one in report.ruled_out} == {"lock", "pool"}
    assert [one.suspect for one in report.open] == ["code"]


@pytest.mark.parametrize("name", ["invalid", "interrupted"])
def test_what_is_not_whole_or_not_valid_says_so(name: str) -> None:
    report = KINDS[name]()
    assert (report.valid, report.complete) == (name != "invalid", name != "interrupted")
    assert report.conclusion == "cannot_tell"
