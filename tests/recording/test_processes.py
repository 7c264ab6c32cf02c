"""Logs that are there twice, joined, swapped or of another run: every request counts once, and it is said."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.diagnose import diagnose
from recording.clock import Clock
from recording.folder import RunFolder
from recording.frames import Kind, LogWriter, encode, encode_table, scan
from recording.logs import Recorded, finish, read_logs
from recording.reader import read_run
from recording.recorder import Recorder, Situation
from recording.rows import Rows, unpacked

NODES = ("worker-0", "worker-1", "worker-10")
ORIGIN_S = 1_790_000_000.0
END_UTC = "2026-09-21T14:13:27+00:00"
FLUSHES = 6
PER_FLUSH = 4
REQUESTS = len(NODES) * FLUSHES * PER_FLUSH

OLD, NEW = "older logs", "new logs"
"""Samples as Arrow streams and anchors that tell the time alone; packed rows and anchors that name all."""


def write_log(path: Path, node: str, form: str, begin_s: float, seed: int, *, killed: bool = False) -> None:
    """A log of `FLUSHES * PER_FLUSH` requests; that of a killed process lists one more as in flight."""
    chance, log, rows = random.Random(f"{node} {seed}"), LogWriter(path), Rows(PER_FLUSH + 1)
    mono_s = chance.random() * 1e5
    anchor = {"wall_s": begin_s, "mono_s": mono_s, "epoch_s": begin_s}
    log.append_json(Kind.ANCHOR, anchor if form == OLD else {**anchor, "node": node, "run_start_s": begin_s})
    for number in range(FLUSHES):
        for _ in range(PER_FLUSH):
            start_s = mono_s + number + chance.random()
            rows.add(start_s, chance.random() * 300, "login", "POST", 200, "ok", "", 2, 1, 0, "hold", 80)
        packed = rows.packed(node, begin_s - mono_s)
        if form == NEW:
            log.append(Kind.ROWS, packed)
        else:
            log.append(Kind.SAMPLES, encode_table(unpacked(packed).to_table()))
        # The same for every node, as those of idle processes may be.
        log.append_json(Kind.HEARTBEAT, {"time_s": begin_s + number + 1.0, "users_running": 2})
    if killed:
        rows.add(mono_s + FLUSHES, 400.0, "login", "POST", 0, "unfinished", "", 2, 1, 0, "hold", -1)
        log.append(Kind.OPEN, encode_table(rows.take(node, begin_s - mono_s).to_table()))
    else:
        log.append_json(Kind.END, {"reason": "done", "mono_s": mono_s + FLUSHES})
    log.close()


def write_run(parent: Path, form: str, begin_s: float = ORIGIN_S, seed: int = 0) -> RunFolder:
    """A run of three processes whose logs are there."""
    folder = RunFolder.create(parent, "unit")
    told = {"start_s": begin_s, "end_utc": END_UTC, "nodes": list(NODES)}
    folder.write_manifest({"format": 1, "id": folder.id, **told})
    for node in NODES:
        write_log(folder.log_path(node), node, form, begin_s, seed)
    return folder


def same(one: Recorded, other: Recorded) -> bool:
    """Whether two readings hold the same requests and figures of the same processes."""
    samples = one.samples.to_table().to_pylist() == other.samples.to_table().to_pylist()
    readings = all(
        getattr(one.readings, name).tolist() == getattr(other.readings, name).tolist()
        for name in ("time_s", "name", "value", "labels")
    )
    return samples and readings and one.health.nodes == other.health.nodes


def requests(recorded: Recorded) -> int:
    return int(recorded.samples.weight.sum())


def findings(folder: RunFolder) -> dict[str, str]:
    found = diagnose(read_run(folder.path)).quality.findings
    return {finding.code: finding.text for finding in found}


@pytest.fixture(params=[OLD, NEW])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, form: str) -> RunFolder:
    return write_run(tmp_path / "runs", form)


def test_whole_logs_are_as_they_were(folder: RunFolder) -> None:
    found = read_logs(folder)
    assert (requests(found), found.health.nodes) == (REQUESTS, NODES)
    assert (found.health.repeated_frames, found.health.strangers) == (0, ())
    assert not {"repeated_frames", "foreign_frames"} & findings(folder).keys()


@pytest.mark.parametrize("name", ["worker-0.copy", "worker-7", "a", "worker-00"])
def test_a_copied_log_counts_once_and_is_told(folder: RunFolder, name: str) -> None:
    before = read_logs(folder)
    shutil.copy(folder.log_path("worker-0"), folder.log_path(name))
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.repeated_requests == FLUSHES * PER_FLUSH
    assert after.health.bad_frames == after.health.missing_frames == 0
    assert "14 log frames with 24 requests stood more than once" in findings(folder)["repeated_frames"]


@pytest.mark.parametrize("onto", ["worker-0", "worker-1"])
def test_a_log_appended_to_itself_or_to_another_counts_once(folder: RunFolder, onto: str) -> None:
    before = read_logs(folder)
    data = folder.log_path("worker-0").read_bytes()
    with folder.log_path(onto).open("ab") as stream:
        stream.write(data)
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.repeated_requests == FLUSHES * PER_FLUSH


def test_swapped_logs_are_told_by_what_they_hold(folder: RunFolder) -> None:
    before = read_logs(folder)
    one, other = folder.log_path("worker-0"), folder.log_path("worker-1")
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.repeated_frames == 0


def test_a_log_cut_in_two_files_is_one_process(folder: RunFolder) -> None:
    before, path = read_logs(folder), folder.log_path("worker-0")
    frames = [encode(f.kind, f.sequence, f.payload) for f in scan(path.read_bytes()).frames]
    path.write_bytes(b"".join(frames[:7]))
    folder.log_path("rest").write_bytes(b"".join(frames[7:]))
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.missing_frames == 0


def test_a_copy_mends_what_was_damaged(folder: RunFolder) -> None:
    before, path = read_logs(folder), folder.log_path("worker-0")
    shutil.copy(path, folder.log_path("copy"))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(damaged)
    folder.log_path("torn").write_bytes(damaged[:-5])
    after = read_logs(folder)
    assert same(after, before)
    assert (after.health.bad_frames, after.health.missing_frames, after.health.torn) == (0, 0, ())
    folder.log_path("copy").unlink()
    assert read_logs(folder).health.bad_frames > 0


PLACES = ["in a file of its own", "appended", "by its own name"]


@pytest.mark.parametrize("place", PLACES)
def test_a_log_of_a_run_at_the_same_time_is_left_out(tmp_path: Path, form: str, place: str) -> None:
    """By the name of the run; older logs have none, and there the file's name and place decide, in doubt."""
    folder = write_run(tmp_path / "runs", form)
    other = write_run(tmp_path / "others", form, ORIGIN_S + 1.5, seed=1)
    before = read_logs(folder)
    if place == "appended":
        with folder.log_path("worker-1").open("ab") as stream:
            stream.write(other.log_path("worker-1").read_bytes())
    elif place == "in a file of its own":
        shutil.copy(other.log_path("worker-1"), folder.log_path("foreign"))
    else:
        write_log(folder.log_path("local"), "local", form, ORIGIN_S + 1.5, seed=1)
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.stranger_requests == FLUSHES * PER_FLUSH
    contested = ("worker-1",) if form == OLD and place != "by its own name" else ()
    assert after.health.contested == contested
    verdict = diagnose(read_run(folder.path))
    (finding,) = [one for one in verdict.quality.findings if one.code == "foreign_frames"]
    assert finding.severity == ("incomplete" if contested else "warning")
    assert "24 requests in " in finding.text


