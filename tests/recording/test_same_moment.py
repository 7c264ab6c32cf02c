"""F20: runs of one name that begin in the same second have a folder each, and a log has one writer."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from recording.errors import UsageError
from recording.folder import RunFolder
from recording.frames import LogWriter

PROCESSES, EACH = 8, 12
MOMENT = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


def begin_with(barrier: Barrier) -> None:
    """What every process of the pool waits for."""
    global together  # noqa: PLW0603 - a barrier can be handed to a process at its start only
    together = barrier


def folders(parent: Path) -> list[str]:
    """Names of the folders that one process was given; before each it waits for all the others."""
    given = []
    for _ in range(EACH):
        together.wait()
        given.append(RunFolder.create(parent, "steps", MOMENT).id)
    return given


def test_runs_of_one_name_and_one_second_never_share_a_folder(tmp_path: Path) -> None:
    """Eight processes at once, twelve folders each; none is there already, not even their parent."""
    context = get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    parent = tmp_path / "new" / "runs"
    with ProcessPoolExecutor(PROCESSES, context, begin_with, (barrier,)) as pool:
        given = [name for names in pool.map(folders, [parent] * PROCESSES) for name in names]
    assert len(given) == PROCESSES * EACH
    assert sorted(given) == sorted(path.name for path in parent.iterdir())
    assert all(name.startswith("20261126T120000Z-steps") for name in given)


def test_the_hundredth_run_of_a_second_is_refused(tmp_path: Path) -> None:
    for _ in range(99):
        RunFolder.create(tmp_path, "steps", MOMENT)
    with pytest.raises(UsageError, match="already holds 99 runs of this second"):
        RunFolder.create(tmp_path, "steps", MOMENT)
    assert len(list(tmp_path.iterdir())) == 99


def test_a_second_process_cannot_write_the_same_log(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "steps")
    first = LogWriter(folder.log_path("local"))
    with pytest.raises(FileExistsError):
        LogWriter(folder.log_path("local"))
    first.close()
