"""The settled part of a run that is being recorded: nothing in it will change any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from recording.folder import RunFolder
from recording.frames import Kind, LogWriter, encode, encode_table
from recording.probes.readings_file import ReadingsWriter
from recording.probes.told import Reading
from recording.reader import read_run
from recording.sample import SCHEMA
from recording.so_far import Now, so_far


def rows(node: str, starts: list[float], outcome: str = "ok") -> pa.Table:
    """Requests of a tenth of a second each."""
    values: dict[str, Any] = {
        "start_s": starts,
        "duration_ms": [100.0] * len(starts),
        "endpoint": ["login"] * len(starts),
        "method": ["POST"] * len(starts),
        "status": [200 if outcome == "ok" else 0] * len(starts),
        "outcome": [outcome] * len(starts),
        "node": [node] * len(starts),
    }
    blank = {"code": "", "stage": "", "weight": 1}
    columns = [
        pa.array(values.get(field.name, [blank.get(field.name, -1)] * len(starts))).cast(field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def log(
    folder: RunFolder, node: str, starts: list[float], time_s: float, oldest_s: float, *, end: bool = False
) -> None:
    """A process's log: answered requests, one in flight since `oldest_s`, a heartbeat, perhaps the end."""
    writer = LogWriter(folder.log_path(node))
    writer.append(Kind.SAMPLES, encode_table(rows(node, starts)))
    if oldest_s:
        writer.append(Kind.OPEN, encode_table(rows(node, [time_s - oldest_s], "unfinished")))
    beat = {"time_s": time_s, "oldest_s": oldest_s, "in_flight": int(oldest_s > 0), "users_running": 3}
    writer.append_json(Kind.HEARTBEAT, beat)
    if end:
        writer.append_json(Kind.END, {"unfinished": 0, "reason": "stopped"})
    writer.close()


def test_what_is_in_flight_is_neither_a_failure_nor_settled(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0, 1004.0, 1009.0], time_s=1010.0, oldest_s=4.0)
    log(folder, "worker-1", [1001.0, 1008.0], time_s=1010.1, oldest_s=0.0)
    run = read_run(folder.path)
    assert "unfinished" in run.samples.outcome.names
    part, now = so_far(run)
    assert (now.settled_s, now.time_s, now.users, now.in_flight, now.oldest_s) == (1006, 1010.1, 6, 1, 4)
    assert sorted(part.samples.start_s.tolist()) == [1000, 1001, 1004]
    assert not part.samples.outcome.equals("unfinished").any()
    assert now.lost == ()
    assert part.health is not None
    assert part.health.nodes_without_end == ()


def test_a_process_that_fell_silent_is_named_and_not_waited_for(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0, 1019.0], time_s=1020.0, oldest_s=0.0)
    log(folder, "worker-1", [1001.0], time_s=1003.0, oldest_s=1.0)
    part, now = so_far(read_run(folder.path))
    assert (now.settled_s, now.users, now.lost) == (1020, 3, ("worker-1",))
    assert part.health is not None
    assert part.health.nodes_without_end == ("worker-1",)
    assert len(part.samples) == 4, "what the lost process left open will never be answered"


def test_a_process_that_has_ended_holds_nobody_up(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0, 1019.0], time_s=1020.0, oldest_s=0.0)
    log(folder, "worker-1", [1001.0], time_s=1003.0, oldest_s=0.0, end=True)
    _, now = so_far(read_run(folder.path))
    assert (now.settled_s, now.lost) == (1020, ())


def test_a_frame_that_is_being_written_is_no_damage(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0, 1019.0], time_s=1020.0, oldest_s=0.0)
    log(folder, "worker-1", [1001.0], time_s=1020.0, oldest_s=0.0)
    whole = encode(Kind.SAMPLES, 2, encode_table(rows("worker-0", [1019.5])))
    with folder.log_path("worker-0").open("ab") as stream:
        stream.write(whole[: len(whole) // 2])
    run = read_run(folder.path)
    assert run.health is not None
    assert (run.health.bad_frames, run.health.torn) == (1, ("worker-0",))
    part, _ = so_far(run)
    assert part.health is not None
    assert part.health.bad_frames == 0


@pytest.mark.parametrize("where", ["within a log that grows", "at the end of a log that does not"])
def test_damage_is_told_while_the_run_goes_on(tmp_path: Path, where: str) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    late_s = 1003.0 if "does not" in where else 1020.0
    log(folder, "worker-0", [1000.0], time_s=1020.0, oldest_s=0.0)
    log(folder, "worker-1", [1001.0], time_s=late_s, oldest_s=0.0)
    path = folder.log_path("worker-1")
    data = path.read_bytes()
    path.write_bytes(data + b"half a frame" if "does not" in where else data[:40] + b"?" + data[41:])
    part, _ = so_far(read_run(folder.path))
    assert part.health is not None
    assert part.health.bad_frames == 1


def test_nothing_is_settled_before_every_process_has_told_something(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0], time_s=1000.5, oldest_s=0.0)
    LogWriter(folder.log_path("worker-1")).close()
    _, now = so_far(read_run(folder.path))
    assert (now.settled_s, now.lost) == (1000.5, ())
    writer = LogWriter(folder.log_path("worker-2"))
    for beat_s in (1000.5, 1004.0):
        writer.append_json(Kind.HEARTBEAT, {"time_s": beat_s, "oldest_s": 0.0, "users_running": 1})
    writer.close()
    _, now = so_far(read_run(folder.path))
    assert (now.settled_s, now.lost) == (1000.5, ()), "worker-1 may have sent something since"


def test_probes_that_still_read_are_not_cut_short(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log(folder, "worker-0", [1000.0], time_s=1010.0, oldest_s=0.0)
    folder.add_event("probes_begun", 999.0, probes=["metrics"])
    folder.add_event("probe_ended", 1005.0, probe="health", problems=[{"text": "gone", "at_s": 1005.0}])
    assert [event["kind"] for event in read_run(folder.path).events] == ["probes_begun", "probe_ended"]
    assert [event["kind"] for event in so_far(read_run(folder.path))[0].events] == ["probe_ended"]


def test_before_the_first_heartbeat_there_is_nothing(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    part, now = so_far(read_run(folder.path))
    assert (len(part.samples), now.settled_s, now.users) == (0, 0, 0)


def test_what_the_target_tells_is_no_process_of_ours(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    folder.readings_dir.mkdir()
    writer = ReadingsWriter(folder.target_readings)
    writer.add([Reading(time_s, "cpu_percent", "metrics", 50.0) for time_s in (990.0, 1020.0)])
    run = read_run(folder.path)
    assert run.readings is not None
    assert so_far(replace(run, health=None))[1] == Now()
    log(folder, "worker-0", [1000.0, 1004.0], time_s=1010.0, oldest_s=0.0)
    now = so_far(replace(read_run(folder.path), health=None))[1]
    assert (now.time_s, now.settled_s, now.lost) == (1010, 1010, ())
    writer.close()
