"""F21: logs of a real run that are copied, appended and swapped afterwards; the server's books stay right."""

from __future__ import annotations

import shutil

import pytest

from recording.frames import RUN_START, Kind, scan
from recording.reader import read_run
from tests.faults.harness import SHORT, Bench, check_said, health_of, kill, measured
from tests.faults.test_kills import check_kept

pytestmark = pytest.mark.slow


def test_logs_that_are_there_twice_change_no_count(bench: Bench) -> None:
    going = bench.start(SHORT, "--processes", "2")
    going.until_finished(60)
    killed_s = kill(going.workers()[:1])  # or the logs would not be kept
    going.until_ended()
    check_said(going, 3, "incomplete")
    folder = going.folder
    start_s = folder.manifest()["start_s"]
    one, other = folder.log_path("worker-0"), folder.log_path("worker-1")
    for path in (one, other):
        for anchor in scan(path.read_bytes()).of(Kind.ANCHOR):
            assert (anchor.json()["node"], anchor.json()[RUN_START]) == (path.stem, start_s)
    folder.samples_parquet.unlink()  # from here on the logs are read
    before = read_run(folder.path).samples
    shutil.copy(one, folder.log_path("worker-7"))
    with one.open("ab") as stream:
        stream.write(other.read_bytes())
    shutil.move(one, folder.log_path("between"))
    shutil.move(other, one)
    shutil.move(folder.log_path("between"), other)
    health = health_of(going)
    measured(frames_again=health.repeated_frames, requests_again=health.repeated_requests)
    assert health.nodes == ("worker-0", "worker-1")
    assert health.repeated_requests > 0
    assert read_run(folder.path).samples.to_table().to_pylist() == before.to_table().to_pylist()
    check_kept(going, killed_s)
    folder.update_manifest(start_s=start_s + 1)
    assert health_of(going).nodes == (), "these are logs of another run then"
