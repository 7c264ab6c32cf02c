"""A service that freezes for 5 s, met by an open and by a closed load of the same rate.

    python benchmarks/open_and_closed.py

Makes the table of docs/load-models.md in two minutes. The service is tests/server.py, which answers in 30 ms
and stands still from its 2nd to its 7th second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from recording.manifest import PROJECT_ROOT
from recording.reader import read_run
from tests.commands.conftest import serving

LENGTH_S = 20
TIMEOUTS = "timeouts: {connect_s: 2, read_s: 12, total_s: 12}\naccounts: shared\n"
LOADS = {
    "open, 50/s even": "load: {shape: hold, arrivals: 50, spread: even, max_in_flight: 300, hold_s: %d}\n",
    "open, 50/s Poisson": "load: {shape: hold, arrivals: 50, max_in_flight: 300, hold_s: %d}\n",
    "open, 50/s even, at most 40 in flight": (
        "load: {shape: hold, arrivals: 50, spread: even, max_in_flight: 40, hold_s: %d}\n"
    ),
    "closed, 2 users": "load: {shape: hold, users: 2, hold_s: %d}\nthink_time_s: 0.01\n",
}
HEADER = (
    "| load | due | sent | skipped | waited over 1 s | P50 | P95 | P99 | P99 from intended start |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def row(name: str, text: str) -> str:
    """Run a load on a fresh server; one line of the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        scenario = folder / "freeze.yaml"
        scenario.write_text(text % LENGTH_S + TIMEOUTS)
        with serving(folder, "freeze") as target:
            command = [sys.executable, "-m", "commands.main", "run", str(scenario), "-t", str(target.file)]
            command += ["--run-dir", str(folder / "runs")]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=False, cwd=PROJECT_ROOT)
        (run,) = (folder / "runs").iterdir()
        verdict: dict[str, Any] = json.loads((run / "analysis/verdict.json").read_text())
        waited = int((read_run(run).samples.duration_ms > 1000).sum())
    counts = verdict["quality"]["arrivals"] or {"due": "–", "sent": verdict["requests"], "skipped": "–"}
    figures, intended = verdict["latency_ms"]["all"], verdict["latency_ms"]["from_intended"]
    cells = [name, counts["due"], counts["sent"], counts["skipped"], waited]
    cells += [f"{figures[key]:,.0f} ms" for key in ("p50", "p95", "p99")]
    cells += [f"{intended['p99']:,.0f} ms" if intended else "not known"]
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    print(HEADER)
    for load_name, load_text in LOADS.items():
        print(row(load_name, load_text), flush=True)
