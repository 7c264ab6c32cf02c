"""Options and arguments that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

RUNS_DIR = Path(os.environ.get("LOADVERDICT_RUN_DIR") or "reports/runs")

TargetOption = Annotated[
    str, typer.Option("--target", "-t", envvar="LOADVERDICT_TARGET", help="Where the load goes.")
]
ScenarioArgument = Annotated[
    str, typer.Argument(envvar="LOADVERDICT_SCENARIO", help="A name from config/scenarios, or a .yaml file.")
]
FaultOption = Annotated[
    str | None,
    typer.Option("--fault", "-f", help="Switch a fault of the lab on (see 'loadverdict lab faults')."),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", "-p", min=1, max=64, help="Load generating processes.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides which state begins.")]
RunDirOption = Annotated[Path, typer.Option("--run-dir", "-d", help="Where run folders go.")]
HISTORY = RUNS_DIR.parent / "history.sqlite"
HistoryOption = Annotated[
    Path, typer.Option("--history", envvar="LOADVERDICT_HISTORY", help="The file that keeps the runs.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print verdict.json instead of the summary.")]
