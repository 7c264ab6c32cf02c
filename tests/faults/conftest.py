"""The bench on which runs are disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Cli, chat
from tests.faults.harness import Bench
from tests.faults.networks import Network

__all__ = ["chat"]  # a fixture for the tests here too


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A folder, a server and runs against it; nothing of them is left afterwards."""
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Another one, for a run to compare with."""
    made = Bench(tmp_path_factory.mktemp("other"))
    yield made
    made.close()


@pytest.fixture
def network() -> Iterator[Network]:
    """A network of the test's own."""
    made = Network()
    yield made
    made.close()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Runs commands in an empty folder."""
    return Cli(tmp_path)
