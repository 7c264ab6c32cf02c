"""`loadverdict run`: lab, load, verdict, gate, in this order, with progress and one exit code."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from analysis.ended_early import told_cut_off
from analysis.gate import gate_code
from commands import locust_process
from commands.all_runs import keep_index
from commands.diagnose import Diagnosis, show, shown_if_unwritten, write_diagnosis
from commands.gate import MEANING
from commands.looker import LOAD, TARGETS, Looker, target_times_s
from commands.preflight import check_before_load, check_room
from commands.progress import show_progress
from commands.with_lab import reachable
from recording.errors import NoDataError, UsageError
from recording.folder import CUT_OFF, NOT_BEGUN, WORKERS_THERE, RunFolder
from recording.follow import Follower
from recording.logs import finish
from scenarios.addresses import addresses_of
from scenarios.overrides import ENV_OVERRIDES, Overrides, look_times_s
from scenarios.scenario import Scenario, load_scenario
from scenarios.target import Target, is_loopback, load_target

AS_IT_IS = Overrides()


class Elsewhere(NamedTuple):
    """Workers on other machines: how many to wait for, the port they come to, how long, and the address of
    this machine that listens (`*`: all of them)."""

    workers: int
    port: int
    wait_s: float = 600.0
    host: str = "*"


class Asked(NamedTuple):
    """What is to be run: scenario and target as the user named them, the lab's fault, where runs go."""

    scenario: str
    target: str
    fault: str | None
    processes: int
    runs_dir: Path
    changes: Overrides = AS_IT_IS
    elsewhere: Elsewhere | None = None


def run_scenario(asked: Asked, *, as_json: bool) -> int:
    """Run, diagnose, print; returns the exit code of the gate."""
    console = Console(stderr=as_json)
    with shown_if_unwritten(console, as_json=as_json):
        diagnosis = run_once(asked, console)
    code = gate_code(diagnosis.verdict)
    show(diagnosis, as_json=as_json)
    console.print(Text(f"{MEANING[code]} (exit code {code})", style="bold"))
    keep_index(asked.runs_dir.resolve() / diagnosis.run.id, asked.runs_dir, console)
    return code


def run_once(asked: Asked, console: Console, limit_s: float | None = None) -> Diagnosis:
    """Run, with the lab where the target is the lab, and diagnose.

    Args:
        asked: what to run.
        console: tells of the progress.
        limit_s: the load ends after so long, and the run is incomplete.

    Raises:
        LoadverdictError: it cannot begin.
    """
    scenario = asked.changes.applied_to(load_scenario(asked.scenario))
    target = load_target(asked.target)
    if asked.elsewhere is not None and target.is_lab:
        raise UsageError(
            "the lab that comes with a run is on this machine only: give --workers a --target that they reach"
        )
    with reachable(target, asked.fault, console) as there:
        workers = asked.elsewhere.workers if asked.elsewhere else asked.processes
        check_before_load(scenario, there, workers)
        check_room(asked.runs_dir.resolve())
        folder = RunFolder.create(asked.runs_dir.resolve(), scenario.name)
        _announce(console, scenario, there, folder, asked)
        record(
            scenario,
            asked.scenario,
            there,
            asked.target,
            asked.processes,
            folder,
            console,
            asked.changes,
            asked.elsewhere,
            limit_s,
            may_end_early=True,
        )
    return write_diagnosis(folder.path)


