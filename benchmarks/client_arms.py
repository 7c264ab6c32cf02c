"""One arm of `benchmarks.clients`: a generator in a process of its own, as many requests as it can send.

python -m benchmarks.client_arms NAME URL USERS SECONDS CPU
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gevent
import psutil
from locust import FastHttpUser, HttpUser, User, task
from locust.env import Environment

from recording.folder import RunFolder
from scenarios.loads.levels import Hold
from scenarios.request import Request
from scenarios.scenario import Scenario
from scenarios.session import Assignment, Session, bind
from scenarios.target import Target
from scenarios.user import ScenarioUser

WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What an arm found: requests per second, share of one CPU used, memory per user."""

    rate_per_s: float
    cpu_share: float
    kb_per_user: float

    @classmethod
    def parse(cls, text: str) -> Figures:
        """From what an arm printed."""
        return cls(**json.loads(text.splitlines()[-1]))


class PlainFast(FastHttpUser):
    """Locust's quick client as its manual shows it."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")


class PlainRequests(HttpUser):
    """Locust's usual client as its manual shows it."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")


class Unrecorded:
    """A recorder that counts and times, as Locust needs it, and writes nothing: what recording costs is the
    difference."""

    started = in_flight = 0

    def begin(self, *_: Any) -> float:
        """Take no note."""
        self.started += 1
        return time.monotonic()

    def finish(self, token: float, *_: Any) -> float:
        """Take no note."""
        return (time.monotonic() - token) * 1000

    def start(self) -> None:
        """Write nothing."""

    def close(self, _reason: str) -> int:
        """Write nothing."""
        return 0


def _plain(kind: type[User]) -> Callable[[str, float], Environment]:
    def made(url: str, think_s: float) -> Environment:
        wait = {"wait_time": lambda _: think_s} if think_s else {}
        user = type(kind.__name__, (kind,), {"host": url, **wait})
        return Environment(user_classes=[user], host=url)

    return made


def suite(
    client: str, *, record: bool = True, folder: Path | None = None
) -> Callable[[str, float], Environment]:
    """An arm of the suite as it runs, recording or not."""

    def made(url: str, think_s: float) -> Environment:
        environment = Environment(user_classes=[ScenarioUser])
        runner = environment.create_local_runner()
        run = RunFolder.create(folder or Path(tempfile.mkdtemp()), "bench")
        load = Hold(users=1, hold_s=3600)
        scenario = Scenario(load=load, think_time_s=think_s, behaviour="login", client=client)
        target = Target(base_url=url, requests={"login": Request(path="/")})
        session = Session(Assignment(run.path, scenario, target, time.time(), 1), runner, "local", 0)
        if not record:
            session.recorder.close("not wanted")
            session.recorder = session.client._recorder = Unrecorded()  # type: ignore[assignment]
        bind(environment, session)
        return environment

    return made


ARMS: dict[str, Callable[[str, float], Environment]] = {
    "lean, recorder on": suite("lean"),
    "lean, recorder off": suite("lean", record=False),
    "fast in the suite, recorder on": suite("fast"),
    "requests in the suite, recorder on": suite("requests"),
    "plain FastHttpUser": _plain(PlainFast),
    "plain HttpUser": _plain(PlainRequests),
}
IDLE_ARMS = ("lean, recorder on", "plain FastHttpUser", "plain HttpUser")


def measure(name: str, url: str, users: int, seconds: float) -> Figures:
    """Run an arm at full speed; then, in a second environment, with users that mostly think."""
    environment = ARMS[name](url, 0.0)
    runner = environment.runner or environment.create_local_runner()
    process = psutil.Process()
    gc.collect()
    runner.start(users, spawn_rate=users)
    gevent.sleep(WARM_UP_S)
    begin, used, before = time.monotonic(), process.cpu_times(), runner.stats.total.num_requests
    gevent.sleep(seconds)
    took, now = time.monotonic() - begin, process.cpu_times()
    total = runner.stats.total
    if total.num_failures:
        sys.exit(f"{total.num_failures} of {total.num_requests} requests failed: {list(runner.stats.errors)}")
    spent_s = now.user + now.system - used.user - used.system
    return Figures((total.num_requests - before) / took, spent_s / took, 0.0)


def idle(name: str, url: str, users: int) -> Figures:
    """Memory of users that have sent one request each and think."""
    environment = ARMS[name](url, 6.0)
    runner = environment.runner or environment.create_local_runner()
    process = psutil.Process()
    runner.start(20, spawn_rate=20)
    gevent.sleep(8)
    gc.collect()
    before, had = process.memory_info().rss, runner.stats.total.num_requests
    runner.start(20 + users, spawn_rate=10_000)
    gevent.sleep(12)
    gc.collect()
    grown = process.memory_info().rss - before
    if runner.stats.total.num_requests - had < users:
        sys.exit("not every user has sent a request")
    return Figures(0.0, 0.0, grown / users / 1024)


if __name__ == "__main__":
    _, arm, where, how_many, how_long, pin = sys.argv
    if pin != "-":
        os.sched_setaffinity(0, {int(pin)})
    is_idle = how_long == "idle"
    found = (
        idle(arm, where, int(how_many)) if is_idle else measure(arm, where, int(how_many), float(how_long))
    )
    print(json.dumps(asdict(found)), flush=True)
    os._exit(0)
