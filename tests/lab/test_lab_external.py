"""A lab on servers that are there already keeps to its own schema and keys, and takes them away again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from lab_client import log_in_at_once, statuses
from valkey import Valkey

import lab
from lab.processes import Janitor
from lab.servers import PostgreSQL, make_home, start_valkey

pytestmark = pytest.mark.lab
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Servers:
    postgres: str
    valkey: str

    def environment(self) -> dict[str, str]:
        return {"LAB_POSTGRES_URL": self.postgres, "LAB_VALKEY_URL": self.valkey}

    def schemas(self) -> list[str]:
        with psycopg.connect(self.postgres) as server:
            rows = server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'loadverdict_lab%'")
            return [name for (name,) in rows]

    def keys(self) -> list[str]:
        with Valkey.from_url(self.valkey, decode_responses=True) as server:
            return sorted(server.scan_iter())


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Servers that no lab has started."""
    janitor = Janitor()
    try:
        home = make_home(janitor)
        postgres = PostgreSQL(home, janitor)
        postgres.initialise()
        valkey = start_valkey(home, janitor)
        database = postgres.start()
        yield Servers(database.url, valkey.url)
    finally:
        database.child.stop(signal.SIGQUIT, 5)
        valkey.child.stop(signal.SIGKILL, 5)
        janitor.finish()


def test_a_lab_on_given_servers_leaves_only_what_was_there(servers: Servers) -> None:
    with Valkey.from_url(servers.valkey) as server:
        server.set("mine", "stays")
    environment = {**servers.environment(), "LAB_STATE_DIR": os.environ["LAB_STATE_DIR"]}
    with (
        lab.up(faults="none", environment=environment) as one,
        lab.up(faults="none", environment=environment) as two,
    ):
        assert set(one.pids) == {"service", "supervisor", "janitor"}
        for running in (one, two):
            assert statuses(log_in_at_once(running, clients=5, each=4)) == {200: 20}
        assert len(servers.schemas()) == 2
        assert len(servers.keys()) == 1 + 2 * 20
    assert servers.schemas() == []
    assert servers.keys() == ["mine"]


def test_after_a_crash_the_janitor_drops_the_schema(servers: Servers, tmp_path: Path) -> None:
    environment = {**os.environ, **servers.environment(), "LAB_STATE_DIR": str(tmp_path / "labs")}
    command = [sys.executable, "-m", "lab.main", "up", "--fault", "none"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert any("answers at" in line for line in supervisor.stdout)
        assert len(servers.schemas()) == 1
        supervisor.kill()
    deadline = time.monotonic() + 15
    while servers.schemas() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert servers.schemas() == []


def test_a_server_that_is_not_there_is_said_so() -> None:
    environment = {
        "LAB_POSTGRES_URL": "postgresql://127.0.0.1:1/x",
        "LAB_STATE_DIR": os.environ["LAB_STATE_DIR"],
    }
    with pytest.raises(lab.LabError, match="LAB_POSTGRES_URL"):
        lab.up(faults="none", environment=environment)
