"""F10: a line to the target that is slow, unsteady, narrow, or loses connections.

The line notes what it did to each request; the record has to tell the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recording.reader import read_run
from tests.commands.conftest import ROOT, wait_for
from tests.faults.harness import LOAD, Bench, Ledger, audit, measured, verdict_of

SERVER_MS = 30.0
SHARES = (10, 50, 90)
"""Percentiles that are held against those of the line."""

NEAR_MS = 15.0
OUTCOME_OF = {"reset": "reset", "close": "closed_early"}


@dataclass
class Line:
    """A line of tests/slow_line.py between load generator and server."""

    notes: Path

    def exchanges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each request with an answer: milliseconds that the line added, and from end to end of it."""
        rows = [words[1:] for words in self._words() if words[0] == "exchange"]
        injected_ms, taken_ms = np.array(rows, np.float64).T
        return injected_ms, taken_ms

    def dropped(self) -> Counter[str]:
        """Connections that the line ended, by the way it did."""
        return Counter(how for kind, how, *_ in self._words() if kind == "dropped")

    def _words(self) -> Iterator[list[str]]:
        return (text.split() for text in self.notes.read_text().splitlines())


@contextmanager
def a_line(bench: Bench, ledger: Ledger, *trouble: str) -> Iterator[Line]:
    """Put a line in front of the server."""
    port_file, notes = bench.folder / "line-port", bench.folder / "line-notes"
    port = ledger.target.url.rsplit(":", 1)[1]
    command = [sys.executable, str(ROOT / "tests/slow_line.py"), str(port_file), port, *trouble]
    process = subprocess.Popen([*command, "--seed", "10", "--notes", str(notes)])
    try:
        wait_for(lambda: port_file.exists() and port_file.read_text())
        text = ledger.target.file.read_text()
        ledger.target.file.write_text(text.replace(port, port_file.read_text()))
        yield Line(notes)
    finally:
        process.kill()
        process.wait()


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
    audit(going)
    outcomes = Counter(read_run(going.folder.path).samples.outcome.to_list())
    answered = outcomes.pop("ok")
    dropped = line.dropped()
    measured(answered=answered, **dropped)
    assert set(dropped) == set(OUTCOME_OF)
    assert outcomes == {OUTCOME_OF[how]: count for how, count in dropped.items()}
    assert answered == len(line.exchanges()[0])
    assert verdict_of(going)["errors"] == dropped.total()
