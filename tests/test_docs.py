"""What the docs show exists: commands, targets of make, files, keys of scenarios and targets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from analysis.investigation.report import About, Advice, Cause, Excluded, Investigation, Open, Seen, Trial
from commands.main import app
from recording.probes.signals import SIGNALS
from recording.probes.spec import Probe, Rule
from scenarios.behaviour import Step, WrittenBehaviour
from scenarios.experiment import Call, Calls, Experiment
from scenarios.request import Expect, Request
from scenarios.scenario import Scenario, Timeouts, load_scenario
from scenarios.target import Target, load_target, probe_maps

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> dict[str, typer.models.CommandInfo]:
    return {c.name or c.callback.__name__: c for c in app.registered_commands if c.callback}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_and_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    for name in re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.MULTILINE):
        assert name in targets, f"{page.name}: make {name}"
    for name in re.findall(r"(?:^ {4}|`)loadverdict ([a-z]+)", text, re.MULTILINE):
        assert name in commands(), f"{page.name}: loadverdict {name}"


def test_tests_that_are_named_for_bad_input_exist() -> None:
    named = re.findall(r"`([\w/.]+\.py)::(\w+)`", (ROOT / "docs/bad-input.md").read_text())
    assert len(named) > 60
    for file, name in named:
        path = ROOT / (file if "/" in file else f"tests/bad_input/{file}")
        assert re.search(rf"def {name}\(", path.read_text()), f"{file} has no {name}"


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", name, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert name in (ROOT / "README.md").read_text() or name in (ROOT / "docs/start.md").read_text()
    doc = commands()[name].callback.__doc__ or ""  # type: ignore[union-attr]
    assert f"loadverdict {name}" in doc
    assert len(done.stdout) > 100


@pytest.mark.parametrize("model", [Scenario, Timeouts, Target, Request, Expect, Step, WrittenBehaviour])
def test_every_key_is_documented(model: type[Scenario]) -> None:
    text = (ROOT / "docs/start.md").read_text()
    for name, field in model.model_fields.items():
        if name not in ("name", "description"):
            assert (field.alias or name) in text, f"docs/start.md does not explain {field.alias or name}"


@pytest.mark.parametrize("model", [Experiment, Call, Calls])
def test_every_key_of_an_experiment_is_documented(model: type[Experiment]) -> None:
    text = (ROOT / "docs/experiments.md").read_text()
    for name, field in model.model_fields.items():
        if name != "name":
            assert f"`{field.alias or name}`" in text or f"{name}:" in text, name


@pytest.mark.parametrize("model", [Investigation, About, Advice, Cause, Excluded, Open, Seen, Trial])
def test_every_key_of_an_investigation_is_documented(model: type[Investigation]) -> None:
    text = (ROOT / "docs/investigate.md").read_text()
    for name in set(model.model_fields) - {"format"}:
        assert f"`{name}`" in text, f"docs/investigate.md does not explain {name}"


def test_the_five_lines_of_the_readme_are_a_target(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    assert len(block.group(1).strip().splitlines()) <= 6
    path = tmp_path / "my-api.yaml"
    path.write_text(block.group(1))
    load_target(str(path)).check_against(load_scenario("steps"))


def test_help_is_documented_in_the_makefile() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in ("setup", "loadtest", "probe", "diagnose", "gate", "lab", "web", "test", "lint", "help"):
        assert f"make {name}" in done.stdout


@pytest.mark.parametrize("model", [Probe, Rule])
def test_every_key_of_a_probe_is_documented(model: type[Probe | Rule]) -> None:
    text = (ROOT / "docs/probes.md").read_text()
    for name in set(model.model_fields) - {"name", "description"}:
        assert f"`{name}`" in text, f"docs/probes.md does not explain {name}"


def test_every_map_and_signal_is_documented() -> None:
    text = (ROOT / "docs/probes.md").read_text()
    for name in [*probe_maps(), *SIGNALS]:
        assert f"`{name}`" in text, f"docs/probes.md does not name {name}"
