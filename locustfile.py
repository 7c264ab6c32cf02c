"""Locust's entry point: puts scenario, users, load shape and recorder together.

    loadverdict run steps                      headless, with the lab, the verdict and an exit code
    loadverdict web                            Locust's web page, with the lab
    locust -f locustfile.py --scenario steps   plain Locust, against a target that is already there

What load is made is in config/scenarios/, where it goes in config/targets/.
"""

from locust import events

from scenarios.shape import ScenarioShape
from scenarios.user import ScenarioUser
from scenarios.wiring import register

register(events)

__all__ = ["ScenarioShape", "ScenarioUser"]
