"""Session: what one load generating process needs while a run lasts, from its first user to its end mark."""

from __future__ import annotations

import gc
import itertools
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gevent

from recording.clock import Clock
from recording.examples import ExampleWriter
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.recorder import Recorder, Situation
from scenarios.accounts import NOBODY, Account, AccountPool
from scenarios.attempts import Contact
from scenarios.broken_turns import BrokenTurns
from scenarios.client import Client
from scenarios.crew import Crew, Seat
from scenarios.exceptions_tab import show_exception
from scenarios.loads.together import Together
from scenarios.lookups import look_up_apart
from scenarios.scenario import Scenario
from scenarios.senders import Senders
from scenarios.target import Target

DRAIN_EXTRA_S = 1.0
"""Beyond the total timeout of a request nothing can be in flight that will still be answered."""

CONNECT_EXTRA_S = 1.0
"""The same of a request that has no connection yet, beyond its limit to connect."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every process of a run is told; it travels from the master as plain values.

    Attributes:
        folder: the run folder.
        scenario: resolved scenario.
        target: resolved target.
        start_s: epoch seconds of the run's start: the plan's second 0.
        nodes: number of load generating processes the accounts are dealt to.
    """

    folder: Path
    scenario: Scenario
    target: Target
    start_s: float
    nodes: int

    def to_message(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "folder": str(self.folder),
            "scenario": self.scenario.to_mapping(),
            "target": self.target.to_mapping(),
            "start_s": self.start_s,
            "nodes": self.nodes,
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Assignment:
        """From plain values."""
        return cls(
            Path(message["folder"]),
            Scenario.model_validate(message["scenario"]),
            Target.model_validate(message["target"]),
            message["start_s"],
            message["nodes"],
        )


class Session:
    """One process's part in one run."""

    def __init__(
        self, assignment: Assignment, runner: Any, node: str, index: int, clock: Clock | None = None
    ) -> None:
        scenario, target = assignment.scenario, assignment.target
        folder = RunFolder(assignment.folder)
        self._folder = folder
        self.scenario = scenario
        self.target = target
        self._schedule = scenario.schedule()
        self._crews = self._made_crews(index, assignment.nodes)
        self.clock = clock or Clock.start()
        self.draining = False
        self.leaving: set[gevent.Greenlet] = set()
        self._node = node
        self.turns = BrokenTurns(self._tell_of_broken_turn)
        self.contact = Contact()
        self._users = itertools.count()
        self._start_s = assignment.start_s
        self._runner = runner
        self._accounts = None
        if target.uses_accounts(scenario) and (accounts := target.read_accounts()):
            self._accounts = AccountPool(accounts, scenario.accounts, scenario.seed, index, assignment.nodes)
        self._examples = ExampleWriter(folder.errors_jsonl)
        log = LogWriter(folder.log_path(node))
        self.recorder = Recorder(log, self.clock, node, self.situation, run_start_s=assignment.start_s)
        fresh = scenario.connections == "fresh"
        self.client = Client(
            target.base_url,
            self.recorder,
            self._examples,
            Senders(scenario.client, target.base_url, scenario.timeouts, fresh=fresh),
            runner.environment.events.request,
            total_s=scenario.timeouts.total_s,
            keep_cookies=target.cookies,
            fresh=fresh,
        )
        for crew in self._crews:
            crew.open(
                scenario.seed_of(crew.name),
                index,
                assignment.nodes,
                lambda: self._runner.target_user_count,
                lambda: self.elapsed_s,
            )
        self._arrivals = [crew.arrivals for crew in self._crews if crew.arrivals is not None]
        self._closed = [crew for crew in self._crews if crew.arrivals is None]
        self.recorder.figures = self._figures
        collect_seldom()
        look_up_apart()
        self.recorder.start()

    def _tell_of_broken_turn(self, text: str, error: BaseException) -> None:
        self._folder.add_event("turn_broken", self.clock.now(), node=self._node, text=text)
        show_exception(self._runner, text, error)

    def _made_crews(self, index: int, nodes: int) -> list[Crew]:
        schedule, plans = self._schedule, self.scenario.plans()
        seats = schedule.seats(index, nodes) if isinstance(schedule, Together) else {}
        return [
            Crew(name, part, plans[name], seats.get(name)) for name, part in self.scenario.whole().items()
        ]

    def _figures(self) -> dict[str, float]:
        total: Counter[str] = Counter(self.turns.figures() | self.contact.figures())
        for arrivals in self._arrivals:
            total.update(arrivals.figures())
        return dict(total)

    def situation(self) -> Situation:
        """Users and stage of this moment."""
        elapsed_s = self.elapsed_s
        name = "; ".join(stage for stage, _ in self._schedule.now_at(elapsed_s)) or "drain"
        if not self._closed:
            # Users of an open load are a pool; those that stand in it idle are no load.
            at_work = sum(arrivals.at_work for arrivals in self._arrivals)
            return Situation(at_work, at_work, name)
        if self._schedule.is_pool:
            wanted, running = zip(*(crew.users(elapsed_s) for crew in self._closed), strict=True)
            return Situation(sum(wanted), sum(running), name)
        return Situation(self._runner.target_user_count, self._runner.user_count, name)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run's start."""
        return self.clock.now() - self._start_s

    @property
    def may_send(self) -> bool:
        """Whether users may begin another request."""
        limit = self.scenario.max_requests
        return not self.draining and (limit is None or self.recorder.started < limit)

    @property
    def is_done(self) -> bool:
        """Whether the scenario's number of requests is reached and all of them are over."""
        limit = self.scenario.max_requests
        return limit is not None and self.recorder.started >= limit and self.recorder.in_flight == 0

    def told_of_contact(self) -> dict[str, float]:
        """Whether this process's requests get a connection, for the one that may end the load."""
        # A name may have two addresses, each of which is given that long.
        to_connect_s = 2 * self.scenario.timeouts.connect_s + CONNECT_EXTRA_S
        one_waits = self.recorder.oldest_s > to_connect_s
        return {"start_s": self._start_s, **self.contact.told(one_waits=one_waits)}

    def sit_down(self) -> Seat | None:
        """A place for a user that begins; None where all are taken, as in a process that came too late."""
        return next((seat for crew in self._crews if (seat := crew.sit_down()) is not None), None)

    def next_user(self) -> int:
        """A number for each user of this process, in the order of their beginning."""
        return next(self._users)

    def lend_account(self) -> Account:
        """An account for a user that begins."""
        return self._accounts.lend() if self._accounts else NOBODY

    def exchange_account(self, account: Account) -> Account:
        """The account of a user's next turn."""
        return self._accounts.exchange(account) if self._accounts else account

    def give_back_account(self, account: Account) -> None:
        """Take the account of a user that leaves."""
        if self._accounts:
            self._accounts.give_back(account)

    def drain(self) -> int:
        """Begin no more requests and wait for those in flight; returns how many are left after the limit."""
        self.stop_sending()
        deadline = time.monotonic() + self.scenario.timeouts.total_s + DRAIN_EXTRA_S
        while (
            self.recorder.in_flight and time.monotonic() < deadline and not self._folder.abort_flag.exists()
        ):
            gevent.sleep(0.05)
        return self.recorder.in_flight

    def stop_sending(self) -> None:
        """Begin no more requests."""
        self.draining = True
        for arrivals in self._arrivals:
            arrivals.stop()

    def close(self, reason: str) -> None:
        """Write what is unfinished and the end mark."""
        self.stop_sending()
        gevent.killall(list(self.leaving))
        self.recorder.close(reason)
        self.client.close()
        self._examples.close()


_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session_of(environment: Any) -> Session:
    """The session of a Locust environment; KeyError when no test is running."""
    return _SESSIONS[environment]


def collect_seldom() -> None:
    """Have Python look for cyclic garbage once in 50,000 objects instead of 700, and not among those that are
    there already.

    References are counted, so nearly all garbage goes at once without that. But every look stops the process,
    the longer the more users there are, and what it costs is measured as the target's latency.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def bind(environment: Any, session: Session) -> None:
    """Make a session the one of a Locust environment."""
    _SESSIONS[environment] = session
