"""The walk-through with Synapse: its files are what the suite asks for. Synapse itself is not started."""

from __future__ import annotations

import csv
import re
import stat
from pathlib import Path

import pytest
import yaml

from benchmarks.synapse import answer, chosen
from benchmarks.synapse_files import ACCOUNTS, CONFIGURATIONS, Places, homeserver, scenario, target
from benchmarks.synapse_server import free_ports, socket_folder, write_accounts
from recording.probes.spec import Probe
from scenarios.config import CONFIG_DIR, load_named
from scenarios.scenario import load_scenario
from scenarios.target import load_target

PLACES = Places(Path("/somewhere"), 8008, 9000, "synapse_healthy", "/run/pg")


def written(path: Path, content: dict[str, object]) -> str:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


def test_the_target_is_valid_stays_on_this_machine_and_reads_synapse_by_its_map(tmp_path: Path) -> None:
    found = load_target(written(tmp_path / "target.yaml", target(PLACES)))
    found.check_allowed()
    assert found.accounts == tmp_path / "accounts.csv"
    shipped, _ = load_named(Probe, "synapse", "probes", CONFIG_DIR)
    assert set(found.probes["metrics"].signals) == set(shipped.signals) | {"x_login_ms"}


def test_the_scenario_is_valid_fits_the_target_and_has_an_account_for_each_user(tmp_path: Path) -> None:
    found = load_scenario(written(tmp_path / "scenario.yaml", scenario(seed=7)))
    load_target(written(tmp_path / "target.yaml", target(PLACES))).check_against(found)
    assert found.seed == 7
    assert max(scenario()["load"]["users"]) < ACCOUNTS


def test_the_walk_through_shows_what_the_script_writes() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs/synapse.md").read_text()
    shown = [
        yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    load = {key: value for key, value in scenario().items() if key not in ("description", "seed")}
    assert shown[:2] == [target(PLACES), load]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_homeserver_listens_on_this_machine_only_and_keeps_its_secret_in_one_place(name: str) -> None:
    config = homeserver(CONFIGURATIONS[name], PLACES, "the-secret")
    assert all(listener["bind_addresses"] == ["127.0.0.1"] for listener in config["listeners"])
    assert [key for key, value in config.items() if "the-secret" in str(value)] == [
        "registration_shared_secret"
    ]
    assert "the-secret" not in str(target(PLACES))


def test_each_configuration_differs_from_the_healthy_one_in_what_it_is_named_after() -> None:
    def args(name: str) -> tuple[object, ...]:
        config = homeserver(CONFIGURATIONS[name], PLACES, "s")
        database = config["database"]["args"]
        limit = config["rc_login"]["address"]["per_second"]
        return config["bcrypt_rounds"], database["cp_max"], limit, bool(CONFIGURATIONS[name].sql)

    assert args("healthy") == (4, 20, 10_000, False)
    assert args("small-pool") == (4, 2, 10_000, True)
    assert args("slow-trigger") == (4, 20, 10_000, True)
    assert args("bcrypt") == (12, 20, 10_000, False)
    assert args("bcrypt-13") == (13, 20, 10_000, False)
    assert args("rate-limited") == (4, 20, 8, False)


def test_accounts_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    write_accounts(path, [("ann", 'a,"b')])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="") as stream:
        assert list(csv.DictReader(stream)) == [{"username": "ann", "password": 'a,"b'}]


def test_the_folder_of_the_socket_is_read_from_the_connection_string() -> None:
    assert socket_folder("host=/tmp/x/pg user=lab dbname=postgres") == "/tmp/x/pg"


def test_ports_differ() -> None:
    assert len(set(free_ports(3))) == 3


def test_an_answer_is_the_sentence_the_first_suspects_and_the_targets() -> None:
    verdict = {
        "sentence": "Errors rise.",
        "suspects": [{"title": "Pool", "weight": 2.345}],
        "slo": [{"target": "p99 < 1 s", "outcome": "missed"}],
        "latency_ms": {"ok": {"p50": 1234.5, "p99": None}},
    }
    text = answer(CONFIGURATIONS["healthy"], verdict, Path("runs/a"))
    for part in ("Errors rise.", "Pool 2.3", "p99 < 1 s: missed", "p50 1,234 ms, p99 –", "runs/a"):
        assert part in text


def test_an_unknown_configuration_is_named() -> None:
    with pytest.raises(Exception, match="no configuration 'hashing'; there are: healthy, small-pool"):
        chosen("healthy,hashing")
