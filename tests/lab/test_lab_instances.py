"""Several instances behind one socket: real processes, one set of figures, and none left behind."""

import time

import psutil
import pytest
from lab_client import log_in_at_once, metric, statuses
from prometheus_client.parser import text_string_to_metric_families

import lab
from lab.service.instances import added

LOGINS = 'lab_requests_total{endpoint="login",status="200"}'


def instances(running: lab.RunningLab) -> list[psutil.Process]:
    """The processes beside the first one."""
    return psutil.Process(running.pids["service"]).children()


def finished(running: lab.RunningLab) -> float:
    return metric(running, LOGINS)


@pytest.fixture
def two(running: lab.RunningLab) -> lab.RunningLab:
    lab.set_settings({"instances": 2, "bcrypt_cost": 6}, port=running.port)
    return running


def test_logins_are_shared_and_counted_once(two: lab.RunningLab) -> None:
    (other,) = instances(two)
    before = finished(two)
    # The kernel draws who gets a connection: of so many, each instance has some.
    assert statuses(log_in_at_once(two, clients=24, each=20)) == {200: 480}
    # Each has told what it counted a moment later; whichever is asked then says the same.
    deadline = time.monotonic() + 20
    while finished(two) - before < 480 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    assert {finished(two) - before for _ in range(12)} == {480}
    own = (two.state_dir / f"metrics-{other.pid}.prom").read_text()
    (line,) = (found for found in own.splitlines() if found.startswith(LOGINS))
    assert 0 < float(line.rpartition(" ")[2]) < 480


def test_all_of_them_take_new_settings(two: lab.RunningLab) -> None:
    lab.set_settings({"broken_hash_ratio": 1.0}, port=two.port)
    assert statuses(log_in_at_once(two, clients=8, each=10)) == {500: 80}
    assert lab.settings_of(two.port).broken_hash_ratio == 1.0


def test_they_end_when_they_are_not_wanted_and_with_the_first(two: lab.RunningLab) -> None:
    (other,) = instances(two)
    log_in_at_once(two, clients=4, each=5)
    before = finished(two)
    lab.set_settings({"instances": 1}, port=two.port)
    assert not other.is_running()
    assert instances(two) == []
    # What it counted stays counted, what it held is gone.
    assert finished(two) >= before
    assert metric(two, "lab_pool_max_connections") == lab.settings_of(two.port).pool_size
    assert statuses(log_in_at_once(two, clients=4, each=5)) == {200: 20}


def test_one_that_died_is_replaced(two: lab.RunningLab) -> None:
    (other,) = instances(two)
    other.kill()
    other.wait(20)
    lab.set_settings({"cache_ttl_s": 50.0}, port=two.port)
    (new,) = instances(two)
    assert new.pid != other.pid
    assert statuses(log_in_at_once(two, clients=8, each=10)) == {200: 80}


def test_none_is_left_when_the_first_is_killed(own_state_dir: object) -> None:
    with lab.up(lab.LabSettings(instances=2, bcrypt_cost=4), faults="none") as running:
        (other,) = instances(running)
        psutil.Process(running.pids["service"]).kill()
        other.wait(20)


def test_figures_of_one_name_are_added_up() -> None:
    one = b"""# HELP a_total b
# TYPE a_total counter
a_total{x="1 2"} 3.0
# HELP pool c
# TYPE pool gauge
pool 10.0
# HELP process_start_time_seconds d
# TYPE process_start_time_seconds gauge
process_start_time_seconds 500.0
"""
    other = one.replace(b"3.0", b"4.0").replace(b"500", b"700")
    families = {
        family.name: (family.type, [sample.value for sample in family.samples])
        for family in text_string_to_metric_families(added([one, other], [one]).decode())
    }
    assert families == {
        "a": ("counter", [10.0]),
        "pool": ("gauge", [20.0]),
        "process_start_time_seconds": ("gauge", [500.0]),
    }
