"""`loadverdict`: the command line. It parses, hands over to one module per command, and exits once."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated

import typer

# Before numpy is loaded: the matrices here are small, and threads that wait for each other cost more than
# they bring.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from commands.app import app
from commands.boundary import guarded
from commands.console import forget_odd_sizes, outlast_readers
from commands.options import (
    HISTORY,
    RUNS_DIR,
    FaultOption,
    HistoryOption,
    JsonOption,
    ProcessesOption,
    RunDirOption,
    ScenarioArgument,
    SeedOption,
    TargetOption,
)
from recording.errors import UsageError


@app.command()
def run(
    scenario: ScenarioArgument = "steps",
    target: TargetOption = "lab",
    fault: FaultOption = None,
    processes: ProcessesOption = 1,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="Repeat the levels until it is clear what load does, then end."),
    ] = False,
    at_most: Annotated[
        str | None,
        typer.Option("--at-most", metavar="DURATION", help="With --until-decided: 90s, 20m, 1h [20m]."),
    ] = None,
    users: Annotated[
        str | None, typer.Option("--users", metavar="LEVELS", help="Other levels: 2,6,11,16,20.")
    ] = None,
    arrivals: Annotated[
        str | None, typer.Option("--arrivals", metavar="LEVELS", help="The same for an open load: 0.5,2,8.")
    ] = None,
    step: Annotated[
        str | None, typer.Option("--step", metavar="DURATION", help="Time per level: 30s.")
    ] = None,
    blocks: Annotated[
        int | None, typer.Option("--blocks", min=1, max=1000, help="How often every level is visited.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Wait for N workers on other machines."),
    ] = None,
    workers_port: Annotated[
        int, typer.Option("--workers-port", min=1, max=65535, help="Where they come to.")
    ] = 5557,
    workers_host: Annotated[
        str, typer.Option("--workers-host", metavar="ADDRESS", help="Of this machine; * is every interface.")
    ] = "*",
    workers_wait: Annotated[
        str,
        typer.Option("--workers-wait", metavar="DURATION", help="How long they are waited for: 90s, 10m."),
    ] = "10m",
    abort_when_missed: Annotated[
        bool, typer.Option("--abort-when-missed", help="End the load once a target cannot be met any more.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Draw the planned load, here and as PNG, and send nothing.")
    ] = False,
    run_dir: RunDirOption = RUNS_DIR,
    json: JsonOption = False,
) -> None:
    """Run a scenario, then say why requests failed and whether the targets are met.

    Starts the lab first where the target is the lab.

    [bold]Examples[/bold]
      loadverdict run
      loadverdict run staircase --fault broken-hash
      loadverdict run steps --target my-api --processes 2
      loadverdict run steps --until-decided --at-most 20m
      loadverdict run steps --users 5,15,30,45,60 --step 30s --blocks 6
      loadverdict run steps --target my-api --workers 4
      loadverdict run soak.yaml --abort-when-missed
      loadverdict run ramp-up --dry-run
    """
    from scenarios.overrides import Overrides, duration_s

    changes = Overrides.parse(
        users,
        step,
        blocks,
        until_decided=until_decided,
        at_most=at_most,
        arrivals=arrivals,
        abort_when_missed=abort_when_missed,
    )
    if dry_run:
        from commands.dry_run import PLANS, show_plan

        show_plan(scenario, target, changes, run_dir.parent / PLANS)
        return
    from commands.run import Asked, Elsewhere, run_scenario

    if workers is not None and processes > 1:
        raise UsageError("--workers are on other machines, --processes on this one: say one of them")
    elsewhere = None
    if workers is not None:
        wait_s = duration_s(workers_wait, "--workers-wait")
        elsewhere = Elsewhere(workers, workers_port, wait_s, workers_host)
    asked = Asked(scenario, target, fault, processes, run_dir, changes, elsewhere)
    raise typer.Exit(run_scenario(asked, as_json=json))


@app.command()
def abort(
    path: Annotated[str, typer.Argument(help="A run folder, a run's name, or 'latest'.")] = "latest",
    run_dir: RunDirOption = RUNS_DIR,
) -> None:
    """End the load of a run at once; what it recorded is kept and diagnosed (exit code 3).

    The same as an empty file `abort` in the run's folder: for a terminal that is not at hand.

    [bold]Example[/bold]
      loadverdict abort latest
    """
    from commands.abort import abort_run

    raise typer.Exit(abort_run(path, run_dir))


@app.command()
def probe(
    target: Annotated[
        str, typer.Argument(envvar="LOADVERDICT_TARGET", help="Where to send the requests.")
    ] = "lab",
    fault: FaultOption = None,
    run_dir: RunDirOption = RUNS_DIR,
    json: JsonOption = False,
) -> None:
    """The quick diagnosis: 1 client, 100 requests, 0.1 s apart; CSV, codes, error texts, errors per 10 s.

    [bold]Examples[/bold]
      loadverdict probe
      loadverdict probe my-api
    """
    from commands.probe import run_probe

    raise typer.Exit(run_probe(target, fault, run_dir, as_json=json))


@app.command()
def diagnose(
    path: Annotated[
        str, typer.Argument(help="A run folder, a run's name, 'latest', or a result file.")
    ] = "latest",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for verdict.json and the report.")
    ] = None,
    run_dir: RunDirOption = RUNS_DIR,
    json: JsonOption = False,
    wait: Annotated[bool, typer.Option("--wait", hidden=True)] = False,
) -> None:
    """Say why requests failed, from a run folder or from a file of another tool.

    Exits with 0 when there is a verdict on a whole and valid run, whatever the verdict; see 'gate'.

    [bold]Examples[/bold]
      loadverdict diagnose
      loadverdict diagnose reports/runs/20260101T120000Z-steps
      loadverdict diagnose results.csv --out report/
    """
    from analysis.render.drawing import drawing

    with drawing() as process:
        # Loaded while the other process loads what it draws with.
        from commands.diagnose import diagnose_path

        code = diagnose_path(path, out, run_dir, as_json=json, wait=wait, drawing=process)
    raise typer.Exit(code)


@app.command()
def gate(
    path: Annotated[
        str, typer.Argument(help="A run folder, a run's name, 'latest', or a result file.")
    ] = "latest",
    run_dir: RunDirOption = RUNS_DIR,
    json: JsonOption = False,
) -> None:
    """May the release ship? Targets and validity as an exit code, and as JUnit XML in the run's analysis/.

    [bold]Example[/bold]
      loadverdict gate latest || echo "do not ship"
    """
    from commands.gate import gate_path

    raise typer.Exit(gate_path(path, run_dir, as_json=json))


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="A run, or several with commas between them: before.")],
    new: Annotated[str, typer.Argument(help="The same: after.")] = "latest",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the report.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare runs of unlike scenarios, targets, loads or generators.")
    ] = False,
    run_dir: RunDirOption = RUNS_DIR,
    json: Annotated[
        bool, typer.Option("--json", help="Print comparison.json instead of the summary.")
    ] = False,
) -> None:
    """Before and after: what became better, worse, no different, or cannot be told.

    Exit codes: 0 nothing is worse · 1 worse · 2 usage, or the runs are not alike · 3 a run is incomplete ·
    4 load generator invalid · 6 no data

    [bold]Examples[/bold]
      loadverdict compare 20260101T120000Z-steps latest
      loadverdict compare before.csv after.csv
      loadverdict compare monday,tuesday,wednesday latest
    """
    from commands.compare import compare_paths

    raise typer.Exit(compare_paths(base, new, run_dir, out, anyway=anyway, as_json=json))


@app.command()
def regression(
    scenario: ScenarioArgument = "steps",
    target: TargetOption = "lab",
    fault: FaultOption = None,
    processes: ProcessesOption = 1,
    history: HistoryOption = HISTORY,
    at_most: Annotated[
        str, typer.Option("--at-most", metavar="DURATION", help="The load ends after so long: 30m, 1h.")
    ] = "30m",
    confirm: Annotated[
        int,
        typer.Option(
            "--confirm",
            min=0,
            max=20,
            help="Runs more at once, at most, while it is open whether it is worse.",
        ),
    ] = 6,
    wait: Annotated[
        str,
        typer.Option(
            "--wait", metavar="DURATION", help="For another regression run to end: 30m; 0s refuses."
        ),
    ] = "0s",
    commit: Annotated[
        str | None,
        typer.Option(
            "--commit", help="Of the service; else LOADVERDICT_TARGET_COMMIT, GITHUB_SHA, CI_COMMIT_SHA."
        ),
    ] = None,
    run_dir: RunDirOption = RUNS_DIR,
    json: Annotated[
        bool, typer.Option("--json", help="Print regression.json instead of the summary.")
    ] = False,
) -> None:
    """A scheduled run: run, gate, hold against the history, record, report. One exit code.

    Exit codes: 0 targets met and no regression · 1 a target missed, or a regression · 2 usage ·
    3 run incomplete · 4 load generator invalid · 5 refused, or another one is under way · 6 no data

    [bold]Examples[/bold]
      loadverdict regression
      loadverdict regression staircase --target my-api --commit "$(git rev-parse HEAD)"
      loadverdict regression --at-most 20m --wait 1h

    With LOADVERDICT_WEBHOOK in the environment, that address gets the answer as Slack takes it.
    """
    from commands.regression import Options, run_regression
    from commands.run import Asked
    from scenarios.overrides import duration_s

    asked = Asked(scenario, target, fault, processes, run_dir)
    wait_s = 0.0 if wait in ("0", "0s") else duration_s(wait, "--wait")
    options = Options(asked, history, duration_s(at_most, "--at-most"), confirm, wait_s, commit)
    raise typer.Exit(run_regression(options, as_json=json))


@app.command()
def trend(
    scenario: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    history: HistoryOption = HISTORY,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="RUN", help="Take a recorded run into the history.")
    ] = None,
    pin: Annotated[
        list[str] | None, typer.Option("--pin", metavar="RUN", help="Hold later runs against this one.")
    ] = None,
    unpin: Annotated[list[str] | None, typer.Option("--unpin", metavar="RUN", help="No longer.")] = None,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, metavar="N", help="Forget all but N runs of each series.")
    ] = None,
    keep_days: Annotated[
        int | None,
        typer.Option("--keep-days", min=1, max=36_500, metavar="N", help="Forget runs older than N days."),
    ] = None,
    run_dir: RunDirOption = RUNS_DIR,
    json: Annotated[bool, typer.Option("--json", help="Print trend.json instead of the summary.")] = False,
) -> None:
    """What changed from run to run, by how much, and since which commit; also as a page with pictures.

    [bold]Examples[/bold]
      loadverdict trend
      loadverdict trend steps --pin 20260101T120000Z-steps
      loadverdict trend --add latest
      loadverdict trend --keep 500 --keep-days 365
    """
    from commands.trend import Options, run_trend

    options = Options(
        scenario, history, tuple(add or ()), tuple(pin or ()), tuple(unpin or ()), keep, keep_days, run_dir
    )
    raise typer.Exit(run_trend(options, as_json=json))


@app.command()
def experiment(
    name: Annotated[
        str | None, typer.Argument(help="A name from config/experiments, or a .yaml file; without: the list.")
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario", "-s", envvar="LOADVERDICT_SCENARIO", help="Its highest level is the load."
        ),
    ] = "steps",
    target: TargetOption = "lab",
    fault: FaultOption = None,
    users: Annotated[int | None, typer.Option("--users", min=1, help="Another level.")] = None,
    arm: Annotated[
        str | None, typer.Option("--arm", metavar="DURATION", help="Time of each arm that counts: 30s.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=1, max=50, help="How often both states are visited.")
    ] = None,
    seed: SeedOption = 1,
    restore: Annotated[
        bool, typer.Option("--restore", help="Take back what a killed experiment left changed.")
    ] = False,
    experiments_dir: Annotated[
        Path, typer.Option("--experiments-dir", envvar="LOADVERDICT_EXPERIMENTS_DIR", help="Where they go.")
    ] = Path("reports/experiments"),
    json: Annotated[
        bool, typer.Option("--json", help="Print experiment.json instead of the summary.")
    ] = False,
) -> None:
    """Change one thing and see whether the errors go: arms by turns under equal load, then all as before.

    Exit codes: 0 measured as planned, whatever came out · 2 usage · 3 interrupted, incomplete or not
    restored · 4 load generator invalid · 5 refused by a guard rail · 6 no data

    [bold]Examples[/bold]
      loadverdict experiment
      loadverdict experiment pool-50 --fault small-pool
      loadverdict experiment my-change.yaml --target my-api --users 20 --arm 60s
      loadverdict experiment --restore
    """
    from commands import experiment as command

    if restore:
        raise typer.Exit(command.restore(experiments_dir))
    if name is None:
        from rich.console import Console

        raise typer.Exit(command.list_experiments(Console()))
    from commands.conduct import Options

    options = Options(scenario, target, fault, users, arm, pairs, seed, experiments_dir)
    raise typer.Exit(command.run_experiment(name, options, RUNS_DIR, as_json=json))


@app.command()
def investigate(
    scenario: ScenarioArgument = "steps",
    target: TargetOption = "lab",
    fault: FaultOption = None,
    run_: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Begin with this run (or 'latest') instead of a new one."),
    ] = None,
    at_most: Annotated[
        str, typer.Option("--at-most", metavar="DURATION", help="For all of it: 15m, 1h.")
    ] = "15m",
    experiments: Annotated[
        list[str] | None,
        typer.Option("--experiment", "-e", metavar="NAME", help="Try this one too, and first; a .yaml file."),
    ] = None,
    seed: SeedOption = 1,
    investigations_dir: Annotated[
        Path,
        typer.Option("--investigations-dir", envvar="LOADVERDICT_INVESTIGATIONS_DIR", help="Where they go."),
    ] = Path("reports/investigations"),
    run_dir: Annotated[Path, typer.Option("--run-dir", "-d", help="Where --run looks.")] = RUNS_DIR,
    json: Annotated[
        bool, typer.Option("--json", help="Print investigation.json instead of the summary.")
    ] = False,
) -> None:
    """Find the cause: run, rank the suspects, try the experiment of each, until one explains the errors.

    Exit codes: 0 investigated as planned, whatever came out · 2 usage · 3 interrupted, incomplete or not
    restored · 4 load generator invalid · 5 refused by a guard rail · 6 no data

    [bold]Examples[/bold]
      loadverdict investigate
      loadverdict investigate --fault small-pool
      loadverdict investigate --run latest --at-most 10m
      loadverdict investigate --target my-api --experiment my-pool.yaml --experiment my-cache.yaml
    """
    from commands.investigate import Options, run_investigation

    options = Options(
        scenario, target, fault, run_, at_most, seed, tuple(experiments or ()), investigations_dir, run_dir
    )
    raise typer.Exit(run_investigation(options, as_json=json))


@app.command(
    "lab",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def lab_command(context: typer.Context) -> None:
    """The embedded login service: up, down, status, faults ('loadverdict lab --help').

    [bold]Examples[/bold]
      loadverdict lab up --fault broken-hash
      loadverdict lab faults
    """
    from lab.main import main as lab_main

    raise typer.Exit(lab_main(context.args))


@app.command()
def web(
    target: TargetOption = "lab",
    fault: FaultOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Of Locust's web page.")] = 8089,
    host: Annotated[
        str, typer.Option("--host", help="Address that the page listens on; others than this need --login.")
    ] = "127.0.0.1",
    login: Annotated[
        bool, typer.Option("--login", help="Ask for the password in LOADVERDICT_WEB_PASSWORD.")
    ] = False,
    processes: ProcessesOption = 1,
    run_dir: RunDirOption = RUNS_DIR,
) -> None:
    """Locust's web page, with the scenario as a choice; every run leaves a folder with a verdict.

    [bold]Examples[/bold]
      loadverdict web --port 8090
      LOADVERDICT_WEB_PASSWORD=… loadverdict web --login --host 10.0.0.5
    """
    from commands.web import Page, serve

    raise typer.Exit(serve(target, fault, Page(host, port, login), processes, run_dir))


def main() -> None:
    """Entry point: every error a user can act on becomes one sentence and its exit code."""
    # Loading modules makes many objects that stay; Python would look through them all again and again.
    gc.set_threshold(50_000, 20, 100)
    outlast_readers()
    forget_odd_sizes()
    try:
        guarded(app)
    finally:
        gc.freeze()  # what is left goes with the process; looking through it first takes 0.2 s


if __name__ == "__main__":
    main()
