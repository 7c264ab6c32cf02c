"""Names lead nowhere: of runs, scenarios and files, whoever chose them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from recording.errors import LoadverdictError, NoDataError, UsageError
from recording.folder import RUN_NAME, RunFolder, find_run
from scenarios.scenario import load_scenario
from scenarios.target import load_target

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAMES = (
    "steps",
    "..",
    "../../../etc/cron.d/x",
    "/etc/passwd",
    "a\\..\\b",
    "a\x00b",
    "a\nb\x1b[2J\u202e",
    "-rf",
    "<img src=x>",
    "'; DROP TABLE runs; --",
    "prüfung",
    "x" * 300,
    "",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_folder_lies_where_runs_go(tmp_path: Path, name: str) -> None:
    runs = tmp_path / "reports" / "runs"
    made = [RunFolder.create(runs, name, MOMENT) for _ in range(2)]
    assert {folder.path.parent for folder in made} == {runs}
    assert {path.name for path in runs.iterdir()} == {folder.id for folder in made}
    for folder in made:
        assert RUN_NAME.fullmatch(folder.id)
        assert folder.id.startswith("20260102T030405Z-")
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert find_run(folder.id, runs) == folder.path


@pytest.mark.parametrize(
    "name", ["../secret", "..", "a/../../secret", "%2e%2e%2fsecret", "secret\x00", "~root"]
)
def test_a_runs_name_leads_to_runs_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    runs = tmp_path / "a" / "runs"
    RunFolder.create(runs, "steps", MOMENT)
    (tmp_path / "a" / "secret").mkdir()
    elsewhere = tmp_path / "b" / "c"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    if name == "..":  # a path that exists, as the user typed it
        assert find_run(name, runs) == Path("..")
        return
    with pytest.raises((NoDataError, ValueError)):
        find_run(name, runs)


@pytest.mark.parametrize("name", ["../targets/lab", "/etc/passwd", "steps/../steps", ".", "", "steps\x00"])
def test_a_name_of_the_configuration_is_no_path(name: str) -> None:
    for load in (load_scenario, load_target):
        with pytest.raises(LoadverdictError, match=r"no (scenario|target)"):
            load(name)


def test_a_target_keeps_passwords_out_of_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "target.yaml"
    for text in (
        "base_url: http://somebody:hunter2@127.0.0.1:1\n",
        "base_url: http://127.0.0.1:1\nrequests: {a: {path: /, headers: {Authorization: [hunter2]}}}\n",
        "base_url: http://127.0.0.1:1\nrequests: {a: {path: /, form: {password: [hunter2]}}}\n",
        'base_url: http://127.0.0.1:1\nrequests: {a: {path: /, headers: {X-Api-Key: "hunter2\\n"}}}\n',
    ):
        path.write_text(text)
        with pytest.raises(UsageError) as error:
            load_target(str(path))
        assert "hunter2" not in str(error.value)
        assert str(path) in str(error.value)
