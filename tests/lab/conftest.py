"""One healthy lab for all tests that only talk to it; a test that changes it gets it back as it was."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_client import Client, read_accounts

import lab


@pytest.fixture(scope="session", autouse=True)
def own_state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keeps these labs apart from those that somebody runs at the same time."""
    folder = tmp_path_factory.mktemp("labs")
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("LAB_")}
    os.environ["LAB_STATE_DIR"] = str(folder)
    yield folder
    del os.environ["LAB_STATE_DIR"]
    os.environ.update(before)


@pytest.fixture(scope="session")
def shared_lab(own_state_dir: Path) -> Iterator[lab.RunningLab]:
    with lab.up(faults="none") as running:
        yield running


@pytest.fixture
def running(shared_lab: lab.RunningLab) -> Iterator[lab.RunningLab]:
    yield shared_lab
    lab.set_faults("none", port=shared_lab.port)


@pytest.fixture
def client(running: lab.RunningLab) -> Iterator[Client]:
    with Client(running) as connected:
        yield connected


@pytest.fixture
def accounts(running: lab.RunningLab) -> list[dict[str, str]]:
    return read_accounts(running)
