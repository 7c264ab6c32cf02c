"""Part: one of several loads that run at the same time, with a behaviour and a load of its own."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from scenarios.behaviour import behaviour_names
from scenarios.config import Model
from scenarios.load import Load
from scenarios.pause import Thinking
from scenarios.yaml_file import nearest

MOST_PARTS = 20


def _known(value: str) -> str:
    known = behaviour_names()
    if value not in known and ":" not in value and not value.endswith(".yaml"):
        raise ValueError(f"not a behaviour{nearest(value, known)}")
    return value


def _some_known(value: dict[str, float] | None) -> dict[str, float] | None:
    if value is not None and not value:
        raise ValueError("expected behaviours with their weights: {login: 3, session: 1}")
    for name in value or {}:
        _known(name)
    return value


BehaviourName = Annotated[str, AfterValidator(_known)]
Behaviours = Annotated[dict[str, Annotated[float, Field(gt=0, le=1e6)]] | None, AfterValidator(_some_known)]
ThinkTime = Annotated[float, Field(ge=0, le=3600)]
PartName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,39}$")]


class Part(Model):
    """One part of a scenario, with every default filled in.

    Attributes:
        behaviour: what one user does, over and over.
        behaviours: several with weights instead of one; each turn draws anew.
        load: how many users, when; or how many arrivals per second.
        think_time_s: mean pause between two turns of a user; an open load has none.
        think_time: how the pause is drawn.
    """

    behaviour: BehaviourName = "login"
    behaviours: Behaviours = None
    load: Load
    think_time_s: ThinkTime = 0.5
    think_time: Thinking = "uniform"

    def mix(self) -> dict[str, float]:
        """Every behaviour with its weight."""
        return self.behaviours or {self.behaviour: 1.0}


Parts = Annotated[dict[PartName, Part], Field(min_length=1, max_length=MOST_PARTS)]
