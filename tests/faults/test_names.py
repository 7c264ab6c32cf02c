"""F15: requests with another name each time, and with another text each time that they fail."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from recording.folder import RunFolder
from recording.names import MOST_ENDPOINTS, MOST_FAILURES, OTHER
from recording.reader import read_run
from tests.commands.conftest import ROOT, Cli
from tests.faults.harness import LOAD, Bench, audit, check_said, findings_of, measured

TEXTS = 200_000
"""Of failures, in process; every second request fails."""
SENT = 100_000
"""Requests of a run, each with a name and a text of its own."""
GROWN_BYTES, PAGE_BYTES = 50_000_000, 5_000_000
LATE_MS = 250.0
"""50 ms are promised, and told by `measured`; here generous, as others may have the processor."""

BEHAVIOUR = """
from itertools import count

NUMBERS = count()

class Ids:
    def turn(self, user):
        user.send(f"item {next(NUMBERS)}", user.requests["login"])
"""


@pytest.mark.slow
def test_names_without_end_are_folded_and_no_request_is_lost(bench: Bench) -> None:
    (bench.folder / "ids.py").write_text(BEHAVIOUR)
    load = "behaviour: ids:Ids\n" + (LOAD % 6).replace("think_time_s: 0.1", "think_time_s: 0")
    going = bench.start(load, ledger=bench.serve("steady"))
    going.until_ended()
    started = audit(going).started
    names = Counter(read_run(going.folder.path).samples.endpoint.to_list())
    measured(names=len(names), folded=names[OTHER])
    assert len(names) == MOST_ENDPOINTS + 1
    assert names[OTHER] == started - MOST_ENDPOINTS > 0
    assert findings_of(going)["names_folded"].startswith(f"{names[OTHER]} requests")
    locust = (going.folder.path / "locust.log").read_text()
    assert re.search(rf"POST +{OTHER} +{names[OTHER]} ", locust), locust[-1000:]
    check_said(going, 0)


@pytest.mark.slow
def test_names_and_texts_without_end_take_little_room_and_every_sum_is_exact(cli: Cli) -> None:
    requests = 2 * TEXTS
    folder = RunFolder.create(cli.runs, "names")
    command = [sys.executable, str(ROOT / "tests/faults/many_names.py"), str(folder.path), str(requests)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    locust = json.loads(done.stdout)
    assert (locust["requests"], locust["failures"]) == (requests, TEXTS)
    assert (locust["entries"], locust["errors"]) == (MOST_ENDPOINTS + 1, MOST_FAILURES + 1)
    assert locust["grown_bytes"] < GROWN_BYTES
    diagnosed = cli("diagnose", str(folder.path), "--run-dir", str(cli.runs))
    # 4: it does nothing but this, with all of its core.
    assert diagnosed.returncode in (0, 4), diagnosed.stdout + diagnosed.stderr
    verdict = json.loads((folder.analysis_dir / "verdict.json").read_text())
    page_bytes = (folder.analysis_dir / "report.html").stat().st_size
    measured(grown_bytes=locust["grown_bytes"], page_bytes=page_bytes)
    assert (verdict["requests"], verdict["errors"]) == (requests, TEXTS)
    assert page_bytes < PAGE_BYTES
    samples = read_run(folder.path).samples
    assert samples.weight[samples.endpoint.equals(OTHER)].sum() == requests - MOST_ENDPOINTS
    assert loop_lag_p99_ms(folder) < LATE_MS


@pytest.mark.slow
def test_the_loop_is_not_late_for_names_and_texts_without_end(bench: Bench) -> None:
    """Each request has a name of its own, each of them fails with a text of its own, as fast as they come."""
    (bench.folder / "ids.py").write_text(BEHAVIOUR)
    load = "behaviour: ids:Ids\n" + (LOAD % 300).replace("think_time_s: 0.1", "think_time_s: 0")
    going = bench.start(load, ledger=bench.serve("unique at once"))
    going.until_finished(SENT, limit_s=240)
    going.process.send_signal(signal.SIGINT)
    going.until_ended()
    started = audit(going).started
    assert going.process.returncode in (3, 4), going.output
    check_said(going, going.process.returncode)
    assert started >= SENT
    assert findings_of(going)["names_folded"].startswith(f"{started - MOST_ENDPOINTS:,} requests")
    assert loop_lag_p99_ms(going.folder) < LATE_MS


def loop_lag_p99_ms(folder: RunFolder) -> float:
    """By how much the load generator's loop was late, by its heartbeats."""
    readings = read_run(folder.path).readings
    lags_ms = readings.value[readings.name == "loop_lag_ms"]
    assert len(lags_ms) > 2, lags_ms  # else nobody has looked
    p99_ms = float(np.percentile(lags_ms, 99))
    measured(heartbeats=len(lags_ms), loop_lag_p99_ms=round(p99_ms, 1), longest_ms=round(lags_ms.max(), 1))
    return p99_ms
