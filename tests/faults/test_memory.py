"""F16: the address space of a process is limited (`ulimit -v`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import psutil
import pytest

from recording.reader import read_run
from tests.commands.conftest import Cli
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


FEW_MB = (200, 400, 700)
MANY_MB = range(100, 1300, 50)
ENOUGH_MB = 500
"""From here on there must be a verdict."""
LIMIT_S = 60
"""Generous: it takes one or two. What spins never ends."""


def check_any_limit(cli: Cli, limits_mb: Iterable[int]) -> None:
    """With each limit a verdict or one sentence, in time."""
    rows = [f"{n},{503 if n % 6 == 0 else 200},{20 + n % 7},{1_700_000_000 + n / 10}" for n in range(600)]
    (cli.folder / "plain.csv").write_text(
        "\n".join(["request_id,http_code,duration_ms,timestamp", *rows]) + "\n"
    )
    codes = {}
    for limit_mb in limits_mb:
        process = cli.start("diagnose", "plain.csv", prefix=("prlimit", f"--as={limit_mb * 1_000_000}"))
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
        codes[limit_mb] = process.returncode
        if process.returncode == 3:
            assert err.startswith("loadverdict: out of memory in ")
            assert err.count("\n") == 1
            assert limit_mb < ENOUGH_MB
        else:
            assert (process.returncode, err) == (0, ""), (limit_mb, out + err)
    measured(codes=codes)
    assert set(codes.values()) == {0, 3}


def test_with_few_addresses_there_is_a_verdict_or_one_sentence(cli: Cli) -> None:
    check_any_limit(cli, FEW_MB)


@pytest.mark.slow
def test_with_any_addresses_there_is_a_verdict_or_one_sentence(cli: Cli) -> None:
    check_any_limit(cli, MANY_MB)


@pytest.mark.slow
@pytest.mark.parametrize("limit_mb", [500, 600, 750, 1000])
def test_a_run_with_few_addresses_is_whole(bench: Bench, limit_mb: int) -> None:
    going = bench.start(LOAD % 2, prefix=("prlimit", f"--as={limit_mb * 1_000_000}"))
    going.until_ended()
    measured(code=going.process.returncode)
    audit(going)
    check_said(going, 1)


def test_too_little_memory_to_begin_is_one_sentence(bench: Bench) -> None:
    ledger = bench.serve()
    done = bench.refused(ledger, prefix=("prlimit", f"--as={TOO_LITTLE_BYTES}"))
    assert done.returncode == 3
    assert done.stderr.startswith("loadverdict: out of memory in ")
    assert done.stderr.count("\n") == 1
    assert ledger.target.served() == 0
