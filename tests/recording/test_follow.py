"""What is settled while a run is going on: times about which nothing will change any more."""

from pathlib import Path

from recording.folder import RunFolder
from recording.follow import Follower
from recording.frames import Kind, LogWriter


def beat(folder: RunFolder, node: str, time_s: float, oldest_s: float) -> None:
    log = LogWriter(folder.log_path(node))
    log.append_json(Kind.HEARTBEAT, {"time_s": time_s, "oldest_s": oldest_s, "in_flight": int(oldest_s > 0)})
    log.close()


def test_only_what_every_process_has_finished_is_settled(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "unit")
    assert Follower(folder).look().settled_s == 0
    beat(folder, "worker-0", time_s=1000.0, oldest_s=0.0)
    assert Follower(folder).look().settled_s == 1000
    beat(folder, "worker-1", time_s=1000.1, oldest_s=7.1)
    assert Follower(folder).look().settled_s == 993
