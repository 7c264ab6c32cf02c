"""What workers tell about themselves, and what becomes of those that tell nothing or something else."""

import pytest

import scenarios.same_version
from recording.errors import UsageError
from scenarios.same_version import LONGEST, WorkerVersions, own_version

WORKERS = {"a": "worker-0", "b": "worker-1"}


def test_workers_of_the_same_version_may_begin() -> None:
    versions = WorkerVersions()
    for client_id in WORKERS:
        versions.tell(client_id, {"version": own_version()})
    versions.check(WORKERS)


@pytest.mark.parametrize("told", [None, [], {}, {"version": 7}, {"version": "x" * 1000}])
def test_whatever_a_stranger_tells_is_another_version(told: object) -> None:
    versions = WorkerVersions()
    versions.tell("a", {"version": own_version()})
    versions.tell("b", told)
    with pytest.raises(UsageError, match="worker-1 runs") as refused:
        versions.check(WORKERS)
    assert len(str(refused.value)) < 4 * LONGEST


def test_a_worker_that_tells_nothing_is_waited_for_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios.same_version, "TELL_LIMIT_S", 0.1)
    versions = WorkerVersions()
    versions.tell("b", {"version": own_version()})
    with pytest.raises(UsageError, match=r"^worker-0 runs a version that it does not tell; this master runs"):
        versions.check(WORKERS)
