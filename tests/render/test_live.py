"""What the live page is given: plain values, bounded, clean, and the same answers as the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.diagnose import judged
from analysis.looks import Looks
from analysis.render.live import live
from analysis.windows import windows
from tests.analysis.run_builder import by_load, make_run
from tests.commands.conftest import ROOT
from tests.render.builders import hostile_verdict, make_verdict, no_data_verdict
from tests.render.samples import make_samples

LARGEST_BYTES = 120_000


def texts(value: Any) -> list[str]:
    """Every text in a tree of plain values."""
    if isinstance(value, dict):
        return [text for entry in value.values() for text in texts(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in texts(entry)]
    return [value] if isinstance(value, str) else []


def test_it_says_what_the_verdict_says() -> None:
    run = make_run(errors=by_load(lambda users: np.clip((users - 8) * 0.05, 0, 1)))
    found = judged(run)
    shown = live(found.verdict, found.windows)
    assert shown["sentence"] == found.verdict.sentence
    assert shown["answers"][0]["answer"] == "rises with load"
    assert [level["load"] for level in shown["levels"]] == [2, 6, 11, 16, 20]
    assert all(level["low"] <= level["rate"] <= level["high"] for level in shown["levels"])
    assert sum(level["errors"] for level in shown["levels"]) == shown["errors"] == found.verdict.errors
    (status,) = shown["time"]["statuses"]
    assert (status["name"], sum(status["counts"])) == ("503 Service Unavailable", shown["errors"])
    assert shown["sure"].startswith("Clear so far: of made-up runs as clear as this one and judged once, ")
    assert shown["sure"].endswith("errs more often; the end has the last word.")
    final = live(found.verdict, found.windows, final=True)["sure"]
    assert final.startswith("Decided: of made-up runs as clear as this one, ")
    assert "last word" not in final


def test_no_request_yet_is_a_fault_only_of_a_run_that_is_over() -> None:
    verdict, cut = no_data_verdict(), windows(make_samples(0, 60))
    shown = live(verdict, cut)
    assert (shown["valid"], shown["sure"]) == (None, "Not decided yet.")
    assert not any(finding["severity"] == "invalid" for finding in shown["findings"])
    over = live(verdict, cut, final=True)
    assert (over["valid"], over["sentence"]) == (False, verdict.sentence)
    assert over["sure"].startswith("Nothing is sure")


def test_page_and_report_have_the_same_colours() -> None:
    sheets = ("scenarios/live/page/page.css", "analysis/render/templates/report.css")
    page, report = (
        re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", (ROOT / sheet).read_text()) for sheet in sheets
    )
    shared = {name for name, _ in page} & {name for name, _ in report}
    assert {"--page", "--ink", "--bad", "--good", "--warn", "--accent"} <= shared
    assert {pair for pair in page if pair[0] in shared} <= set(report)


def test_a_glance_early_in_the_plan_must_be_clearer_than_a_look_at_its_end() -> None:
    """The same rows, once as a tenth of the run and once as all of it."""
    run = make_run(errors=by_load(lambda users: 0.1 + users * 0.01), step_s=5)
    early, late = (judged(run, looks=Looks((share,))).verdict.load_effect for share in (0.05, 1.0))
    assert (early.answer, late.answer) == ("inconclusive", "rises")
    assert early.requests == late.requests


def test_an_invalid_measurement_is_sure_of_nothing() -> None:
    verdict = make_verdict()
    bad = verdict.quality.model_copy(update={"valid": False})
    shown = live(verdict.model_copy(update={"quality": bad}), windows(make_samples(1000, 60)))
    assert shown["sure"].startswith("Nothing is sure")
    assert shown["valid"] is False


@pytest.mark.parametrize("make", [make_verdict, no_data_verdict, hostile_verdict])
def test_it_is_bounded_clean_and_plain(make: Any) -> None:
    samples = make_samples(40_000, 7200)
    status = samples.status.copy()
    failing = np.flatnonzero(samples.is_error)
    status[failing] = 400 + np.arange(len(failing)) % 150
    shown = live(make(), windows(replace(samples, status=status)))
    told = json.dumps(shown)
    assert len(told) < LARGEST_BYTES
    assert json.loads(told) == shown
    for text in texts(shown):
        assert text.isprintable(), text
        assert len(text) <= 700
    assert len(shown["time"]["statuses"]) <= 6
    assert len(shown["time"]["load"]) <= 120
