"""The list of all runs is kept by the commands themselves, and never costs an exit code."""

from __future__ import annotations

import json
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from commands.all_runs import write_index
from recording.folder import RunFolder
from tests.commands.conftest import Cli, needs_browser
from tests.recording.test_so_far import log
from tests.render.builders import make_verdict


def recorded(runs: Path, scenario: str) -> Path:
    """A run that has ended, and that nobody has diagnosed."""
    folder = RunFolder.create(runs, scenario)
    told = {"name": scenario}
    end = {
        "start_utc": "2026-01-01T12:00:00+00:00",
        "end_utc": "2026-01-01T12:00:10+00:00",
        "clean_end": True,
    }
    folder.write_manifest({"format": 1, "scenario": told, "start_s": 1000.0, "planned_s": 10.0, **end})
    log(folder, "local", [1000.0 + i / 10 for i in range(100)], time_s=1010.0, oldest_s=0.0, end=True)
    return folder.path


def test_diagnose_keeps_the_list(cli: Cli) -> None:
    first, second = recorded(cli.runs, "one"), recorded(cli.runs, "two")
    path = cli.folder / "index.html"
    done = cli("diagnose", str(first), "--run-dir", str(cli.runs))
    assert done.stdout.splitlines()[-1] == "all runs: index.html"
    assert done.stderr == ""
    sentence = json.loads((first / "analysis/verdict.json").read_text())["sentence"]
    text = path.read_text()
    assert sentence in text
    assert f"Not diagnosed yet: &#39;loadverdict diagnose {second.name}&#39;" in text

    again = cli("diagnose", str(second), "--json")
    assert json.loads(again.stdout)["run_id"] == second.name
    assert (again.stderr, again.returncode) == ("", done.returncode)
    assert "Not diagnosed yet" not in path.read_text(), "a list that is there already is kept, wherever it is"

    path.write_text("somebody else's")
    kept = cli("diagnose", str(second), "--run-dir", str(cli.runs))
    assert kept.returncode == done.returncode
    assert kept.stderr.count("\n") == 1
    assert "is not ours" in kept.stderr
    assert "all runs" not in kept.stdout
    assert path.read_text() == "somebody else's"


def test_a_file_of_another_tool_leaves_no_list(cli: Cli) -> None:
    rows = "\n".join(f"{i},200,100,{1_700_000_000 + i}" for i in range(50))
    (cli.folder / "results.csv").write_text(f"request_id,http_code,duration_ms,timestamp\n{rows}\n")
    done = cli("diagnose", "results.csv", "--run-dir", str(cli.runs))
    assert "all runs" not in done.stdout + done.stderr
    assert not list(cli.folder.rglob("index.html"))


@needs_browser
def test_the_choices_work_without_a_script(tmp_path: Path, browser: WebDriver) -> None:
    runs = tmp_path / "runs"
    for name, scenario, target in (("a", "one", "lab"), ("b", "two", "lab"), ("c", "two", "api")):
        folder = runs / name / "analysis"
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_text(make_verdict(scenario=scenario, target=target).to_json())
    browser.get(write_index(runs).as_uri())

    def choose(text: str) -> set[str]:
        for label in browser.find_elements(By.CSS_SELECTOR, ".choose label"):
            if label.text.split("\n")[0].split()[0] == text:
                label.click()
        rows = browser.find_elements(By.CSS_SELECTOR, "tbody tr")
        return {row.find_element(By.CSS_SELECTOR, "th .note").text for row in rows if row.is_displayed()}

    assert choose("all") == {"one → lab", "two → lab", "two → api"}
    assert choose("two") == {"two → lab", "two → api"}
    assert choose("lab") == {"two → lab"}
    assert choose("all") == {"one → lab", "two → lab", "two → api"}
    assert browser.get_log("browser") == []
