"""What tests of several packages share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Before numpy is loaded, as the commands do it: matrices are small here, and with threads that wait for each
# other the same tests took eight times the processor time.
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


LOADS = ("commands", "faults", "lab", "security")
"""Folders of tests that start servers and loads of their own: those of a folder run one after another."""

HALVED = "commands"
"""One of them takes as long as all the rest: its first half in the alphabet runs beside the second."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Never more than three such tests at the same time."""
    for item in items:
        if (group := item.path.parent.name) in LOADS:
            if group == HALVED:
                group += "-1" if item.path.name < "test_l" else "-2"
            item.add_marker(pytest.mark.xdist_group(group))
