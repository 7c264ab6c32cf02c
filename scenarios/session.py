"""Session: what one load generating process needs while a run lasts, from its first user to its end mark."""

from __future__ import annotations

import itertools
import random
import time
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
from scenarios.accounts import NOBODY, Account, AccountPool, read_accounts
from scenarios.behaviour import Behaviour, load_behaviour
from scenarios.client import Client
from scenarios.dispatcher import Dispatcher
from scenarios.loads.arrivals import due_times_s, share_of
from scenarios.scenario import Scenario
from scenarios.senders import Senders
from scenarios.target import Target

DRAIN_EXTRA_S = 1.0
"""Beyond the total timeout of a request nothing can be in flight that will still be answered."""


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
        self.plan = scenario.plan()
        mix = scenario.mix()
        self._behaviours = [load_behaviour(name) for name in mix]
        self._weights = list(mix.values())
        self.clock = clock or Clock.start()
        self.draining = False
        self.leaving: set[gevent.Greenlet] = set()
        self._users = itertools.count()
        self._start_s = assignment.start_s
        self._runner = runner
        self._accounts = None
        if target.uses_accounts(scenario) and target.accounts is not None:
            accounts = read_accounts(target.accounts)
            self._accounts = AccountPool(accounts, scenario.accounts, scenario.seed, index, assignment.nodes)
        self._examples = ExampleWriter(folder.errors_jsonl)
        self.recorder = Recorder(LogWriter(folder.log_path(node)), self.clock, node, self.situation)
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
        self.arrivals = self._dispatcher(index, assignment.nodes)
        self.recorder.start()

    def _dispatcher(self, index: int, nodes: int) -> Dispatcher | None:
        is_open = self.plan.open
        if is_open is None:
            return None
        due_s = share_of(due_times_s(self.plan, self.scenario.seed), index, nodes)
        share = -(-is_open.max_in_flight // nodes)
        # Before Locust has told this process how many users to run, its even share of them.
        dispatcher = Dispatcher(
            due_s, lambda: self._runner.target_user_count or share, lambda: self.elapsed_s
        )
        self.recorder.figures = dispatcher.figures
        dispatcher.start()
        return dispatcher

    def situation(self) -> Situation:
        """Users and stage of this moment."""
        stage = self.plan.stage_at(self.elapsed_s)
        name = stage.name if stage else "drain"
        if self.arrivals is not None:
            # Users of an open load are a pool; those that stand in it idle are no load.
            return Situation(self.arrivals.at_work, self.arrivals.at_work, name)
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

    def draw_behaviour(self, chance: random.Random) -> Behaviour:
        """What a user does in its next turn."""
        if len(self._behaviours) == 1:
            return self._behaviours[0]
        return chance.choices(self._behaviours, self._weights)[0]

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
        if self.arrivals is not None:
            self.arrivals.stop()

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


def bind(environment: Any, session: Session) -> None:
    """Make a session the one of a Locust environment."""
    _SESSIONS[environment] = session
