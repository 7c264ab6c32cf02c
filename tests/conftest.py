"""What tests of several packages share."""

from __future__ import annotations

import os
from pathlib import PurePath

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Before numpy is loaded, as the commands do it: matrices are small here, and threads wait for each other.
# With them tests/analysis took 150 s of processor time, without them it takes 44 s.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import scipy.linalg  # noqa: F401  (numpy and scipy have an OpenBLAS each; both read the environment once)

# How long an example takes says more about the machine than about the code. The same examples each time, so
# that a change is never refused for what it did not touch; `make test-all` draws new ones.
settings.register_profile("untimed", deadline=None)
settings.register_profile("seeded", deadline=None, derandomize=True)
settings.load_profile("seeded")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the developer's shell says about the suite or Locust decides a test.

    Nor does what these tests ask of OpenBLAS: a command that a test starts asks for itself.
    """
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    for name in list(os.environ):
        if name.startswith(("LOADVERDICT_", "LOCUST_")):
            monkeypatch.delenv(name)


LANES = {
    "loads-1": ("commands/test_[a-i]*", "security/*"),
    "loads-2": ("commands/test_[j-q]*", "lab/*"),
    "loads-3": ("commands/test_[r-z]*", "faults/*"),
    "comparisons": ("render/test_comparison_texts.py",),
}
"""Files whose tests one worker runs one after another. Those of `loads` start servers and loads of their own,
and mostly wait for them: three at the same time and never more, each lane as long as the others. Those of
`comparisons` look at what earlier ones have made.
"""


class Lanes(LoadScopeScheduling):
    """Deals tests to workers: a lane to one, every other test to whoever is free.

    pytest-xdist begins with what has the most tests. So three of four workers take a lane of loads each, and
    the fourth uses the time that they wait for what only calculates. Its own `--dist loadgroup` does nothing
    with pytest 9.2, and does not say so (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(nodeid.split("::", maxsplit=1)[0])
        lanes = (lane for lane, files in LANES.items() if any(map(file.match, files)))
        return next(lanes, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """How `pytest -n` deals tests to workers."""
    return Lanes(config, log)
