"""F10: a line to the target that is slow, unsteady, narrow, or loses connections.

The line notes what it did to each request; the record has to tell the same.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from recording.reader import read_run
from tests.faults.harness import LOAD, Bench, audit, check_said, measured, verdict_of
from tests.faults.line import a_line

SERVER_MS = 30.0
SHARES = (10, 50, 90)
"""Percentiles that are held against those of the line."""

NEAR_MS = 15.0
OUTCOME_OF = {"reset": "reset", "close": "closed_early"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(("0.1",), id="slow"),
        pytest.param(("0", "--jitter", "0.2"), id="unsteady"),
        pytest.param(("0", "--bytes-per-s", "2000"), id="narrow"),
    ],
)
def test_what_a_line_adds_is_measured_as_it_is(bench: Bench, trouble: tuple[str, ...]) -> None:
    """Against what the line noted, percentile by percentile, and the median against what it was to add."""
    ledger = bench.serve("steady")
    with a_line(bench, ledger, *trouble) as line:
        going = bench.start(LOAD % 8, ledger=ledger)
        going.until_ended()
    assert going.process.returncode in (0, 4), going.output  # 4: the machine has too much to do
    check_said(going, going.process.returncode)
    started = audit(going).started
    injected_ms, taken_ms = line.exchanges()
    assert len(taken_ms) == started
    recorded_ms = read_run(going.folder.path).samples.duration_ms
    seen, noted = np.percentile(recorded_ms, SHARES), np.percentile(taken_ms, SHARES)
    measured(recorded_ms=seen.round(1), noted_ms=noted.round(1), added_ms=np.median(injected_ms).round(1))
    assert seen == pytest.approx(noted, abs=NEAR_MS)
    median_ms = verdict_of(going)["latency_ms"]["ok"]["p50"]
    assert median_ms == pytest.approx(SERVER_MS + np.median(injected_ms), abs=NEAR_MS)


@pytest.mark.slow
def test_every_connection_that_a_line_drops_is_one_failure_of_its_kind(bench: Bench) -> None:
    """One connection in twenty, a connection per request."""
    ledger = bench.serve("steady")
    with a_line(bench, ledger, "0.005", "--drop", "0.05") as line:
        going = bench.start(LOAD % 10 + "connections: fresh\n", ledger=ledger)
        going.until_ended()
    assert going.process.returncode in (1, 4), going.output
    check_said(going, going.process.returncode)
    audit(going)
    outcomes = Counter(read_run(going.folder.path).samples.outcome.to_list())
    answered = outcomes.pop("ok")
    dropped = line.dropped()
    measured(answered=answered, **dropped)
    assert set(dropped) == set(OUTCOME_OF)
    assert outcomes == {OUTCOME_OF[how]: count for how, count in dropped.items()}
    assert answered == len(line.exchanges()[0])
    assert verdict_of(going)["errors"] == dropped.total()
