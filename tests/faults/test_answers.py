"""F8, F15: answers that are none, answers without measure."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress

import psutil
import pytest

from recording.reader import read_run
from scenarios.lean.message import MAX_BODY_BYTES
from tests.faults.harness import LOAD, USERS, Bench, Going, audit, check_said, measured, verdict_of
from tests.server import UNRULY

TOTAL_S = 2.0
HASTY = LOAD.replace("read_s: 2", "read_s: 1")
OUTCOMES = {
    "ok": "ok",
    "reset": "reset",
    "close": "closed_early",
    "cut": "closed_early",
    "garbage": "bad_response",
    "bad chunk": "bad_response",
    "drip": "total_timeout",
    "silence": "first_byte_timeout",
    "half-close": "closed_early",
    "head": "body_timeout",
    "half a head": "body_timeout",
}
GROWTH_BYTES = 50_000_000
HELD_BYTES = 2 * MAX_BODY_BYTES
"""In mode `bomb` a user may hold a body of the most that is taken, packed and unpacked."""


@pytest.mark.slow
def test_every_wrong_answer_is_one_record_of_its_kind(bench: Bench) -> None:
    going = bench.start(HASTY % 8, ledger=bench.serve("unruly"))
    going.until_ended()
    started = audit(going).started
    samples = read_run(going.folder.path).samples
    expected = Counter(OUTCOMES[UNRULY[number % len(UNRULY)]] for number in range(1, started + 1))
    assert Counter(samples.outcome.to_list()) == expected
    assert samples.duration_ms.max() <= 1000 * TOTAL_S + 200
    measured(**expected, longest_ms=samples.duration_ms.max())
    verdict = verdict_of(going)
    check_said(going, 1 if verdict["quality"]["valid"] else 4)


def grown_bytes(going: Going) -> list[int]:
    """By how many bytes each process grows at most, from now to the end of the load: those that make it last.

    The command's own process is the first; what it loads for the verdict, after the load, is left out.
    """
    processes = [psutil.Process(going.process.pid), *going.locusts()]
    before = [process.memory_info().rss for process in processes]
    most = list(before)
    with suppress(psutil.NoSuchProcess):
        while processes[-1].is_running():
            most = [max(was, one.memory_info().rss) for was, one in zip(most, processes, strict=True)]
            time.sleep(0.02)
    return [now - was for now, was in zip(most, before, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "processes"), [("bomb", 1), ("unique", 1), ("huge", 1), ("huge", 2)])
def test_answers_without_measure_do_not_fill_the_memory(bench: Bench, mode: str, processes: int) -> None:
    going = bench.start(LOAD % 10, "--processes", str(processes), ledger=bench.serve(mode))
    going.until_finished(12)
    grown = grown_bytes(going)
    measured(grown_bytes=grown)
    going.until_ended()
    held_bytes = HELD_BYTES * USERS if mode == "bomb" else 0
    assert max(grown[:-processes]) < GROWTH_BYTES  # the command, and Locust's master
    assert max(grown[-processes:]) < GROWTH_BYTES + held_bytes
    audit(going)
    verdict = verdict_of(going)
    page_bytes = (going.folder.analysis_dir / "report.html").stat().st_size
    measured(page_bytes=page_bytes, fingerprints=len(verdict["fingerprints"]))
    assert page_bytes < 5_000_000
    check_said(going, going.process.returncode)
    assert going.process.returncode in (1, 4)
