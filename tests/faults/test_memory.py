"""F16: the address space of a process is limited (`ulimit -v`)."""

from __future__ import annotations

from collections import Counter

import psutil
import pytest

from recording.reader import read_run
from tests.faults.harness import LOAD, NEVER_SENT, Bench, audit, check_said, measured

MORE_BYTES = 30_000_000
"""What the load generator may take beyond what it has: two of the bodies that it unpacks."""

TOO_LITTLE_BYTES = 150_000_000
"""Not even the libraries fit."""


@pytest.mark.slow
def test_without_memory_it_is_the_generators_fault(bench: Bench) -> None:
    """Bodies of 100 MB for six users, of which there is room for two."""
    going = bench.start(LOAD % 8, ledger=bench.serve("bomb"))
    going.until_finished(12)
    (worker,) = going.workers()
    limit_bytes = worker.memory_info().vms + MORE_BYTES
    worker.rlimit(psutil.RLIMIT_AS, (limit_bytes, limit_bytes))
    going.until_ended()
    samples = read_run(going.folder.path).samples
    measured(**Counter(samples.outcome.to_list()), codes=set(samples.code.to_list()))
    # All of them were sent: it is their answers for which there is no room.
    audit(going, never_sent=NEVER_SENT - {"generator"})
    check_said(going, 4, "INVALID", "MemoryError")


def test_too_little_memory_to_begin_is_one_sentence(bench: Bench) -> None:
    ledger = bench.serve()
    done = bench.refused(ledger, prefix=("prlimit", f"--as={TOO_LITTLE_BYTES}"))
    assert done.returncode == 3
    assert done.stderr.startswith("loadverdict: out of memory in ")
    assert done.stderr.count("\n") == 1
    assert ledger.target.served() == 0
