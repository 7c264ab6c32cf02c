"""A line between load generator and server that notes what passes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.commands.conftest import ROOT, wait_for
from tests.faults.harness import Bench, Ledger


@dataclass(frozen=True)
class Exchange:
    """A request on the line, in seconds of the monotonic clock; it ended with its answer, or as the client
    hung up."""

    asked_s: float
    ended_s: float
    is_answered: bool


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

    def exchanges_seen(self) -> list[Exchange]:
        """Every request that came in, the one that ended first before the others."""
        asked: dict[str, float] = {}
        seen = []
        for kind, number, *time_s in self._words():
            if kind == "asked":
                asked[number] = float(time_s[0])
            elif kind in ("answered", "left") and number in asked:
                seen.append(Exchange(asked.pop(number), float(time_s[0]), kind == "answered"))
        return sorted(seen, key=lambda exchange: exchange.ended_s)

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
