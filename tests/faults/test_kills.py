"""F1, F2, F3: `kill -9` of a worker, of the master, of everything that makes the load."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import psutil
import pytest
from PIL import Image

from recording.folder import RunFolder
from tests.commands.conftest import ROOT, Cli, wait_for
from tests.faults.harness import (
    LONG,
    PROMISED_S,
    SHORT,
    USERS,
    Bench,
    Going,
    alive,
    audit,
    check_said,
    findings_of,
    health_of,
    kill,
    measured,
    missing_of_those_answered,
    verdict_of,
)
from tests.faults.killed_writer import WAITING

UNWRITTEN = USERS + 10
"""Lost to `kill -9` at most: what was in flight, and what finished within `PROMISED_S` (some 45 a second)."""

QUIET_S = 2.0
"""After its master's death no request reaches the target later than this."""

GONE_S = 20.0
"""After `kill -9` of all that makes the load nothing else of the run is left: 2 s are promised, and told by
`measured`; a machine that has other work may take longer."""

MANY, DIAGNOSED_S = 100_000, 60.0
"""Requests of a run whose remains are diagnosed: 10 s are promised, and told as above."""

LATE_S, ROUNDED_S = 1.0, 0.1
"""The last entry is so much older than the death at most, and told so roughly."""

_USERS_COLOUR, _THIN = (0xE3, 0xE8, 0xEE), 40
"""Of the area of users in a picture; columns with fewer pixels of it are the legend's."""

Victims = Callable[[Going], list[psutil.Process]]


def check_kept(going: Going, killed_s: float) -> None:
    """What was finished in time is in the log, and the books balance."""
    assert not missing_of_those_answered(going, killed_s - PROMISED_S)
    audit(going, lost_at_most=UNWRITTEN)


_CHANCE = random.Random(7)
MOMENTS = [round(_CHANCE.uniform(0.2, 2.5), 3) for _ in range(20)]
"""Seconds under load until everything is killed."""


_MISSING = re.compile(
    r"The log of (\S+) \(last entry after (\d[.\d]*) s with (\d+) of (\d+) users; "
    r"(\d+) % of the load planned from then on is missing\) has no end mark"
)


def users_curve(going: Going) -> list[tuple[float, float]]:
    """The load as the report has it: seconds since the first request, users."""
    with (going.folder.analysis_dir / "windows.csv").open() as file:
        rows = [(row["start_s"], row["users"]) for row in csv.DictReader(file)]
    return [(float(time_s), float(users)) for time_s, users in rows if users]


