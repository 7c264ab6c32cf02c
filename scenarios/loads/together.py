"""Together: the plans of several parts of a scenario, at the same time.

All their users are one pool, made before the plan's second 0. Each of them has a seat for the whole run: it
is a numbered user of a certain part. A seat of a closed part is wanted while the part's level is above its
number. Seats are dealt to the processes one after the other, so that together they run what one would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from scenarios.loads.plan import Plan

SAME_S = 1e-6
"""Ends of stages that are no further apart are one moment: sums of seconds differ in their last digits."""


@dataclass(frozen=True, slots=True)
class Together:
    """Several plans by the name of their part. Answers the same questions as a Plan."""

    plans: Mapping[str, Plan]

    @property
    def is_pool(self) -> bool:
        """Whether users are made before the plan's second 0: here always."""
        return True

    @property
    def duration_s(self) -> float:
        """Seconds until the last part ends."""
        return max(plan.duration_s for plan in self.plans.values())

    @property
    def block_ends_s(self) -> tuple[float, ...]:
        """None: what one part repeats does not repeat the others."""
        return ()

    @property
    def peak_users(self) -> int:
        """The most users that all parts may need at the same time."""
        return sum(plan.peak_users for plan in self.plans.values())

    @property
    def most(self) -> str:
        """The greatest load of each part in words."""
        return "; ".join(f"{name} {plan.most}" for name, plan in self.plans.items())

    def now_at(self, elapsed_s: float) -> list[tuple[str, float]]:
        """Name and level of each part's stage at a moment; nothing once all are over."""
        return [
            (f"{name}: {stage}", level)
            for name, plan in self.plans.items()
            for stage, level in plan.now_at(elapsed_s)
        ]

    def users_at(self, elapsed_s: float, nodes: int = 1) -> int | None:
        """The pool, as many in each process as it may have seats; None once all parts are over."""
        return -(-self.peak_users // nodes) * nodes if elapsed_s < self.duration_s else None

    def seats(self, index: int, nodes: int) -> dict[str, list[int]]:
        """The seats of one process: numbers per part, ascending; none for one that came too late."""
        dealt: dict[str, list[int]] = {}
        place = 0
        for name, plan in self.plans.items():
            numbers = range(plan.peak_users)
            dealt[name] = [
                number for number in numbers if index < nodes and (place + number) % nodes == index
            ]
            place += plan.peak_users
        return dealt


def peak_of(plans: Collection[Plan]) -> float:
    """The highest level that plans of one unit come to together, at any moment.

    From one end of a stage to the next every plan is a straight line, and so is their sum: it is highest at
    one of the two. Where parts of a closed load cross on ramps, each still rounds its own level to users.
    """
    ends = {end_s for plan in plans for stage in plan.stages for end_s in (stage.start_s, stage.end_s)}
    peak = 0.0
    for begin_s, end_s in pairwise(sorted(ends)):
        if end_s - begin_s > SAME_S:
            stages = [stage for plan in plans if (stage := plan.stage_at(begin_s + SAME_S / 2)) is not None]
            peak = max(peak, *(sum(stage.level_at(at_s) for stage in stages) for at_s in (begin_s, end_s)))
    return round(peak, 6)