def record(
    scenario: Scenario,
    scenario_name: str,
    target: Target,
    target_name: str,
    processes: int,
    folder: RunFolder,
    console: Console,
    changes: Overrides = AS_IT_IS,
    elsewhere: Elsewhere | None = None,
    limit_s: float | None = None,
    *,
    may_end_early: bool = False,
) -> bool:
    """Have Locust run the scenario into the folder; returns whether somebody interrupted it.

    With `may_end_early` a scenario that says so ends once a target is missed; runs that are compared with
    others must not. Returns when the load has ended, however it ended; what was recorded is in the folder.
    """
    options = ("--headless", "--only-summary", "--exit-code-on-error", "0")
    if elsewhere is None:
        arguments = locust_process.command(processes, *options)
    else:
        arguments = locust_process.master_command(*elsewhere, *options)
    told = {"LOADVERDICT_RUN_FOLDER": str(folder.path), ENV_OVERRIDES: changes.to_json()}
    env = locust_process.environment(scenario_name, target_name, target, **told)
    lookers = []
    if changes.at_most_s is not None:
        lookers.append(Looker(folder, look_times_s(scenario), LOAD))
    if may_end_early and scenario.abort_when_missed:
        lookers.append(Looker(folder, target_times_s(scenario.schedule().duration_s), TARGETS))
    log = folder.path / "locust.log"
    with locust_process.running(arguments, env, log, folder.abort_flag, limit_s) as (process, signals):
        show_progress(process, folder, scenario.schedule(), console, lambda: bool(signals), lookers)
    for looker in lookers:
        looker.close()
        console.print(Text(looker.text))
    for event in folder.events():
        if event["kind"] == CUT_OFF:
            console.print(Text(f"the load was {told_cut_off(event)}", style="bold"))
    if not folder.path.exists():
        raise NoDataError(
            f"the run folder {folder.path} was removed during the run: nothing is left of the run"
        )
    if not folder.manifest_json.exists() and not signals:
        _raise_not_begun(folder, log, processes, elsewhere)
    if signals:
        _note_interruption(folder)
    with suppress(OSError):  # no room: the logs stay and are read instead
        finish(folder)
    if signals:
        console.print(Text("interrupted: what was recorded is diagnosed", style="bold"))
    return bool(signals) or folder.abort_flag.exists()


def _raise_not_begun(folder: RunFolder, log: Path, processes: int, elsewhere: Elsewhere | None) -> None:
    """Say why no load was made; a single process tells by itself.

    Raises:
        NoDataError: it is known.
    """
    reasons = [str(event.get("text")) for event in folder.events() if event["kind"] == NOT_BEGUN]
    if reasons:
        raise NoDataError(f"the run has not begun: {reasons[-1]}")
    if elsewhere is not None:
        raise NoDataError(
            f"the {elsewhere.workers} workers asked for did not all come to port {elsewhere.port} within "
            f"{elsewhere.wait_s:.0f} s; {_told_who_came(folder, log)}: start the others, or ask for fewer"
        )
    if processes > 1:
        raise NoDataError(
            f"no load was made: the {processes} load generating processes were not all ready within "
            f"{locust_process.START_WAIT_S} s, or their master ended before; {_told_who_came(folder, log)}: "
            "run again, or with fewer --processes"
        )


def _told_who_came(folder: RunFolder, log: Path) -> str:
    """How many load generating processes were there, and which."""
    told = next((event for event in folder.events() if event["kind"] == WORKERS_THERE), None)
    if told is None:
        return f"{log} tells how many were there"
    if not told["count"]:
        return "none was there"
    return f"{told['count']} {'was' if told['count'] == 1 else 'were'} there ({', '.join(told['workers'])})"


def _note_interruption(folder: RunFolder) -> None:
    """Note an interruption that Locust could not: all its processes were ended at once, or killed."""
    manifest = folder.manifest()
    if manifest.get("clean_end") or "interrupted" in {event["kind"] for event in folder.events()}:
        return
    last_s = Follower(folder).look().time_s
    elapsed_s = round(max(0.0, last_s - float(manifest.get("start_s", last_s))), 1)
    folder.add_event("interrupted", last_s, elapsed_s=elapsed_s, planned_s=manifest.get("planned_s"))


def _announce(console: Console, scenario: Scenario, target: Target, folder: RunFolder, asked: Asked) -> None:
    plan = scenario.schedule()
    length = "about" if asked.changes.at_most_s is None else "until the verdict is decided, at most"
    text = (
        f"scenario {scenario.name} → {target.name} ({where(target)}): {plan.most}, "
        f"{length} {plan.duration_s:.0f} s\nrecording into {folder.path}"
    )
    if asked.elsewhere is not None:
        host = "every interface" if asked.elsewhere.host == "*" else asked.elsewhere.host
        text += (
            f"\nwaits for {asked.elsewhere.workers} workers on {host}, port {asked.elsewhere.port}: "
            "whoever reaches it can take part"
        )
    console.print(Text(text))


def where(target: Target) -> str:
    """The URL that gets the load; of another machine also the addresses that its name stands for now."""
    host = urlsplit(target.base_url).hostname or ""
    if is_loopback(host):
        return target.base_url
    others = [address for address in addresses_of(host) if address != host]
    return f"{target.base_url}, {', '.join(others)}" if others else target.base_url
