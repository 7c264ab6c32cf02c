"""Several instances behind one socket: real processes, one set of figures, and none left behind."""

import time

import psutil
import pytest
from lab_client import log_in_at_once, metric, statuses

import lab
from lab.service.instances import added


def instances(running: lab.RunningLab) -> list[psutil.Process]:
    """The processes beside the first one."""
    return psutil.Process(running.pids["service"]).children()


def finished(running: lab.RunningLab) -> float:
    return metric(running, 'lab_requests_total{endpoint="login",status="200"}')


@pytest.fixture
def two(running: lab.RunningLab) -> lab.RunningLab:
    lab.set_settings({"instances": 2, "bcrypt_cost": 6}, port=running.port)
    return running


def test_logins_are_shared_and_counted_once(two: lab.RunningLab) -> None:
    (other,) = instances(two)
    before, cpu_s = finished(two), sum(other.cpu_times()[:2])
    assert statuses(log_in_at_once(two, clients=8, each=60)) == {200: 480}
    # Each has told what it counted a moment later; whichever is asked then says the same.
    deadline = time.monotonic() + 20
    while finished(two) - before < 480 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    assert {finished(two) - before for _ in range(12)} == {480}
    assert sum(other.cpu_times()[:2]) > cpu_s


def test_all_of_them_take_new_settings(two: lab.RunningLab) -> None:
    lab.set_settings({"broken_hash_ratio": 1.0}, port=two.port)
    assert statuses(log_in_at_once(two, clients=8, each=10)) == {500: 80}
    assert lab.settings_of(two.port).broken_hash_ratio == 1.0


def test_they_end_when_they_are_not_wanted_and_with_the_first(two: lab.RunningLab) -> None:
    (other,) = instances(two)
    lab.set_settings({"instances": 1}, port=two.port)
    assert not other.is_running()
    assert instances(two) == []
    assert statuses(log_in_at_once(two, clients=4, each=5)) == {200: 20}


def test_none_is_left_when_the_first_is_killed(own_state_dir: object) -> None:
    with lab.up(lab.LabSettings(instances=2, bcrypt_cost=4), faults="none") as running:
        (other,) = instances(running)
        psutil.Process(running.pids["service"]).kill()
        other.wait(20)


def test_figures_of_one_name_are_added_up() -> None:
    one = b'# HELP a b\n# TYPE a counter\na_total{x="1 2"} 3.0\nb 1.0\n'
    assert added([one, b'a_total{x="1 2"} 4.0\nc 2.0\n', b""]) == (
        b'# HELP a b\n# TYPE a counter\na_total{x="1 2"} 7.0\nb 1.0\nc 2.0\n'
    )
