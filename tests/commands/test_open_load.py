"""An open load on real servers: every arrival due is counted, and whoever came in a freeze has seen it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from recording.sample import Samples
from scenarios.load import plan
from scenarios.loads.arrivals import due_times_s
from scenarios.scenario import load_scenario
from tests.commands.conftest import Cli, Target, serving, wait_for

OPEN = """
load: {{shape: hold, arrivals: 50, hold_s: {hold_s}, spread: {spread}, max_in_flight: {cap}}}
accounts: shared
timeouts: {{connect_s: 2, read_s: 12, total_s: 12}}
"""


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Target]:
    """A server of the mode that the test names."""
    with serving(tmp_path, request.param) as target:
        yield target


def arrivals(cli: Cli) -> dict[str, Any]:
    counts: dict[str, Any] = cli.verdict()["quality"]["arrivals"]
    return counts


def exactly_counted(cli: Cli, served: Target) -> Samples:
    """Every arrival was sent or skipped, and what was sent is what was recorded and what the server read."""
    counts = arrivals(cli)
    assert counts["due"] == counts["sent"] + counts["skipped"]
    samples = read_run(cli.only_run()).samples
    assert len(samples) == int((samples.delay_ms >= 0).sum()) == counts["sent"] == served.served()
    return samples


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
@pytest.mark.parametrize("served", ["slow"], indirect=True)
def test_due_is_sent_plus_skipped_exactly(
    cli: Cli, served: Target, scenario: Callable[[str], str], processes: str
) -> None:
    """150 would be in flight, 60 may: most of the later ones are skipped, and none is forgotten."""
    path = scenario(OPEN.format(hold_s=4, spread="poisson", cap=60))
    done = cli.run(path, served, "--processes", processes)
    assert done.returncode == 3, done.stdout + done.stderr
    planned = load_scenario(path)
    counts = arrivals(cli)
    assert counts["due"] == len(list(due_times_s(plan(planned.load, planned.seed), planned.seed)))
    assert counts["skipped"] > counts["due"] / 4
    assert exactly_counted(cli, served).in_flight.max() < 60
    assert any("skipped" in finding["text"] for finding in cli.verdict()["quality"]["findings"])
    assert cli.verdict()["sentence"].startswith("The planned load was not made: ")


@pytest.mark.parametrize("processes", [pytest.param("1", marks=pytest.mark.slow), "2"])
@pytest.mark.parametrize("served", ["slow"], indirect=True)
def test_an_interrupted_run_has_forgotten_no_arrival(
    cli: Cli, served: Target, scenario: Callable[[str], str], processes: str
) -> None:
    path = scenario(OPEN.format(hold_s=60, spread="poisson", cap=60))
    arguments = ["--target", str(served.file), "--run-dir", str(cli.runs), "--processes", processes]
    process = cli.start("run", path, *arguments)
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None))
    wait_for(lambda: Follower(RunFolder(folder)).look().finished > 10)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert arrivals(cli)["skipped"] > 0
    exactly_counted(cli, served)


@pytest.mark.slow
@pytest.mark.parametrize("served", ["limit"], indirect=True)
def test_the_verdict_goes_by_the_planned_rate(
    cli: Cli, served: Target, scenario: Callable[[str], str]
) -> None:
    """Beyond 12 a second the server refuses at once: the more fails, the less is in flight."""
    load = "load: {shape: steps, arrivals: [4, 9, 20, 40], step_s: 1.5, blocks: 4, spread: even}\n"
    done = cli.run(scenario(load + "accounts: shared\n"), served)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    exactly_counted(cli, served)
    verdict = cli.verdict()
    effect = verdict["load_effect"]
    assert (effect["answer"], effect["axis"]) == ("rises", "arrivals/s"), effect["why"]
    assert [level["users_low"] for level in verdict["levels"]] == [4, 9, 20, 40]
    shares = [level["error_rate"]["value"] for level in verdict["levels"]]
    assert max(shares[:2]) < 0.1 < shares[2] < shares[3]
    assert verdict["next_run"] is None
    assert "arrivals/s" in done.stdout
    assert " users" not in (cli.only_run() / "analysis/report.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("served", ["mixed"], indirect=True)
def test_one_rate_asks_for_several_in_arrivals(
    cli: Cli, served: Target, scenario: Callable[[str], str]
) -> None:
    cli.run(scenario(OPEN.format(hold_s=8, spread="poisson", cap=60)), served)
    advice = cli.verdict()["next_run"]
    assert advice["levels"] == [5, 15, 28, 40, 50]
    assert "--arrivals 5,15,28,40,50 --step" in advice["command"]
    dry = cli(*advice["command"].replace("TARGET", "lab").split()[1:], "--dry-run")
    assert "up to 50 arrivals/s" in dry.stdout, dry.stderr


CLOSED = """
load: {shape: hold, users: 2, hold_s: 10}
think_time_s: 0.01
accounts: shared
timeouts: {read_s: 12, total_s: 12}
"""
"""Two users send about 40 a second; only their two requests wait for a freeze, and nobody else comes."""


def test_latency_from_intended_start_shows_a_freeze_that_a_closed_load_hardly_sees(tmp_path: Path) -> None:
    """Both at the same time, each on a server of its own that stands still for 5 s."""
    open_cli, closed_cli = (Cli(tmp_path / name) for name in ("open", "closed"))
    with ExitStack() as servers:
        going = []
        for cli, text in ((open_cli, OPEN.format(hold_s=10, spread="even", cap=300)), (closed_cli, CLOSED)):
            cli.folder.mkdir()
            (cli.folder / "short.yaml").write_text(text)
            served = servers.enter_context(serving(cli.folder, "freeze"))
            words = ("--target", str(served.file), "--run-dir", str(cli.runs))
            going.append((served, cli.start("run", "short.yaml", *words)))
        told = [process.communicate(timeout=120) for _, process in going]
        (served, process), (_, closed) = going
        assert process.returncode in (0, 1), told
        assert closed.returncode in (0, 1, 4), told
        count = served.served()
    counts = arrivals(open_cli)
    assert (counts["due"], counts["skipped"]) == (500, 0)
    latency = open_cli.verdict()["latency_ms"]["from_intended"]
    assert latency["n"] == counts["sent"] == count
    # A quarter of all arrivals came while it stood still for 5 s, one after the other.
    assert latency["p95"] > 3000
    assert latency["p99"] > 4500
    assert "From due time" in told[0][0]
    assert "From intended start" in (open_cli.only_run() / "analysis/report.md").read_text()

    verdict = closed_cli.verdict()
    assert verdict["latency_ms"]["all"]["p95"] < 1000, told
    assert verdict["latency_ms"]["from_intended"] is None
    assert verdict["quality"]["arrivals"] is None
    assert "From due time" not in told[1][0]
    assert json.loads((closed_cli.only_run() / "manifest.json").read_text())["clean_end"] is True
