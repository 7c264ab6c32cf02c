"""The hash of a scenario: the same for runs that may be compared, another one for runs that may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from recording.folder import RunFolder
from recording.scenario_file import FILE_HASH, read_scenario, write_scenario
from scenarios.scenario import load_scenario, scenario_names

SCENARIO = "behaviour: BEHAVIOUR\nload: {shape: hold, users: 3, hold_s: 5}\n"
STEPS = "steps:\n  - {path: /a, times: 2}\n  - {path: /b}\n"
CLASS = "class Browse:\n    def turn(self, user):\n        user.send('login')\n"


class Files:
    """A scenario and its behaviour, written anew for each hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hash(self, behaviour: str = STEPS, scenario: str = SCENARIO) -> str:
        path = self.folder / "does.yaml"
        path.write_text(behaviour)
        (self.folder / "mine.yaml").write_text(scenario.replace("BEHAVIOUR", str(path)))
        return load_scenario(str(self.folder / "mine.yaml")).fingerprint()

    def hash_of_class(self, module: str, source: str) -> str:
        (self.folder / f"{module}.py").write_text(source)
        return self.hash(scenario=SCENARIO.replace("BEHAVIOUR", f"{module}:Browse"))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Files(tmp_path)


@pytest.mark.parametrize(
    "change",
    [("times: 2", "times: 3"), ("/b", "/c"), ("{path: /b}", "{path: /b, expect: {status: 404}}")],
)
def test_another_behaviour_under_the_same_name_is_another_scenario(
    files: Files, change: tuple[str, str]
) -> None:
    assert files.hash() != files.hash(STEPS.replace(*change))


@pytest.mark.parametrize(
    "change", [("steps:", "# a note\ndescription: mine\nsteps:"), ("times: 2", "times:   2")]
)
def test_how_a_behaviour_is_written_does_not_matter(files: Files, change: tuple[str, str]) -> None:
    assert files.hash() == files.hash(STEPS.replace(*change))


def test_the_source_of_a_python_behaviour_matters(files: Files) -> None:
    first = files.hash_of_class("first_shop", CLASS)
    assert files.hash_of_class("first_shop", CLASS) == first
    assert files.hash_of_class("first_shop", CLASS.replace("login", "me")) != first


def test_behaviours_of_a_mix_and_of_parts_count_too(files: Files) -> None:
    for scenario in (
        SCENARIO.replace("behaviour: BEHAVIOUR", "behaviours: {login: 1, 'BEHAVIOUR': 2}"),
        "parts:\n  one: {behaviour: 'BEHAVIOUR', load: {shape: hold, users: 1, hold_s: 1}}\n",
    ):
        assert files.hash(STEPS, scenario) != files.hash(STEPS.replace("/a", "/z"), scenario)


def test_targets_to_meet_and_descriptions_leave_runs_comparable(files: Files) -> None:
    same = SCENARIO + "description: x\nslo: ['error_rate < 1 %']\nabort_when_missed: true\n"
    assert files.hash() == files.hash(scenario=same)
    assert files.hash() != files.hash(scenario=SCENARIO + "seed: 2\n")


def test_shipped_scenarios_have_hashes_of_their_own() -> None:
    hashes = [load_scenario(name).fingerprint() for name in scenario_names()]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_that_was_written_is_known_again_and_one_with_another_target_is_not(
    name: str, tmp_path: Path
) -> None:
    folder, told = RunFolder(tmp_path), load_scenario(name).to_mapping()
    manifest = {"scenario": {FILE_HASH: write_scenario(folder, told)}}
    assert read_scenario(folder, manifest) == (told, False)
    write_scenario(folder, {**told, "slo": [*told["slo"], "p50 < 1 ms"]})
    assert read_scenario(folder, manifest)[1]
