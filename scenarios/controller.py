"""Controller: the one process of a run (master, or the only one) that keeps its folder.

It makes the folder, tells the other processes about the run, writes manifest and events, and has the run
diagnosed when it is over, unless whoever started it does that (`loadverdict run`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from locust.runners import STATE_MISSING, MasterRunner

from recording import child
from recording.clock import Clock
from recording.errors import LoadverdictError, UsageError
from recording.folder import CUT_OFF, FORMAT, NOT_BEGUN, WORKERS_THERE, RunFolder
from recording.manifest import git_commit, host_facts, versions
from recording.planned import KEY, as_manifest
from recording.scenario_file import FILE_HASH, write_scenario
from recording.scrub import on_screen, one_line
from scenarios.circuit import Circuit
from scenarios.clock_offset import answer
from scenarios.loads.plan import Plan
from scenarios.overrides import overrides_told
from scenarios.probing import Probing, probes_told
from scenarios.same_version import WorkerVersions
from scenarios.scenario import Scenario, load_scenario
from scenarios.session import DRAIN_EXTRA_S, Assignment
from scenarios.shipping import Receiver
from scenarios.target import Target, load_target

RUN_MESSAGE = "loadverdict_run"
DRAIN_MESSAGE = "loadverdict_drain"
DRAINED_MESSAGE = "loadverdict_drained"
SHIP_MESSAGE = "loadverdict_ship"
SHIPPED_MESSAGE = "loadverdict_shipped"
CLOCK_MESSAGE = "loadverdict_clock"
VERSION_MESSAGE = "loadverdict_version"

LOCAL = "local"
"""What the only process of a run is called."""

ENV_FOLDER = "LOADVERDICT_RUN_FOLDER"
"""An existing, empty run folder to use; set by `loadverdict run`, which also diagnoses the run."""

DRAIN_AGAIN_S = 1.0
"""Workers that have not answered are asked again so often: what is sent over a cut line is lost."""

USERS_PER_S = 400
"""Users that Locust makes in a second, at least."""

ENV_RUNS = "LOADVERDICT_RUN_DIR"
ENV_TARGET = "LOADVERDICT_TARGET"
"""The target as the user named it."""
ENV_BASE_URL = "LOADVERDICT_BASE_URL"
ENV_ACCOUNTS = "LOADVERDICT_ACCOUNTS"
"""Where that target is and whose accounts it has, once it runs."""

MOST_NAMED = 50
"""Workers that are named where the others did not come."""

log = logging.getLogger("loadverdict")


class Controller:
    """Keeps the folder of the run that is going on."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._clock = Clock.start()
        self._drained: set[str] = set()
        self._known_nodes: set[str] = set()
        self._stages: set[str] = set()
        self._watch: gevent.Greenlet | None = None
        self._receiver: Receiver | None = None
        self._probing = Probing()
        self._circuit = Circuit()
        self.versions = WorkerVersions()
        """What the workers run."""
        self.assignment: Assignment | None = None
        self.completed = False
        self._interrupted = False
        self.folders: dict[str, Path] = {}
        """Runs of this process by their id, the newest last."""
        self.described: dict[str, Any] = {}
        """The newest run in a few words: scenario, target, planned_s."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run's start; 0 before it."""
        return self._clock.now() - self.assignment.start_s if self.assignment else 0.0

    def resolve(self, *, to_run: bool = True) -> tuple[Scenario, Target]:
        """Scenario and target as chosen on the command line, in the environment or on the web page.

        Args:
            to_run: whether they are about to run; on the web page another scenario may still be chosen.

        Raises:
            UsageError: mistakes in one of them, or they do not fit together.
            RefusedError: load may not go there, or not so much.
        """
        options = self._environment.parsed_options
        scenario, target = load_scenario(options.scenario), load_target(options.target)
        scenario = overrides_told().applied_to(scenario)
        # Told of one target. The web page offers others: what is sent to them must not end up there.
        if options.target == os.environ.get(ENV_TARGET, options.target):
            accounts = os.environ.get(ENV_ACCOUNTS)
            target = target.at(
                os.environ.get(ENV_BASE_URL, target.base_url), Path(accounts) if accounts else None
            )
            target = target.model_copy(update={"probes": probes_told(target.probes)})
        if target.is_lab:
            raise UsageError(
                "the lab is not running: 'loadverdict run' and 'loadverdict web' start it; "
                "plain locust needs --target with a target that is already there"
            )
        target.check_against(scenario)
        target.check_allowed(scenario if to_run else None)
        return scenario, target

    def check_workers(self) -> None:
        """See that all workers run what this master runs.

        Raises:
            UsageError: one of them does not.
        """
        if isinstance(self._runner, MasterRunner):
            self.versions.check({client_id: self._node_name(client_id) for client_id in self._live_nodes()})

    def not_begun(self, why: LoadverdictError) -> None:
        """Tell whoever waits for the run that there will be none."""
        text = on_screen(str(why))
        log.error("the run does not begin: %s", text)
        if given := os.environ.get(ENV_FOLDER):
            RunFolder(Path(given)).add_event(NOT_BEGUN, self._clock.now(), text=text)

    def gave_up(self) -> None:
        """Tell whoever waits for a run that has not begun which workers were there for it."""
        given = os.environ.get(ENV_FOLDER)
        if not given or self.folders:
            return
        there = [f"{self._node_name(one.id)} from {_machine(one.id)}" for one in self._runner.clients.ready]
        told = {"count": len(there), "workers": sorted(there)[:MOST_NAMED]}
        RunFolder(Path(given)).add_event(WORKERS_THERE, self._clock.now(), **told)

    def begin(self) -> Assignment:
        """Make the folder and tell the workers, before any user begins."""
        scenario, target = self.resolve()
        self._environment.host = target.base_url  # what Locust's page shows
        given = os.environ.get(ENV_FOLDER)
        runs = Path(os.environ.get(ENV_RUNS, "reports/runs"))
        folder = RunFolder(Path(given)) if given else RunFolder.create(runs.resolve(), scenario.name)
        self._clock = Clock.start()
        self._drained, self._stages = set(), set()
        self._circuit = Circuit()
        self.completed = self._interrupted = False
        self._probing.start(folder, target, self._clock)
        start_s = self._clock.now() + lead_s(scenario)
        self.assignment = Assignment(folder.path, scenario, target, start_s, self._nodes())
        file_hash = write_scenario(folder, scenario.to_mapping())
        folder.write_manifest(self._manifest(folder, scenario, target, file_hash))
        self.folders[folder.id] = folder.path
        planned_s = scenario.schedule().duration_s
        self.described = {"scenario": scenario.name, "target": target.name, "planned_s": planned_s}
        most = scenario.schedule().most
        log.info("scenario %s → %s (%s): %s", scenario.name, target.name, target.base_url, most)
        if isinstance(self._runner, MasterRunner):
            self._receiver = Receiver(folder)
            self._known_nodes = set(self._runner.clients)
            self._runner.send_message(RUN_MESSAGE, self.assignment.to_message())
            self._watch = gevent.spawn(self._watch_nodes)
        return self.assignment

    def welcome(self, client_id: str) -> None:
        """Tell a worker that joined about the run that is going on."""
        if self.assignment and isinstance(self._runner, MasterRunner):
            self._known_nodes.add(client_id)
            self._runner.send_message(RUN_MESSAGE, self.assignment.to_message(), client_id)
            self.note("node_joined", node=self._node_name(client_id))

    def refuse(self, client_id: str, version: str) -> None:
        """Note that a worker of another version came to the run that is going on."""
        name = self._node_name(client_id)
        log.warning("%s runs %s and is sent away", name, on_screen(version))
        self.note("node_refused", node=name, version=version)

    def note(self, kind: str, **details: Any) -> None:
        """Append an event to the run folder."""
        if self.assignment:
            RunFolder(self.assignment.folder).add_event(kind, self._clock.now(), **details)

    def enter_stages(self, stages: Sequence[tuple[str, float]]) -> None:
        """Note the stages of load (name and level) that have begun, each once."""
        for name, level in stages:
            if name not in self._stages:
                self.note("stage", name=name, users=level)
        self._stages = {name for name, _ in stages}

    @property
    def is_decided(self) -> bool:
        """Whether a look at the run from outside found its answer, so that the load may end."""
        return self.assignment is not None and RunFolder(self.assignment.folder).decided_flag.exists()

    @property
    def is_aborted(self) -> bool:
        """Whether somebody wants the load to end at once: `loadverdict abort`, or a file made by hand."""
        return self.assignment is not None and RunFolder(self.assignment.folder).abort_flag.exists()

    def all_have_finished(self) -> bool:
        """Whether the newest run is over, and every worker of it has told that it has nothing in flight."""
        return self.assignment is None and bool(self._known_nodes) and self._known_nodes <= self._drained

    def hear(self, node: str, told: Mapping[str, Any]) -> None:
        """A process tells of its connections; what it says of an earlier run is ignored."""
        if self.assignment is not None and told.get("start_s") == self.assignment.start_s:
            self._circuit.tell(node, told)

    def cut_off(self) -> bool:
        """Whether nothing has connected for so long that the load ends; noted if so."""
        nodes = self._live_nodes() if isinstance(self._runner, MasterRunner) else {LOCAL}
        quiet_s = self._circuit.broken_s(nodes)
        if self.assignment is None or quiet_s is None:
            return False
        planned_s = self.assignment.scenario.schedule().duration_s
        log.error("nothing could connect for %.0f s: the load ends", quiet_s)
        self.note(
            CUT_OFF,
            elapsed_s=round(self.elapsed_s, 1),
            planned_s=planned_s,
            quiet_s=round(quiet_s, 1),
        )
        return True

    def drain(self) -> None:
        """Have the workers finish what is in flight, and wait for them."""
        if self.assignment is None:
            return
        self.note_interruption()
        if not isinstance(self._runner, MasterRunner):
            return
        assert self._receiver is not None
        patience_s = self.assignment.scenario.timeouts.total_s + 2 * DRAIN_EXTRA_S
        begin_s, asked_s = time.monotonic(), -DRAIN_AGAIN_S
        while waited := self._live_nodes() - self._drained:
            now_s = time.monotonic()
            # A log that still arrives is waited for, however long it is.
            if now_s - max(begin_s, self._receiver.moved_s) > patience_s:
                break
            if now_s - asked_s >= DRAIN_AGAIN_S:
                asked_s = now_s
                for client_id in waited:
                    self._runner.send_message(DRAIN_MESSAGE, {"start_s": self.assignment.start_s}, client_id)
            gevent.sleep(0.05)

    def note_interruption(self) -> None:
        """The load ends; note it, once, if that is before the end of its plan."""
        if self.assignment is None or self.completed or self._interrupted:
            return
        self._interrupted = True
        planned = self.assignment.scenario.schedule().duration_s
        self.note("interrupted", elapsed_s=round(self.elapsed_s, 1), planned_s=planned)

    def drained(self, client_id: str, told: Mapping[str, Any]) -> None:
        """A worker has nothing in flight any more; what it says of an earlier run is ignored."""
        if self.assignment is not None and told.get("start_s") == self.assignment.start_s:
            self._drained.add(client_id)

    def receive(self, client_id: str, chunk: Mapping[str, Any]) -> None:
        """Take a part of the log of a worker on another machine."""
        if self._receiver is None or self.assignment is None:
            return
        try:
            confirmed = self._receiver.take(self._node_name(client_id), chunk)
        except (KeyError, TypeError, ValueError, OSError) as error:
            self.note("log_refused", node=self._node_name(client_id), error=type(error).__name__)
            return
        self._runner.send_message(SHIPPED_MESSAGE, confirmed, client_id)

    def tell_time(self, client_id: str, question: Mapping[str, Any]) -> None:
        """Answer a worker that asks for this machine's time, on the run's clock while there is one."""
        now_s = self._clock.now() if self.assignment else time.time()
        self._runner.send_message(CLOCK_MESSAGE, answer(question, now_s), client_id)

    def end(self) -> None:
        """Close the manifest; have the run diagnosed if nobody else will."""
        if self._watch is not None:
            self._watch.kill()
            self._watch = None
        self._probing.stop()
        if self.assignment is None:
            return
        folder = RunFolder(self.assignment.folder)
        folder.update_manifest(
            end_utc=datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds"),
            clean_end=self.completed,
            nodes=sorted(self._node_name(c) for c in self._known_nodes) or [LOCAL],
        )
        self.assignment = None
        if ENV_FOLDER not in os.environ:
            command = child.command("commands.main", "diagnose", str(folder.path), "--wait")
            subprocess.Popen(
                command, env=child.environment(), stdin=subprocess.DEVNULL, start_new_session=True
            )

    @property
    def nodes(self) -> int:
        """Load generating processes of the run; before it, of the next one."""
        return self.assignment.nodes if self.assignment else self._nodes()

    def _nodes(self) -> int:
        return max(1, self._runner.worker_count) if isinstance(self._runner, MasterRunner) else 1

    def _live_nodes(self) -> set[str]:
        return {c.id for c in self._runner.clients.all if c.state != STATE_MISSING}

    def _node_name(self, client_id: str) -> str:
        return worker_name(self._runner.get_worker_index(client_id))

    def _watch_nodes(self) -> None:
        lost: set[str] = set()
        while True:
            gevent.sleep(1)
            for client_id in self._known_nodes - self._live_nodes() - lost:
                lost.add(client_id)
                self.note("node_lost", node=self._node_name(client_id), elapsed_s=round(self.elapsed_s, 1))

    def _manifest(
        self, folder: RunFolder, scenario: Scenario, target: Target, file_hash: str
    ) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "id": folder.id,
            "scenario": {"name": scenario.name, "hash": scenario.fingerprint(), FILE_HASH: file_hash},
            "target": {"name": target.name, "base_url": target.base_url},
            "probes": {name: probe.kind for name, probe in target.probes.items()},
            "start_utc": datetime.fromtimestamp(self._clock.now(), UTC).isoformat(timespec="milliseconds"),
            "start_s": self.assignment.start_s if self.assignment else self._clock.wall_s,
            "planned_s": scenario.schedule().duration_s,
            KEY: [as_manifest(name, *_stages(plan)) for name, plan in scenario.plans().items()],
            "until_decided": overrides_told().at_most_s is not None,
            "end_utc": None,
            "clean_end": False,
            "seed": scenario.seed,
            "client": scenario.client,
            "versions": versions(),
            "git_commit": git_commit(),
            "options": self._options(),
            "host": host_facts(),
        }

    def _options(self) -> dict[str, Any]:
        options = self._environment.parsed_options
        chosen = {
            name: {"value": getattr(options, name), "from": _origin(name)} for name in ("scenario", "target")
        }
        changed = overrides_told().model_dump(exclude_none=True, mode="json")
        chosen |= {name: {"value": value, "from": _origin(name)} for name, value in changed.items()}
        return {**chosen, "processes": {"value": self._nodes(), "from": _origin("processes")}}


def lead_s(scenario: Scenario) -> float:
    """Seconds before the plan's second 0 in which the users of a pool are made: an arrival must not wait for
    the generator to get ready."""
    schedule = scenario.schedule()
    return 1.0 + schedule.peak_users / USERS_PER_S if schedule.is_pool else 0.0


def _stages(plan: Plan) -> tuple[str, list[tuple[float, float, float, float]]]:
    return plan.unit, [(s.start_s, s.end_s, s.level_from, s.level_to) for s in plan.stages]


def worker_name(index: int) -> str:
    """What a worker is called in samples, files and messages."""
    return f"worker-{index}"


def _machine(client_id: str) -> str:
    """The host that a worker's id begins with, as the worker tells it."""
    return on_screen(one_line(client_id.rpartition("_")[0] or client_id, 60))


def _origin(name: str) -> str:
    if ENV_FOLDER in os.environ:
        return "loadverdict run"
    if any(argument.startswith(f"--{name}") for argument in sys.argv):
        return "command line"
    return "environment" if f"LOADVERDICT_{name.upper()}" in os.environ else "default or web page"
