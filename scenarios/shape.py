"""Shape: Locust's load shape, asking the scenario's plan. All of the load's arithmetic is in `load`."""

from __future__ import annotations

import gevent
from locust import LoadTestShape

from recording.errors import LoadverdictError
from scenarios.wiring import wiring_of

TICK_EARLY = 0.5
"""A tick later than this within a second of the plan belongs to the next second."""


class ScenarioShape(LoadTestShape):
    """Users wanted now, by the plan of the scenario that was chosen."""

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate for this second; None ends the test.

        The rate lets every change happen within one tick. With a slower one, a master would block in the
        middle of the plan and skip stages, while a single process would not: two different loads.
        """
        assert self.runner is not None
        wiring = wiring_of(self.runner.environment)
        try:
            plan, controller, session = wiring.progress()
        except LoadverdictError as error:  # chosen on the web page: its log is all that the page shows of it
            assert wiring.controller is not None
            wiring.controller.not_begun(error)
            return None
        elapsed_s = controller.elapsed_s
        if elapsed_s % 1 > TICK_EARLY:
            # Locust's second began a moment before the plan's: wait for it, or a step begins a second late.
            gevent.sleep(1 - elapsed_s % 1)
            elapsed_s = controller.elapsed_s
        if controller.is_aborted:
            return None
        stages = plan.now_at(elapsed_s)
        users = plan.users_at(elapsed_s, controller.nodes)
        is_done = controller.is_decided or (session is not None and session.is_done)
        if not stages or users is None or is_done or controller.cut_off():
            controller.completed = True
            return None
        controller.enter_stages(stages)
        return users, float(max(1, users, plan.peak_users))
