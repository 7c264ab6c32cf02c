"""What tests of several packages share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

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
}
"""Files whose tests start servers and loads of their own, and mostly wait for them. Those of a lane run one
after another, and a lane takes about as long as the others: three loads at the same time, and never more.

pytest-xdist begins with the groups that have the most tests. So three workers of `make test` take a lane
each, and the fourth uses the time that they wait: it takes what only calculates.
"""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests into their lanes."""
    for item in items:
        for lane, files in LANES.items():
            if any(item.path.match(pattern) for pattern in files):
                item.add_marker(pytest.mark.xdist_group(lane))
