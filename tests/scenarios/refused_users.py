"""Users whom nobody listens to, in a process of its own: prints how often they tried, and how soon they left.

    python -m tests.scenarios.refused_users URL FOLDER BEHAVIOUR APART_S

Two users try as often as they like for half a second; then one of them is told to leave, and then the other.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import gevent
from locust.env import Environment

from recording.folder import RunFolder
from scenarios import attempts
from scenarios.load import Hold
from scenarios.request import Request
from scenarios.scenario import Scenario
from scenarios.session import Assignment, Session, bind
from scenarios.target import Target
from scenarios.user import ScenarioUser


class Stubborn:
    """Asks on within a turn, whatever it is told."""

    def turn(self, user) -> None:
        while user.send("login") is not None:
            pass


class Deaf:
    """Never ends its turn by itself."""

    def turn(self, user) -> None:
        while True:
            user.send("login")


def main(url: str, folder: Path, behaviour: str, apart_s: float) -> None:
    attempts.APART_S = apart_s
    environment = Environment(user_classes=[ScenarioUser])
    runner = environment.create_local_runner()
    scenario = Scenario(load=Hold(users=2, hold_s=60), think_time_s=0, behaviour=behaviour)
    target = Target(base_url=url, requests={"login": Request(path="/")})
    run = RunFolder.create(folder, "refused")
    session = Session(Assignment(run.path, scenario, target, time.time(), 1), runner, "local", 0)
    bind(environment, session)
    runner.start(2, spawn_rate=100)
    gevent.sleep(0.5)
    users, tried = list(runner.user_greenlets), [session.recorder.started]
    begun_s = time.monotonic()
    runner.start(1, spawn_rate=100)
    left = len(gevent.wait(users, timeout=20, count=1))
    session.stop_sending()
    runner.stop()
    gevent.joinall(users, timeout=20)
    left_s = time.monotonic() - begun_s
    tried.append(session.recorder.started)
    session.close("stopped")
    print(json.dumps({"tried": tried, "left": left, "left_s": left_s, **session.contact.figures()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
