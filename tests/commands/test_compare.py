"""`loadverdict compare` on real files and runs: report, exit codes, and refusals in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.commands.conftest import STEADY, Cli, Target

QUICK = STEADY.replace("hold_s: 5", "hold_s: 1")


@pytest.fixture
def results(tmp_path: Path) -> Callable[[str, float], str]:
    """Writes 3,000 requests of which a share failed; returns the file."""

    def write(name: str, rate: float) -> str:
        rng = np.random.default_rng(len(name))
        time_s = 1_790_000_000 + np.sort(rng.uniform(0, 120, 3000))
        failed = rng.random(3000) < rate
        rows = zip(np.where(failed, 503, 200), rng.lognormal(5, 0.3, 3000), time_s, strict=True)
        lines = [f"{i},{code},{ms:.1f},{at:.3f},10" for i, (code, ms, at) in enumerate(rows)]
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["request_id,http_code,duration_ms,timestamp,users", *lines]) + "\n")
        return str(path)

    return write


def test_what_is_worse_is_exit_code_1_and_a_report(cli: Cli, results: Callable[[str, float], str]) -> None:
    good, bad = results("good", 0.01), results("bad", 0.3)
    done = cli("compare", good, bad, "--out", "report")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("New is worse: error rate rises from")
    assert {path.name for path in (cli.folder / "report").iterdir()} == {
        "comparison.json",
        "comparison.md",
        "comparison.html",
    }
    told = json.loads((cli.folder / "report/comparison.json").read_text())
    assert (told["format"], told["answer"], told["base"]["runs"]) == (1, "worse", ["good.csv"])
    page = (cli.folder / "report/comparison.html").read_text()
    assert told["sentence"] in page
    assert "data:image/png;base64," in page
    back = cli("compare", bad, good, "--json")
    assert back.returncode == 0
    assert json.loads(back.stdout)["answer"] == "better"
    assert cli("compare", f"{good},{good}", good).returncode == 0


def test_unlike_runs_are_refused_and_compared_anyway_if_told(
    cli: Cli, mixed: Target, scenario: Callable[[str], str]
) -> None:
    names = []
    for text in (QUICK, QUICK, QUICK.replace("users: ", "users: 1")):
        assert cli.run(scenario(text), mixed).returncode in (0, 1)
        names.append(sorted(path.name for path in cli.runs.iterdir())[-1])
    where = ("--run-dir", str(cli.runs))
    alike = cli("compare", names[0], names[1], *where)
    assert alike.returncode == 0, alike.stdout + alike.stderr
    assert (cli.runs / names[1] / "analysis/comparison.html").exists()
    refused = cli("compare", names[0], names[2], *where)
    assert refused.returncode == 2
    assert "these runs are not alike (what the scenario does (its hash): " in refused.stderr
    told = cli("compare", names[0], names[2], "--anyway", *where)
    assert told.returncode in (0, 1)
    assert "the runs differ in what the scenario does" in " ".join(told.stdout.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing", "here"), 6, "no run or result file 'nothing'"),
        ((",", "x"), 2, "name a run"),
    ],
)
def test_a_mistake_is_one_sentence(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    done = cli("compare", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr
