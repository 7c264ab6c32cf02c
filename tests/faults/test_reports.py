"""F20: whoever writes a report is killed, or two runs begin at the same moment."""

from __future__ import annotations

import random
import time

import pytest

from recording.reader import read_run
from tests.commands.conftest import Cli
from tests.faults.harness import LOAD, Bench, audit, measured, verdict_of
from tests.faults.test_disk_of_reports import check_whole

pytestmark = pytest.mark.slow
KILLS = 12


def test_a_report_is_the_old_one_or_the_new_one(bench: Bench) -> None:
    """`kill -9` at random moments; after each, every file that is there is whole."""
    going = bench.start(LOAD % 2)
    going.until_ended()
    audit(going)
    before, page = verdict_of(going), (going.folder.analysis_dir / "report.html").read_text()
    begun_s = time.monotonic()
    Cli(bench.folder)("diagnose", str(going.folder.path))
    takes_s, chance, ended = time.monotonic() - begun_s, random.Random(20), 0
    for _ in range(KILLS):
        process = Cli(bench.folder).start("diagnose", str(going.folder.path))
        time.sleep(chance.uniform(0.2, 1.1) * takes_s)
        ended += process.poll() is not None
        process.kill()
        process.communicate()
        assert verdict_of(going) == before
        now = (going.folder.analysis_dir / "report.html").read_text()
        assert now.startswith(page[:100])
        assert now.rstrip().endswith("</html>")
        for part in going.folder.analysis_dir.glob(".*.part"):  # of the one that was killed
            part.unlink()
        check_whole(going.folder.analysis_dir)
    measured(kills=KILLS, had_ended=ended)
    assert ended < KILLS
    done = Cli(bench.folder)("diagnose", str(going.folder.path))
    assert done.returncode == 0, done.stderr


def test_two_runs_of_one_moment_have_a_folder_each(bench: Bench) -> None:
    ledger = bench.serve()
    one = bench.start(LOAD % 3, ledger=ledger)
    arguments = one.process.args
    assert isinstance(arguments, list)
    other = Cli(bench.folder)(*arguments[3:])
    one.until_ended()
    assert (one.process.returncode, other.returncode) == (1, 1)
    folders = sorted(bench.runs.iterdir())
    assert len(folders) == 2
    assert sum(len(read_run(folder).samples) for folder in folders) == ledger.target.served()
