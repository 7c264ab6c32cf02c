"""What the target told about itself stands in every report, and its words are as hostile as any other's."""

from __future__ import annotations

import io
import re

from rich.console import Console

from analysis.render.html import html
from analysis.render.markdown import markdown
from analysis.render.pictures import names, pictures
from analysis.render.terminal import print_verdict
from analysis.verdict import (
    Interval,
    Phase,
    PhaseLevel,
    ResourceLimit,
    Server,
    ServerFigure,
    ServerLevel,
    Verdict,
)
from analysis.windows import windows

from .builders import make_verdict
from .samples import make_samples

LEVELS = ((4.0, 20.0), (20.0, 30.0), (52.0, 300.0))


def phase(name: str, grows: bool, factor: float = 1.0) -> Phase:
    levels = [
        PhaseLevel(
            users_low=users,
            users_high=users,
            own_ms=Interval(value=ms * factor, low=ms * factor * 0.9, high=ms * factor * 1.1, n=100),
            whole_ms=ms * factor,
            share=0.5,
        )
        for users, ms in LEVELS
    ]
    return Phase(
        name=name,
        with_load="grows" if grows else "constant",
        why="20 ms at 4 users, 300 ms at 52 users (95 %: +250 to +310 ms)",
        change_ms=280.0,
        low=250.0,
        high=310.0,
        share=0.5,
        lines=300,
        levels=levels,
    )


def told(name: str = "lock") -> Verdict:
    figure = ServerFigure(
        signal="pool_active",
        probe="metrics",
        readings=60,
        levels=[ServerLevel(users_low=u, users_high=u, mean=u / 6, max=10.0, readings=20) for u, _ in LEVELS],
    )
    region = ServerFigure(signal="region", probe="<script>alert(1)</script>|`x`", readings=3)
    limit = ResourceLimit(
        resource="pool",
        probe="metrics",
        most=10.0,
        limit=10.0,
        at_limit=20,
        readings=60,
        first_s=31.0,
        at_limit_s=20.0,
        leads=True,
        text="the database pool was used up (10 of 10 connections) in 33 % of 60 readings",
    )
    server = Server(
        phases=[phase(name, True), phase("bcrypt", False, 0.3), phase("total", True, 2.0)],
        phases_text=f"{name} grows with load: 20 ms at 4 users, 300 ms at 52 users",
        limits=[limit],
        figures=[figure, region],
    )
    return make_verdict(server=server)


def screen(verdict: Verdict) -> str:
    console = Console(width=120, height=45, file=io.StringIO(), no_color=True)
    print_verdict(verdict, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_names_the_phase_that_grows_and_what_was_used_up() -> None:
    text = screen(told())
    assert re.search(r"^Phases +lock grows with load: 20 ms at 4 users", text, re.MULTILINE)
    assert re.search(r"^Server +the database pool was used up", text, re.MULTILINE)


def test_markdown_has_phases_figures_and_limits_with_intervals() -> None:
    text = markdown(told())
    assert "## Where the time goes\n\nLock grows with load" in text
    assert re.search(r"\| lock \| grows with load \| 50 % \| \+280 ms \(\+250 to \+310\) \|", text)
    assert "- The database pool was used up (10 of 10 connections)" in text
    assert "| pool\\_active | metrics |" in text
    assert "<script>" not in text


def test_the_page_has_them_too_with_the_picture_and_without_foreign_markup() -> None:
    verdict = told("<b>lock</b>")
    drawn = pictures(verdict, windows(make_samples(50, 10.0)))
    assert "phases_by_load" in drawn
    assert len(drawn["phases_by_load"]) < 150_000
    page = html(verdict, drawn)
    assert "Inside the target" in page
    assert "<script>" not in page
    assert "<b>lock</b>" not in page
    assert 'alt="Time of each phase against load: ' in page


def test_a_run_without_probes_shows_nothing_of_it() -> None:
    verdict = make_verdict()
    assert "Inside the target" not in html(verdict, {})
    assert "Where the time goes" not in markdown(verdict)
    assert "phases_by_load" not in names(verdict)
