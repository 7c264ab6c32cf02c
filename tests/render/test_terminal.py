"""The terminal screen: short, answer first, and safe to print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from analysis.render.terminal import print_verdict
from analysis.verdict import Finding, Quality, Verdict

from .builders import hostile_verdict, level, make_verdict, no_data_verdict

REPORT = Path("reports/runs/x/analysis/report.html")


def screen(verdict: Verdict, width: int = 80, height: int = 24, color: bool = False) -> list[str]:
    console = Console(width=width, height=height, force_terminal=color, no_color=not color)
    with console.capture() as capture:
        print_verdict(verdict, console, REPORT)
    return capture.get().rstrip("\n").split("\n")


def crowded() -> Verdict:
    findings = [
        Finding(code=f"c{i}", severity=severity, text=f"finding {i} " + "with a long text " * 12)
        for i in range(5)
        for severity in ("invalid", "incomplete", "warning", "note")
    ]
    return make_verdict(
        sentence="A very long sentence. " * 40,
        levels=[level(i, i + 1, 1000, 10 * i) for i in range(1, 20)],
        fingerprints=make_verdict().fingerprints * 8,
        slo=make_verdict().slo * 4,
        quality=Quality(valid=False, complete=False, findings=findings),
    )


@pytest.mark.parametrize("verdict", [make_verdict(), no_data_verdict(), hostile_verdict(), crowded()])
@pytest.mark.parametrize(
    ("width", "height", "most"), [(80, 24, 24), (100, 30, 30), (100, 60, 30), (200, 24, 24)]
)
def test_it_fits_one_screen(verdict: Verdict, width: int, height: int, most: int) -> None:
    lines = screen(verdict, width, height)
    assert len(lines) <= most
    assert max(cell_len(line) for line in lines) <= width


def test_what_closes_the_gate_is_shown_however_many_targets_there_are() -> None:
    met, missed, no_data = (
        next(one for one in make_verdict().slo if one.outcome == outcome)
        for outcome in ("met", "missed", "no_data")
    )
    lines = "\n".join(screen(make_verdict(slo=[met] * 7 + [no_data, missed]), 120, 30))
    assert lines.count("✗ missed") == lines.count("? no data") == 1
    assert lines.count("✓ met") == 3
    assert "and 4 more" in lines
    few = "\n".join(screen(make_verdict(slo=[met] * 5 + [missed]), 120, 30))
    assert few.count("✓ met") == 5
    assert "more" not in few.split("Latency")[1].split("Failures")[0]


def test_it_begins_with_the_sentence() -> None:
    assert " ".join(screen(make_verdict())[:3]).startswith(make_verdict().sentence)
    assert screen(no_data_verdict())[0] == no_data_verdict().sentence


def test_doubts_about_the_measurement_come_right_after_the_sentence() -> None:
    assert screen(no_data_verdict())[1] == "INVALID: nothing was measured"


def test_it_answers_every_question() -> None:
    text = "\n".join(screen(make_verdict(), 100, 40))
    for expected in (
        "rises with load from about 33 users: +34 points from 4 to 52 users (95 %: +31 to +37)",
        "evenly spread",
        "What would change it: Errors that stay when the load goes back below 28 users.",
        "steady over time",
        "41.4 % (39.9–43.0 %)",
        "2,310 × 503",
        "Errors          52 ms",
        "✗ missed  error_rate < 5 %: 16.6 % (15.9–17.3 %)",
        "? no data unclear_errors < 1 %",
        "1 Storage lock timeout: 2,310 of 2,540 errors",
        "generator CPU reached 84 %",
        "Test it   loadverdict experiment lock_timeout_100ms",
        str(REPORT),
    ):
        assert expected in text


def test_what_the_error_rate_is_made_of_is_told() -> None:
    for width, height in ((80, 24), (100, 40)):
        lines = screen(make_verdict(), width, height)
        assert any(line.startswith("Classes   Of 16.6 %: 15.1 % is 503 and rises") for line in lines)
    assert not any("Classes" in line for line in screen(make_verdict(attribution_text="")))


def test_latency_is_told_three_ways_beside_the_successes() -> None:
    text = "\n".join(screen(make_verdict(), 110, 40))
    for expected in (
        "Successes      212 ms  610 ms  871 ms (827–915 ms)",
        "Answered       201 ms  610 ms  871 ms",
        "All requests   197 ms  598 ms  897 ms",
        "Failures = ∞   233 ms       ∞       ∞",
    ):
        assert expected in text


def test_colour_is_never_the_only_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = screen(make_verdict(), color=True)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured]
    assert coloured != bare
    assert bare == screen(make_verdict())


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(width=80, force_terminal=True)
    with console.capture() as capture:
        print_verdict(make_verdict(), console)
    assert not re.search(r"\x1b\[[0-9;]*3\dm", capture.get())


def test_hostile_texts_print_no_control_character() -> None:
    text = "".join(screen(hostile_verdict(), 100, 40))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", text)


def test_brackets_in_foreign_texts_are_no_markup() -> None:
    verdict = make_verdict(sentence="failed: [bold]x[/bold] [/] :warning:")
    assert screen(verdict)[0] == "failed: [bold]x[/bold] [/] :warning:"


def test_a_narrow_terminal_still_gets_everything_within_its_width() -> None:
    lines = screen(make_verdict(), 40, 24)
    assert max(map(cell_len, lines)) <= 40
    assert any("error_rate" in line for line in lines)
