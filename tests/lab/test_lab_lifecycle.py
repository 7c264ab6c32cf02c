"""However a lab ends, nothing of it stays: no process, no port, no file, no shared memory."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_client import Client, log_in_at_once, read_accounts, statuses

import lab
from lab.janitor import start_time
from lab.state import LabRecord, read_records

pytestmark = pytest.mark.lab
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the labs of one test are written down, and where their temporary files go."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    return tmp_path / "labs"


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts `python -m lab.main up` as its own process, as a user would."""
    started = []

    def run(*arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "lab.main", "up", "--fault", "none", *arguments]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        process.stderr.close()


def only_record(folder: Path) -> LabRecord:
    eventually(lambda: folder.exists() and bool(read_records(folder)), "the lab did not start")
    return read_records(folder)[0]


def eventually(true: Callable[[], bool], otherwise: str, limit_s: float = 15.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def shared_memory() -> set[str]:
    """Segments whose maker is gone; those of other labs that run meanwhile are not ours to count."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {row[1] for row in rows if not start_time(int(row[4]))}


def server_folder(record: LabRecord) -> Path:
    return Path(next(text for text in record.description if text.startswith("Valkey")).rpartition(" ")[2])


def assert_nothing_stays(record: LabRecord, folder: Path, memory_before: set[str]) -> None:
    def survivors() -> list[str]:
        return [
            name
            for name, alive in record.alive().items()
            if alive and record.processes[name][0] != os.getpid()
        ]

    eventually(lambda: not survivors(), "something still runs")
    assert not folder.exists()
    assert not Path(record.state_dir).exists()
    assert not server_folder(record).exists()
    eventually(lambda: shared_memory() <= memory_before, "shared memory stays")
    with socket.socket() as port:
        assert port.connect_ex(("127.0.0.1", record.port)) != 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_stays_when_the_supervisor_is_ended(
    how: signal.Signals, start: Callable[..., "subprocess.Popen[bytes]"], folder: Path
) -> None:
    memory = shared_memory()
    supervisor = start()
    record = only_record(folder)
    assert all(record.alive().values())
    supervisor.send_signal(how)
    supervisor.wait(20)
    assert_nothing_stays(record, folder, memory)
    assert supervisor.returncode == (-9 if how == signal.SIGKILL else 0)


def test_nothing_stays_when_the_whole_group_gets_control_c(
    start: Callable[..., "subprocess.Popen[bytes]"], folder: Path
) -> None:
    memory = shared_memory()
    supervisor = start()
    record = only_record(folder)
    for pid, _ in record.processes.values():  # a terminal sends it to everyone it can
        os.kill(pid, signal.SIGINT)
    supervisor.wait(20)
    assert_nothing_stays(record, folder, memory)


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2, 0.5])
def test_nothing_stays_when_killed_during_the_start(
    after_s: float,
    start: Callable[..., "subprocess.Popen[bytes]"],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = shared_memory()
    with tempfile.TemporaryDirectory(prefix="lv") as temporary:  # short enough for sockets, unlike tmp_path
        Path(temporary).chmod(0o711)
        monkeypatch.setenv("TMPDIR", temporary)
        supervisor = start()
        eventually(folder.exists, "no state folder")
        time.sleep(after_s)
        supervisor.kill()
        supervisor.wait(20)
        eventually(lambda: not folder.exists(), "the state folder stays")
        eventually(lambda: not list(Path(temporary).iterdir()), "temporary files stay")
    eventually(lambda: shared_memory() <= memory, "shared memory stays")


def test_a_killed_service_is_noticed_and_the_lab_ends(
    start: Callable[..., "subprocess.Popen[bytes]"], folder: Path
) -> None:
    memory = shared_memory()
    supervisor = start()
    record = only_record(folder)
    os.kill(record.processes["service"][0], signal.SIGKILL)
    assert supervisor.wait(20) == 3
    assert b"service ended unexpectedly" in supervisor.stderr.read()
    assert_nothing_stays(record, folder, memory)


def test_a_killed_database_server_leaves_no_shared_memory(folder: Path) -> None:
    memory = shared_memory()
    with lab.up(faults="none") as running:
        assert running.dead() == []
        os.kill(running.pids["postgres"], signal.SIGKILL)
        eventually(lambda: running.dead() == ["postgres"], "not noticed")
        (found,) = lab.status(running.port)
        assert found.dead == ["postgres"]
        assert not found.ok
    assert_nothing_stays(running.record, folder, memory)


def test_stop_works_twice_and_removes_everything(folder: Path, tmp_path: Path) -> None:
    memory, state_dir = shared_memory(), tmp_path / "mine" / "state"
    running = lab.up(faults="none", state_dir=state_dir)
    assert running.accounts_path.parent == state_dir
    assert stat.S_IMODE(running.accounts_path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / f"lab-{running.port}.json").stat().st_mode) == 0o600
    running.stop()
    running.stop()
    assert_nothing_stays(running.record, folder, memory)


def test_the_whole_lab_gives_way_to_the_load_generator(running: lab.RunningLab) -> None:
    for name in ("service", "postgres", "valkey"):
        assert os.getpriority(os.PRIO_PROCESS, running.pids[name]) >= 10


def test_no_secret_is_on_a_command_line(running: lab.RunningLab) -> None:
    token = running.record.admin_token
    for pid in running.pids.values():
        assert token.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert token not in repr(running.record)


def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(lab.LabError, match=f"port {port} .* choose another with --port"):
            lab.up(faults="none", port=port)
    assert not folder.exists() or not list(folder.iterdir())


def test_down_cleans_up_after_supervisor_and_janitor_were_both_killed(
    start: Callable[..., "subprocess.Popen[bytes]"], folder: Path
) -> None:
    memory = shared_memory()
    supervisor = start()
    record = only_record(folder)
    os.kill(record.processes["janitor"][0], signal.SIGKILL)
    supervisor.kill()
    supervisor.wait(20)
    (found,) = lab.status()
    assert "supervisor" in found.dead
    assert lab.down(record.port) == [record.port]
    assert_nothing_stays(record, folder, memory)


def test_two_labs_run_side_by_side_and_are_found_by_port(folder: Path) -> None:
    with lab.up(faults="none") as one, lab.up(faults="none") as two:
        assert {found.record.port for found in lab.status()} == {one.port, two.port}
        with pytest.raises(lab.LabError, match="several labs run; name one with --port"):
            lab.set_faults("cache-off")
        lab.set_faults("cache-off", port=two.port)
        assert lab.settings_of(one.port).cache_enabled
        assert not lab.settings_of(two.port).cache_enabled
    assert lab.status() == []


def test_a_state_folder_with_files_in_it_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not remove")
    with pytest.raises(lab.LabError, match="is not empty"):
        lab.up(faults="none", state_dir=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_detached_lab_is_found_changed_and_stopped(folder: Path) -> None:
    command = [sys.executable, "-m", "lab.main"]
    up = subprocess.run(
        [*command, "up", "--detach", "--fault", "none"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "answers at http://127.0.0.1:" in up.stdout
    record = only_record(folder)
    status = subprocess.run([*command, "status"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{record.url}  ok" in status.stdout
    subprocess.run([*command, "faults", "cache-off"], cwd=ROOT, capture_output=True, check=True)
    assert not lab.settings_of().cache_enabled
    down = subprocess.run([*command, "down"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(record.port) in down.stdout
    assert_nothing_stays(record, folder, shared_memory())


def test_settings_given_at_the_start_survive_another_fault(folder: Path) -> None:
    with lab.up(lab.LabSettings(region="far", pool_size=3), faults="none") as running:
        assert lab.set_faults("cache-off").pool_size == 3
        assert lab.settings_of().region == "far"
        with pytest.raises(lab.LabError, match="accounts cannot change while the lab runs"):
            lab.set_settings({"accounts": 300})
        with Client(running) as client:
            assert client.login(read_accounts(running)[0]).status == 200


def test_no_lab_is_said_so(folder: Path) -> None:
    with pytest.raises(lab.LabError, match="no lab; start one"):
        lab.set_faults("none")
    with pytest.raises(lab.LabError, match="no lab at port 1"):
        lab.down(1)
    assert lab.down() == []


def test_a_lab_started_in_a_thread_outlives_the_thread(folder: Path) -> None:
    import threading

    found: list[lab.RunningLab] = []
    thread = threading.Thread(target=lambda: found.append(lab.up(faults="none")))
    thread.start()
    thread.join()
    with found[0] as running:
        time.sleep(0.2)
        assert running.dead() == []
        assert statuses(log_in_at_once(running, 1, 1)) == {200: 1}


def test_a_start_time_tells_a_process_from_a_later_one() -> None:
    assert start_time(os.getpid()) == start_time(os.getpid()) != ""
    assert start_time(2**22 + 1) == ""


@pytest.mark.parametrize(("more", "answers"), [((), False), (("--host", "0.0.0.0"), True)])
def test_other_addresses_reach_a_lab_only_if_that_was_asked_for(
    folder: Path, start: Callable[..., "subprocess.Popen[bytes]"], more: tuple[str, ...], answers: bool
) -> None:
    """127.0.0.2 is this machine too, but another address than the lab's own."""
    start("--state-dir", str(folder.parent / "state"), *more)
    record = only_record(folder)
    assert record.url == f"http://127.0.0.1:{record.port}"
    with socket.socket() as other:
        other.settimeout(5)
        assert (other.connect_ex(("127.0.0.2", record.port)) == 0) == answers
    assert (folder.parent / "state/accounts.csv").read_text().startswith("username,password\n")