def drawn_users(going: Going) -> tuple[int, int]:
    """How high the area of users is drawn where it is highest, and shortly before the end, in pixels."""
    with Image.open(going.folder.analysis_dir / "latency.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    users = (abs(pixels - _USERS_COLOUR) <= 1).all(axis=2)
    heights = [np.ptp(np.flatnonzero(column)) for column in users.T if column.sum() > _THIN]
    return int(max(heights)), int(heights[-len(heights) // 20])


@pytest.mark.parametrize(
    "moment_s", [MOMENTS[0], *(pytest.param(moment_s, marks=pytest.mark.slow) for moment_s in MOMENTS[1:])]
)
def test_a_killed_worker_is_named_with_its_share_and_what_it_had_finished_is_kept(
    bench: Bench, moment_s: float
) -> None:
    going = bench.start(SHORT, "--processes", "2")
    going.until_all_run()
    going.until_finished(1)
    time.sleep(moment_s)
    killed_s = kill(going.workers()[:1])
    killed_after_s = time.time() - going.folder.manifest()["start_s"]
    going.until_ended()
    check_said(going, 3, "incomplete")
    text = findings_of(going)["cut_short"]
    found = _MISSING.match(text)
    assert found is not None, text
    node, last_s, own, total, missing = found.groups()
    assert health_of(going).nodes_without_end == (node,)
    assert -LATE_S < float(last_s) - killed_after_s < ROUNDED_S
    assert (int(own), int(total)) == (USERS // 2, USERS)
    assert 40 <= int(missing) <= 60
    for told in (going.output[0], (going.folder.analysis_dir / "report.html").read_text()):
        assert text[: text.index(" has no end")] in " ".join(told.split())
    curve = users_curve(going)
    highest, last = drawn_users(going)
    measured(killed_after_s=round(killed_after_s, 2), told=found[0], highest_px=highest, last_px=last)
    assert max(users for _, users in curve) == USERS
    assert {users for time_s, users in curve if time_s > curve[-1][0] - 0.5} == {USERS // 2}
    assert 0.45 < last / highest < 0.55
    check_kept(going, killed_s)


@pytest.mark.parametrize(
    ("moment_s", "processes"),
    [
        (MOMENTS[0], "2"),
        *(pytest.param(m, "12"[n % 2], marks=pytest.mark.slow) for n, m in enumerate(MOMENTS[1:])),
    ],
)
def test_when_all_that_makes_the_load_is_killed_there_is_a_verdict(
    bench: Bench, moment_s: float, processes: str
) -> None:
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(1)
    time.sleep(moment_s)
    killed_s = kill(going.locusts())
    going.until_ended()
    check_said(going, 3, "incomplete")
    assert not verdict_of(going)["quality"]["complete"]
    check_kept(going, killed_s)


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_killed_host_leaves_a_folder_that_can_be_diagnosed(bench: Bench, processes: str) -> None:
    """Everything at once, the command too."""
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(60)
    killed_s = kill([psutil.Process(going.process.pid), *going.locusts()])
    going.until_ended()
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "cut short" in done.stdout.lower()
    check_kept(going, killed_s)


@pytest.mark.parametrize("with_command", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_no_process_of_a_killed_run_is_left(bench: Bench, with_command: bool) -> None:
    """The process that reads the target's figures is not killed: it ends by itself."""
    ledger = bench.serve()
    with ledger.target.file.open("a") as file:
        file.write(f"probes: {{process: {{map: process, pid: {ledger.target.process.pid}}}}}\n")
    going = bench.start(LONG, "--processes", "2", ledger=ledger)
    going.until_finished(30)
    command, locusts = psutil.Process(going.process.pid), going.locusts()
    below = command.children(recursive=True)
    assert len(below) > len(locusts)
    killed_s = kill([*([command] if with_command else []), *locusts])
    wait_for(lambda: not alive(below), GONE_S)
    measured(gone_after_s=round(time.monotonic() - killed_s, 2))
    going.until_ended()
    assert going.process.returncode == (-signal.SIGKILL if with_command else 3), going.output
    check_kept(going, killed_s)


@pytest.mark.slow
def test_the_remains_of_a_long_run_are_soon_diagnosed(cli: Cli) -> None:
    """All that was recorded is in the verdict, with what was waiting when the process was killed."""
    folder = RunFolder.create(cli.runs, "killed")
    writer = [sys.executable, str(ROOT / "tests/faults/killed_writer.py"), str(folder.path), str(MANY)]
    done = subprocess.run(writer, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    begun_s = time.monotonic()
    diagnosed = cli("diagnose", str(folder.path))
    took_s = time.monotonic() - begun_s
    measured(requests=MANY, diagnosed_in_s=round(took_s, 1))
    assert diagnosed.returncode == 3, diagnosed.stdout + diagnosed.stderr
    assert "has no end mark" in " ".join(diagnosed.stdout.split())
    verdict = json.loads((folder.analysis_dir / "verdict.json").read_text())
    assert (verdict["requests"], verdict["errors"]) == (MANY + WAITING, MANY // 6 + WAITING)
    assert took_s < DIAGNOSED_S


@pytest.mark.parametrize(
    ("victim", "processes"),
    [("master", "2"), ("command", "2"), pytest.param("command", "1", marks=pytest.mark.slow)],
)
def test_the_target_is_quiet_soon_after_its_master_was_killed(
    bench: Bench, victim: str, processes: str
) -> None:
    going = bench.start(LONG, "--processes", processes)
    going.until_finished(60)
    below = psutil.Process(going.process.pid).children(recursive=True)
    kill(going.locusts()[:1] if victim == "master" else [psutil.Process(going.process.pid)])
    time.sleep(QUIET_S)
    read = going.ledger.read_so_far()
    going.until_ended()
    assert going.process.returncode == (3 if victim == "master" else -signal.SIGKILL), going.output
    assert not psutil.wait_procs(below, timeout=20)[1]
    assert audit(going).started == read
    assert not health_of(going).nodes_without_end
