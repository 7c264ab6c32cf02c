"""The whole way on the real lab: PostgreSQL, Valkey, bcrypt, Locust, verdict."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lab
from recording.reader import read_run
from recording.run import Run
from scenarios.config import CONFIG_DIR
from tests.commands.conftest import Cli, Target

pytestmark = pytest.mark.lab

LIGHT = """
behaviour: session
load: {shape: steps, users: [1, 4], step_s: 3, blocks: 1}
think_time_s: 0.2
"""


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[lab.RunningLab]:
    with lab.up(faults="none") as running:
        text = (CONFIG_DIR / "targets/lab.yaml").read_text()
        text = text.replace("base_url: lab", f"base_url: {running.url}\naccounts: {running.accounts_path}")
        (tmp_path / "target.yaml").write_text(text)
        monkeypatch.setenv("PHASE_LOG", str(running.phase_log_path))
        monkeypatch.setenv("SERVICE_PID", str(running.pids["service"]))
        monkeypatch.setenv("CACHE_URL", running.cache_url)
        yield running


def counted(running: lab.RunningLab) -> int:
    """Login and me requests that the service has read, by its own counter."""
    with urllib.request.urlopen(f"{running.url}/metrics") as answer:
        text = answer.read().decode()
    started = re.findall(r'lab_requests_started_total\{endpoint="([^"]+)"\} (\S+)', text)
    assert started
    return sum(int(float(count)) for endpoint, count in started if endpoint in ("login", "me"))


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_the_lab_counts_what_the_run_recorded_and_a_healthy_lab_has_no_suspect(
    cli: Cli, healthy: lab.RunningLab, tmp_path: Path, scenario: Callable[[str], str], processes: str
) -> None:
    before = counted(healthy)
    arguments = [
        "--target",
        str(tmp_path / "target.yaml"),
        "--run-dir",
        str(cli.runs),
        "--processes",
        processes,
    ]
    done = cli("run", scenario(LIGHT), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    run = read_run(cli.only_run())
    assert len(run.samples) == counted(healthy) - before > 50
    assert {"login", "me"} == set(run.samples.endpoint.names)
    verdict = cli.verdict()
    assert verdict["errors"] == 0
    assert verdict["suspects"] == []
    assert "No request failed" in verdict["sentence"]
    told_by_probes(run, verdict)


def told_by_probes(run: Run, verdict: dict[str, Any]) -> None:
    """Every probe of the lab's target was read, and its phase log has one line per login."""
    assert run.readings is not None
    target = run.readings.source == "target"
    assert {"pool_active", "cache_hits_per_s", "database_ping_ms", "cpu_percent", "cache_command_ms"} <= set(
        run.readings.name[target].tolist()
    )
    lines = target & (run.readings.name == "phase_count") & (run.readings.labels == "total")
    logins = int(run.samples.endpoint.equals("login").sum())
    # The service writes its log twice a second: the last lines may come after the run.
    assert 0.7 * logins <= run.readings.value[lines].sum() <= logins
    assert {e["probe"] for e in run.events if e["kind"] == "probe_ended"} == set(run.manifest["probes"])
    phases = {phase["name"] for phase in verdict["server"]["phases"]}
    assert phases >= {"lock", "lookup", "bcrypt", "token", "total"}


@pytest.mark.slow
def test_a_small_pool_is_seen_to_be_used_up_when_errors_come(
    cli: Cli, scenario: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    load = "behaviour: session\nload: {shape: steps, users: [2, 16], step_s: 15, blocks: 2}\n"
    cli("run", scenario(load), "--fault", "small-pool", "--run-dir", str(cli.runs))
    verdict = cli.verdict()
    pool = next(limit for limit in verdict["server"]["limits"] if limit["resource"] == "pool")
    assert pool["limit"] == 2
    assert pool["leads"]
    first = verdict["suspects"][0]
    assert first["name"] == "pool"
    assert pool["text"] in first["for"]
    assert not any(text.startswith("pool:") for text in first["missing"])


def test_probe_starts_the_lab_prints_the_tables_and_leaves_the_csv(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    done = cli("probe", "--fault", "broken-hash", "--run-dir", str(cli.runs))
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        "HTTP codes of 100 requests",
        "least",
        "error texts",
        "password verification failed",
        "per 10 s",
    ):
        assert expected in done.stdout
    rows = (cli.only_run() / "requests.csv").read_text().splitlines()
    assert rows[0].startswith("request_id,http_code,duration_ms,timestamp")
    assert len(rows) == 101
    assert lab.status() == []


def test_a_fault_that_does_not_exist_is_one_sentence(cli: Cli) -> None:
    done = cli("run", "--fault", "broken-hsh", "--run-dir", str(cli.runs))
    assert done.returncode == 2
    assert "broken-hash" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_needs_the_lab(cli: Cli, mixed: Target) -> None:
    done = cli("run", "--target", str(mixed.file), "--fault", "none", "--run-dir", str(cli.runs))
    assert done.returncode == 2
    assert "--fault works on the lab" in done.stderr
