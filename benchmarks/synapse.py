"""What the verdict says about a real foreign server: Matrix Synapse from PyPI, healthy and made ill.

    python -m benchmarks.synapse FOLDER [--only healthy,bcrypt] [--seed 1]

Installs Synapse into a venv in FOLDER (about 20 s), starts it on the lab's embedded PostgreSQL, makes
accounts, writes the target file, and runs `loadverdict run` against it: some two minutes per configuration.
FOLDER/NAME keeps target, scenario and run. docs/synapse.md tells what came out.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.synapse_files import CONFIGURATIONS, Configuration, scenario
from benchmarks.synapse_server import database_server, install, running
from commands.interrupts import interrupts
from lab.errors import LabError

_PATIENCE_S = 60.0
"""What a run that was interrupted may take to write down what it has."""
SUSPECTS = 4


def loadverdict_run(target: Path, folder: Path, seed: int) -> Path:
    """One run against a target, its output in `folder`/run.log; returns the run folder.

    Raises:
        LabError: no run folder came of it.
    """
    scenario_file, runs = folder / "synapse-steps.yaml", folder / "runs"
    scenario_file.write_text(yaml.safe_dump(scenario(seed), sort_keys=False))
    command = [sys.executable, "-m", "commands.main", "run", str(scenario_file)]
    command += ["--target", str(target), "--run-dir", str(runs)]
    before = set(runs.glob("*/analysis/verdict.json"))
    wide = {**os.environ, "COLUMNS": "110"}
    with (
        (folder / "run.log").open("w") as log,
        # In a session of its own Ctrl-C reaches it once, through us.
        subprocess.Popen(command, stdout=log, stderr=log, env=wide, start_new_session=True) as run,
    ):
        try:
            run.wait()
        except BaseException:
            run.send_signal(signal.SIGINT)
            run.wait(_PATIENCE_S)
            raise
    made = set(runs.glob("*/analysis/verdict.json")) - before
    if not made:
        raise LabError(f"the run was not made or not diagnosed; its output is {folder / 'run.log'}.")
    return max(made).parent.parent


def answer(configuration: Configuration, verdict: dict[str, Any], run: Path) -> str:
    """What the tool said about one configuration, in a few lines."""
    suspects = [f"{one['title']} {one['weight']:.1f}" for one in verdict["suspects"][:SUSPECTS]]
    targets = [f"{one['target']}: {one['outcome']}" for one in verdict["slo"]]
    latency = verdict["latency_ms"]["ok"]
    lines = (
        f"{configuration.name} ({configuration.about})",
        f"  {verdict['sentence']}",
        f"  suspects: {'; '.join(suspects) or 'none'}",
        f"  targets: {'; '.join(targets)}",
        f"  successes: p50 {_ms(latency['p50'])}, p99 {_ms(latency['p99'])}",
        f"  {run}",
    )
    return "\n".join(lines)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def compare(names: list[str], folder: Path, seed: int) -> None:
    """Start, load and stop each configuration in turn; print what was said about it.

    Raises:
        LabError: something could not be installed or started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    python = install(folder)
    with database_server() as (database, janitor):
        for configuration in (CONFIGURATIONS[name] for name in names):
            here = folder / configuration.name
            here.mkdir(exist_ok=True)
            with running(configuration, here, python, database, janitor) as target:
                run = loadverdict_run(target, here, seed)
            verdict = json.loads((run / "analysis/verdict.json").read_text())
            print(answer(configuration, verdict, run), flush=True)


def chosen(text: str) -> list[str]:
    """The configurations that `--only` names; raises ArgumentTypeError for one that there is not."""
    names = text.split(",")
    if unknown := [name for name in names if name not in CONFIGURATIONS]:
        raise argparse.ArgumentTypeError(
            f"no configuration {unknown[0]!r}; there are: {', '.join(CONFIGURATIONS)}"
        )
    return names


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", type=chosen, default=list(CONFIGURATIONS))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        with interrupts():
            compare(options.only, options.folder.resolve(), options.seed)
    except KeyboardInterrupt:
        sys.exit(130)
    except LabError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