def test_a_log_in_place_of_another_is_left_out_by_run_or_time(tmp_path: Path, form: str) -> None:
    folder = write_run(tmp_path / "runs", form)
    other = write_run(tmp_path / "others", form, ORIGIN_S - 7200.0, seed=1)
    shutil.copy(other.log_path("worker-1"), folder.log_path("worker-1"))
    after = read_logs(folder)
    assert after.health.nodes == ("worker-0", "worker-10")
    assert after.health.strangers == ("worker-1.log",)
    assert {"foreign_frames", "node_silent"} <= findings(folder).keys()


def test_logs_of_another_run_alone_are_no_data_of_this_one(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "runs", NEW)
    other = write_run(tmp_path / "others", NEW, ORIGIN_S + 1.5, seed=1)
    for node in NODES:
        shutil.copy(other.log_path(node), folder.log_path(node))
    assert {"no_data", "foreign_frames", "node_silent"} <= findings(folder).keys()
    folder.manifest_json.unlink()
    assert requests(read_logs(folder)) == REQUESTS, "without a manifest they are the run"


def test_logs_with_something_left_out_are_kept(folder: RunFolder) -> None:
    shutil.copy(folder.log_path("worker-0"), folder.log_path("copy"))
    finish(folder)
    assert folder.log_path("copy").exists()
    assert "repeated_frames" in findings(folder)
    folder.log_path("copy").unlink()
    finish(folder)
    assert not list(folder.samples_dir.glob("*.log"))
    assert "repeated_frames" not in findings(folder)


def test_a_name_inside_a_log_leads_to_no_other_file(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs", "unit")
    outside = folder.path.parent / "outside.log"
    outside.touch()
    write_log(folder.log_path("a"), "../../outside", NEW, ORIGIN_S, seed=0)
    finish(folder)
    assert outside.exists()
    assert not folder.log_path("a").exists()


def test_the_recorder_names_node_and_run(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    log = LogWriter(folder.log_path("a"))
    recorder = Recorder(log, Clock.start(), "a", lambda: Situation(1, 1, "s"), run_start_s=ORIGIN_S + 0.1)
    recorder.start()
    recorder.close("done")
    anchors = scan(folder.log_path("a").read_bytes()).of(Kind.ANCHOR)
    told = {(anchor.json()["node"], anchor.json()["run_start_s"]) for anchor in anchors}
    assert told == {("a", ORIGIN_S + 0.1)}


FILES = (*NODES, "copy", "worker-7")
file, share = st.sampled_from(FILES), st.floats(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("copy"), file, file),
        st.tuples(st.just("append"), file, file),
        st.tuples(st.just("swap"), file, file),
        st.tuples(st.just("append a beginning"), file, file, share),
        st.tuples(st.just("append an end"), file, file, share),
    ),
    max_size=6,
)
"""What somebody may do to the files of a run."""


def changed(logs: dict[str, bytes], step: tuple[str, str, str] | tuple[str, str, str, float]) -> None:
    """Do one step to logs by name."""
    what, one, other = step[:3]
    here, there = logs.get(one, b""), logs.get(other, b"")
    part = int(step[3] * len(here)) if len(step) == 4 else 0
    if what == "swap":
        logs[one], logs[other] = there, here
    elif what == "copy":
        # Over a log it would remove that one.
        logs[other] = here if other not in NODES else there
    else:
        logs[other] = there + {"append": here, "append a beginning": here[:part]}.get(what, here[part:])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(steps=STEPS)
def test_whatever_is_copied_joined_and_swapped_counts_once(
    folder: RunFolder, form: str, steps: list[tuple[str, str, str]]
) -> None:
    for path in folder.samples_dir.glob("*.log"):
        path.unlink()
    for node in NODES:
        write_log(folder.log_path(node), node, form, ORIGIN_S, seed=0, killed=node == NODES[1])
    before = read_logs(folder)
    originals = {node: folder.log_path(node).read_bytes() for node in NODES}
    logs = dict(originals)
    for step in steps:
        changed(logs, step)
    for name, data in logs.items():
        folder.log_path(name).write_bytes(data)
    after = read_logs(folder)
    assert requests(after) <= requests(before) == REQUESTS + 1
    if all(any(original in data for data in logs.values()) for original in originals.values()):
        assert after.samples.to_table().to_pylist() == before.samples.to_table().to_pylist()
    there = sum(f.table().num_rows for data in logs.values() for f in scan(data).of(Kind.ROWS, Kind.SAMPLES))
    unfinished = int(after.samples.outcome.equals("unfinished").sum())
    health = after.health
    assert requests(after) - unfinished + health.repeated_requests + health.stranger_requests == there


def frames(path: Path) -> list[bytes]:
    return [encode(f.kind, f.sequence, f.payload) for f in scan(path.read_bytes()).frames]


def test_ends_of_two_logs_that_changed_places_find_back(folder: RunFolder) -> None:
    """The numbers grow over the seam: the node alone tells where another log begins."""
    before = read_logs(folder)
    one, other = folder.log_path("worker-0"), folder.log_path("worker-1")
    here, there = frames(one), frames(other)
    one.write_bytes(b"".join(here[:5] + there[5:]))
    other.write_bytes(b"".join(there[:5] + here[5:]))
    folder.log_path("copy").write_bytes(b"".join(here))
    assert same(read_logs(folder), before)


def test_heartbeats_that_stand_there_again_are_of_the_log_they_stand_in(folder: RunFolder) -> None:
    before, path = read_logs(folder), folder.log_path("worker-1")
    again = frames(path)[-2]
    with path.open("ab") as stream:
        stream.write(again)
    after = read_logs(folder)
    assert same(after, before)
    assert (after.health.repeated_frames, after.health.repeated_requests) == (1, 0)


def test_idle_processes_that_write_the_same_are_two(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    beat = encode(Kind.HEARTBEAT, 1, b'{"time_s": 5.0, "users_running": 1}')
    for node in NODES[:2]:
        folder.log_path(node).write_bytes(beat)
    found = read_logs(folder)
    assert found.health.nodes == NODES[:2]
    assert found.health.repeated_frames == 0


def test_a_part_of_another_run_is_none_of_this_ones_log(tmp_path: Path) -> None:
    """No number is there twice, and the node is the same: the run alone tells them apart."""
    folder = write_run(tmp_path / "runs", NEW)
    other = write_run(tmp_path / "others", NEW, ORIGIN_S + 1.5, seed=1)
    path, before = folder.log_path("worker-1"), read_logs(folder)
    moved = scan(other.log_path("worker-1").read_bytes()).frames
    with path.open("ab") as stream:
        for frame in moved:
            stream.write(encode(frame.kind, frame.sequence + 100, frame.payload))
    after = read_logs(folder)
    assert same(after, before)
    assert after.health.stranger_requests == FLUSHES * PER_FLUSH
