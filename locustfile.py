"""Locust's entry point: puts scenario, users, load shape and recorder together.

    loadverdict run steps                      headless, with the lab, the verdict and an exit code
    loadverdict web                            Locust's web page, with the lab
    locust -f locustfile.py --scenario steps   plain Locust, against a target that is already there

What load is made is in config/scenarios/, where it goes in config/targets/.
"""

import sys
from pathlib import Path

from locust import events

if sys.flags.safe_path and str(Path.cwd()) in sys.path:
    # Started by the suite: Locust has put the working folder before all that is installed.
    sys.path.remove(str(Path.cwd()))

from scenarios.shape import ScenarioShape
from scenarios.user import ScenarioUser
from scenarios.wiring import register

register(events)

__all__ = ["ScenarioShape", "ScenarioUser"]
