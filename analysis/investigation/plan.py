"""Plan: which experiment comes next. Pure: it is asked again after each one, with what came out so far.

First the deciding experiment of each suspect that the verdict points at; then whatever could not tell, again
and longer; then other experiments about these suspects; then those about everybody else, which clear them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

CLOSE = 3.0
"""In log-odds: a suspect so much lighter than the first is twenty times less likely, and waits."""

PER_ARM_S = 5.0
"""What an arm takes beside its load: Locust starts and ends, the target settles, the arm is read."""

Outcome = Literal["supports", "contradicts", "cannot_tell", "not_possible"]
Reason = Literal["suspect", "longer", "other_way", "elimination"]


class Choice(NamedTuple):
    """An experiment that there is.

    Attributes:
        name: as the command line takes it.
        suspect: whom it is about.
        duration_s: how long it takes.
        decides: whether its "contradicts" clears the suspect; others can only convict.
        given: named on the command line.
    """

    name: str
    suspect: str
    duration_s: float
    decides: bool = False
    given: bool = False


class Tried(NamedTuple):
    """What came of one: `needed_s` is how long the same would have to be to tell."""

    name: str
    outcome: Outcome
    needed_s: float | None = None


class Step(NamedTuple):
    """The next thing to do. `longer`: the same experiment again, as long as it said that it needs."""

    choice: Choice
    reason: Reason
    duration_s: float


class Possible(NamedTuple):
    """Everything that could be tried.

    Attributes:
        order: names of all suspects, in the order of config/suspects.yaml, which is that of the case.
        weights: of those that the verdict points at.
        choices: the experiments.
    """

    order: tuple[str, ...]
    weights: Mapping[str, float]
    choices: tuple[Choice, ...]

    def about(self, suspect: str) -> list[Choice]:
        """The experiments about a suspect: what the command line named, the deciding one, the others."""
        own = [choice for choice in self.choices if choice.suspect == suspect]
        return sorted(own, key=lambda choice: (not choice.given, not choice.decides))

    def suspects(self) -> tuple[list[str], list[str]]:
        """Those that are tried first, the heaviest first, and all others."""
        top = max(self.weights.values(), default=0.0)
        named = {choice.suspect for choice in self.choices if choice.given}
        ranked = sorted(self.order, key=lambda name: -self.weights.get(name, float("-inf")))
        close = {name for name, weight in self.weights.items() if weight >= top - CLOSE}
        first = [name for name in ranked if name in close | named]
        return first, [name for name in ranked if name not in first]


def takes_s(arm_s: float, warm_up_s: float, pairs: int) -> float:
    """How long an experiment takes."""
    return 2 * pairs * (arm_s + warm_up_s + PER_ARM_S)


def following(possible: Possible, tried: Sequence[Tried], left_s: float) -> Step | None:
    """The next step that fits into the time left; None: nothing more to do, or the cause is known."""
    return next((step for step in remaining(possible, tried) if step.duration_s <= left_s), None)


def remaining(possible: Possible, tried: Sequence[Tried]) -> list[Step]:
    """All that could still be done, the most useful first; nothing once an experiment has supported."""
    if any(one.outcome == "supports" for one in tried):
        return []
    first, others = possible.suspects()
    done = {one.name for one in tried}
    settled = {
        choice.suspect for choice in possible.choices if choice.decides and _contradicted(choice, tried)
    }
    steps = [
        *_deciding(possible, first),
        *_longer(possible, tried),
        *_others(possible, first, others, settled),
    ]
    found: dict[str, Step] = {}
    for step in steps:
        if step.reason == "longer" or step.choice.name not in done:
            found.setdefault(step.choice.name, step)
    return list(found.values())


def _deciding(possible: Possible, first: Sequence[str]) -> Iterator[Step]:
    for name in first:
        yield from (Step(choice, "suspect", choice.duration_s) for choice in possible.about(name)[:1])


def _longer(possible: Possible, tried: Sequence[Tried]) -> Iterator[Step]:
    for choice in possible.choices:
        outcomes = [one for one in tried if one.name == choice.name]
        if len(outcomes) == 1 and outcomes[0].outcome == "cannot_tell" and outcomes[0].needed_s is not None:
            yield Step(choice, "longer", outcomes[0].needed_s)


def _others(
    possible: Possible, first: Sequence[str], others: Sequence[str], settled: set[str]
) -> Iterator[Step]:
    reasons: tuple[tuple[Sequence[str], Reason], ...] = ((first, "other_way"), (others, "elimination"))
    for names, reason in reasons:
        for choice in (choice for name in names for choice in possible.about(name)):
            if choice.given or choice.suspect not in settled:
                yield Step(choice, reason, choice.duration_s)


def _contradicted(choice: Choice, tried: Sequence[Tried]) -> bool:
    return any(one.name == choice.name and one.outcome == "contradicts" for one in tried)
