"""The text of every kind of verdict, against golden files (rewritten by UPDATE_GOLDEN=1)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from analysis.diagnose import diagnose
from analysis.render.markdown import markdown
from analysis.render.terminal import print_verdict
from analysis.verdict import Verdict
from recording.run import Run

from .kinds_of_verdict import KINDS

GOLDEN = Path(__file__).parent / "golden" / "verdicts"


def told(verdict: Verdict) -> str:
    """The terminal at 80 columns, and what stands above the tables in report.md."""
    console = Console(width=80, height=40, no_color=True)
    with console.capture() as capture:
        print_verdict(verdict, console)
    screen = "\n".join(line.rstrip() for line in capture.get().split("\n"))
    head = markdown(verdict).split("\n## Targets")[0]
    return f"{screen}\n=== report.md ===\n\n{head}".rstrip() + "\n"


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_verdict_reads_as_agreed(name: str) -> None:
    build: Callable[[], Run] = KINDS[name]
    verdict = diagnose(build())
    text, path = told(verdict), GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text)
    assert text == path.read_text()
    assert verdict.what_would_change
    for part in (verdict.sentence, verdict.what_would_change):
        assert " ".join(part.split()[:6]) in " ".join(text.split())


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(KINDS)
