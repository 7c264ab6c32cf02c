"""Who reaches Locust's page may start what config/ holds, and can bring nothing of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from scenarios.target import load_target
from tests.commands.conftest import Cli, Target, wait_for
from tests.commands.test_live import LEVELS, Ui, serving_ui

USERS = {"user_count": 1, "spawn_rate": 1}

THEIR_SCENARIO = "behaviour: theirs:Owned\nload: {shape: hold, users: 1, hold_s: 1}\n"
THEIR_TARGET = """base_url: URL
requests: {login: {path: /}}
probes:
  x: {kind: log, command: [touch, OWNED]}
"""


@contextmanager
def serving_to_another_user(
    cli: Cli, target: Target, scenario: str, theirs: Path
) -> Iterator[tuple[Ui, dict[str, object]]]:
    """The page, and what another user of the machine would send to it, by what it would be good for."""
    theirs.mkdir()
    (theirs / "s.yaml").write_text(THEIR_SCENARIO)
    text = THEIR_TARGET.replace("URL", target.url).replace("OWNED", str(theirs / "owned"))
    (theirs / "t.yaml").write_text(text)
    load_target(str(theirs / "t.yaml"))
    with serving_ui(cli, target, scenario, 1) as ui:
        yield (
            ui,
            {
                "a target of theirs": {**USERS, "target": theirs / "t.yaml"},
                "a target of theirs behind another": [("target", target.file), ("target", theirs / "t.yaml")],
                "a target beside those of config": {**USERS, "target": "../targets/lab"},
                "a scenario of theirs": {**USERS, "scenario": theirs / "s.yaml"},
                "a file to write": {**USERS, "html_file": theirs / "owned"},
                "another one": {**USERS, "json_file": theirs / "owned"},
                "a listening port": {**USERS, "web_port": 1},
                "no shape": {**USERS, "user_classes": "ScenarioUser", "shape_class": "Default"},
                "an option of nobody": {**USERS, "nothing": 1},
            },
        )


def test_nobody_brings_a_target_a_scenario_or_an_option(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    with serving_to_another_user(cli, mixed, scenario(LEVELS), theirs) as (ui, orders):
        for name, order in orders.items():
            status, _, text = ui.ask("/swarm", "POST", urlencode(order))  # type: ignore[arg-type]
            answer = json.loads(text)
            assert (status, answer["success"]) == (400, False), name
            assert answer["message"].count("\n") == 0
        attributes = json.dumps({"user_class_name": "ScenarioUser", "host": "http://elsewhere.example"})
        assert ui.ask("/user", "POST", attributes)[0] == 404
        # What was refused has not been kept for the next load either.
        ui.start()
        wait_for(lambda: int(mixed.count_file.read_text() or 0) > 3)
        ui.stop()
    assert not (theirs / "owned").exists()
    assert json.loads((cli.only_run() / "manifest.json").read_text())["target"]["base_url"] == mixed.url


@pytest.mark.parametrize("host", ["http://elsewhere.example", ""])
def test_what_the_page_itself_sends_starts_a_load_and_the_target_says_where_it_goes(
    cli: Cli, mixed: Target, scenario: Callable[[str], str], host: str
) -> None:
    load = scenario(LEVELS)
    own = {"user_count": "0", "spawn_rate": "0", "host": host, "run_time": "", "profile": ""}
    with serving_ui(cli, mixed, load, 1) as ui:
        order = urlencode({**own, "scenario": load, "target": mixed.file})
        answer = json.loads(ui.ask("/swarm", "POST", order)[2])
        assert (answer["success"], answer["host"]) == (True, mixed.url)
        wait_for(lambda: int(mixed.count_file.read_text() or 0) > 3)
        ui.stop()
        assert json.loads(ui.ask("/swarm", "POST", urlencode({**own, "scenario": "probe"}))[2])["success"]
        wait_for(lambda: len(list(cli.runs.glob("*-probe"))) == 1)
