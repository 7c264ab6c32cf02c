"""Crew: the users of one part of a scenario in one process: what they do, and how many the plan wants now."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from scenarios.behaviour import Behaviour, load_behaviour
from scenarios.dispatcher import Dispatcher
from scenarios.loads.arrivals import due_times_s, share_of
from scenarios.loads.plan import Plan
from scenarios.part import Part


@dataclass(frozen=True, slots=True)
class Seat:
    """A user's place for the whole run.

    Attributes:
        crew: the part it works for.
        number: among the users of its part in all processes; None where Locust itself makes as many users
            as are wanted.
    """

    crew: Crew
    number: int | None = None

    def wanted_in_s(self, elapsed_s: float) -> float | None:
        """Seconds until this user is wanted, 0 if it is now; None if never again."""
        if self.number is None or self.crew.arrivals is not None:
            return 0.0
        plan = self.crew.plan
        if elapsed_s >= 0 and self.number < (plan.users_at(elapsed_s) or 0):
            return 0.0
        again_s = plan.wanted_again_s(self.number + 1, max(0.0, elapsed_s))
        return None if again_s is None else again_s - elapsed_s


class Crew:
    """One part in one process.

    Attributes:
        name: the part's; "" where the scenario has a single load.
        part: behaviours and think time.
        plan: the part's load.
        arrivals: who hands out its arrivals, where its load is open.
    """

    def __init__(self, name: str, part: Part, plan: Plan, seats: list[int] | None) -> None:
        self.name = name
        self.part = part
        self.plan = plan
        self.arrivals: Dispatcher | None = None
        self._seats = seats
        self._free = deque(seats or ())
        mix = part.mix()
        self._behaviours = [load_behaviour(name) for name in mix]
        self._weights = list(mix.values())

    def open(
        self, seed: int, index: int, nodes: int, wanted: Callable[[], int], elapsed_s: Callable[[], float]
    ) -> None:
        """Begin to hand out this process's share of the arrivals, if the load is open.

        Args:
            seed: of the load.
            index: of this process.
            nodes: processes in all.
            wanted: users that Locust wants here, 0 before it has said so.
            elapsed_s: seconds since the run's start.
        """
        is_open = self.plan.open
        if is_open is None:
            return
        due_s = share_of(due_times_s(self.plan, seed), index, nodes)
        # Before Locust has told this process how many users to run, its even share of them.
        share = -(-is_open.max_in_flight // nodes)
        seats = self._seats
        most = (lambda: wanted() or share) if seats is None else (lambda: len(seats))
        self.arrivals = Dispatcher(due_s, most, elapsed_s)
        self.arrivals.start()

    def sit_down(self) -> Seat | None:
        """A place for a user that begins; None if all are taken."""
        if self._seats is None:
            return Seat(self)
        return Seat(self, self._free.popleft()) if self._free else None

    def stand_up(self, seat: Seat) -> None:
        """Take the place of a user that leaves."""
        if seat.number is not None:
            self._free.appendleft(seat.number)

    def users(self, elapsed_s: float) -> tuple[int, int]:
        """Users that the plan wants of a closed part in this process, and how many of them there are."""
        seats = self._seats or []
        wanted = bisect_left(seats, self.plan.users_at(elapsed_s) or 0) if elapsed_s >= 0 else 0
        return wanted, min(wanted, len(seats) - len(self._free))

    def draw_behaviour(self, chance: random.Random) -> Behaviour:
        """What a user does in its next turn."""
        if len(self._behaviours) == 1:
            return self._behaviours[0]
        return chance.choices(self._behaviours, self._weights)[0]

    def endpoint(self, name: str) -> str:
        """What a request is called in samples: with its part in front, where there are several."""
        return f"{self.name}: {name}" if self.name else name
