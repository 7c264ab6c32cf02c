"""Behaviour: what one user does in one turn. A YAML file of steps, or a Python class."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Protocol, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from recording.errors import UsageError
from scenarios.config import CONFIG_DIR, Model, config_file, config_names, load_named
from scenarios.raised import raised
from scenarios.request import Expect, Request, RequestName, Sent, Status
from scenarios.working_folder import look_there

FOLDER = "behaviours"


class Answered(Protocol):
    """What a behaviour sees of an answer."""

    @property
    def ok(self) -> bool:
        """Whether it was the right answer."""


class Sender(Protocol):
    """What a behaviour works with during one turn.

    Attributes:
        variables: values for `{name}`; what requests save is added.
        random: this user's own chance, seeded.
        requests: the requests of the target, by name.
        tags: what the scenario asks for.
    """

    variables: dict[str, str]
    random: random.Random
    requests: dict[str, Request]
    tags: frozenset[str]

    def send(self, name: str, request: Request | None = None) -> Answered | None:
        """Send a request of the target, or one made here; None when the run is ending."""


class Behaviour(Protocol):
    """What a Python behaviour (`module:Class`) must have; it is made anew for each run, without arguments."""

    def turn(self, user: Sender) -> None:
        """Do one turn. Between turns the suite pauses, changes accounts and ends."""


class Step(Sent):
    """One step: a request of the target by its name, or one written out here (`path`, and a `name`)."""

    request: str | None = None
    name: RequestName | None = None
    path: Annotated[str, Field(pattern=r"^/")] | None = None
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_or_written_out(self) -> Self:
        if (self.request is None) == (self.path is None):
            raise ValueError("a step names a 'request' of the target, or has a 'path' of its own")
        if self.request is not None and self.model_fields_set - {"request", "times", "tags"}:
            other = min(self.model_fields_set - {"request", "times", "tags"})
            raise ValueError(f"{other!r} belongs to a step with a 'path'; this one is {self.request!r}")
        return self

    @cached_property
    def _own(self) -> Request:
        """The request written out here, made once and not in each turn."""
        assert self.path is not None
        sent = {name: getattr(self, name) for name in Sent.model_fields}
        return Request.model_construct(**sent, path=self.path)

    def resolved(self, requests: dict[str, Request]) -> tuple[str, Request]:
        """Name and request to send."""
        if self.request is not None:
            return self.request, requests[self.request]
        return self.name or self._own.path, self._own


def _as_step(value: Any) -> Any:
    return {"request": value} if isinstance(value, str) else value


Steps = Annotated[tuple[Annotated[Step, BeforeValidator(_as_step)], ...], Field(min_length=1)]


class Choice(Model):
    """One of several ways a turn can go, drawn by weight."""

    weight: Annotated[float, Field(gt=0, le=1e6)] = 1
    steps: Steps


class WrongPassword(Model):
    """A share of turns in which the password is wrong, and how that must be answered; the turn ends there."""

    share: Annotated[float, Field(ge=0, le=1)]
    status: Status = 401


class WrittenBehaviour(Model):
    """One behaviour file: `steps`, or `choose` among several lists of steps.

    Attributes:
        name: the file's name without `.yaml`.
        description: one line for lists.
        steps: sent in order until one fails.
        choose: ways, one of which is drawn per turn.
        wrong_password: some turns with a wrong password.
    """

    name: str = ""
    description: str = ""
    steps: Steps | None = None
    choose: Annotated[tuple[Choice, ...], Field(min_length=1)] | None = None
    wrong_password: WrongPassword | None = None

    @field_validator("steps", mode="before")
    @classmethod
    def _a_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("expected a list of steps: [login]")
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.steps is None) == (self.choose is None):
            raise ValueError("a behaviour has 'steps', or 'choose' with several lists of steps")
        return self

    @cached_property
    def ways(self) -> tuple[Choice, ...]:
        """All ways a turn can go; made once and not in each turn."""
        return self.choose or (Choice(steps=self.steps or ()),)

    def every_step(self) -> Iterator[Step]:
        """Every step of every way."""
        return (step for way in self.ways for step in way.steps)

    def turn(self, user: Sender) -> None:
        """One turn: the steps of one way until one fails."""
        way = self.ways[0]
        if len(self.ways) > 1:
            (way,) = user.random.choices(self.ways, [way.weight for way in self.ways])
        wrong = self.wrong_password
        is_wrong = wrong is not None and user.random.random() < wrong.share
        if is_wrong:
            user.variables["password"] = f"not-{user.variables['password']}"
        for step in way.steps:
            if user.tags and step.tags and not user.tags & set(step.tags):
                continue
            name, request = step.resolved(user.requests)
            refused = is_wrong and "password" in request.variables()
            if refused and wrong is not None:
                name, request = f"{name} (wrong password)", _refused(request, wrong.status)
            for _ in range(1 if refused else step.times):
                answer = user.send(name, request)
                if answer is None or not answer.ok:
                    return
            if refused:
                return


def _refused(request: Request, status: int) -> Request:
    return request.model_copy(update={"expect": Expect(status=(status,)), "save": {}})


def behaviour_names(config_dir: Path = CONFIG_DIR) -> list[str]:
    """Names of the behaviours that exist."""
    return config_names(FOLDER, config_dir)


def load_behaviour(name: str, config_dir: Path = CONFIG_DIR) -> Behaviour:
    """A behaviour by its name, by path (`.yaml`), or a Python class (`module:Class`).

    Raises:
        UsageError: there is none, or mistakes in it (all of them, with their places).
    """
    if is_python(name):
        return _python(name)
    behaviour, _ = load_named(WrittenBehaviour, name, FOLDER, config_dir)
    return behaviour


def is_python(name: str) -> bool:
    """Whether a behaviour's name is that of a Python class."""
    return ":" in name and not name.endswith(".yaml")


def behaviour_file(name: str, config_dir: Path = CONFIG_DIR) -> Path | None:
    """The YAML file of a behaviour; None for a Python class.

    Raises:
        UsageError: there is none.
    """
    return None if is_python(name) else config_file(name, FOLDER, config_dir)


def requests_of(behaviour: Behaviour, requests: dict[str, Request]) -> Sequence[Request]:
    """What a behaviour sends, as far as that is known before: all of the target's for a Python class."""
    if not isinstance(behaviour, WrittenBehaviour):
        return list(requests.values())
    return [step.resolved(requests)[1] for step in behaviour.every_step()]


def content_of(name: str, config_dir: Path = CONFIG_DIR) -> str:
    """A short hash of what a behaviour does: the steps of a YAML file, whatever it is called and however it
    is laid out; the source file of a Python class (not what it imports).

    Raises:
        UsageError: there is none, or mistakes in it.
    """
    behaviour = load_behaviour(name, config_dir)
    if isinstance(behaviour, WrittenBehaviour):
        # Without defaults: a key that is added to behaviours later leaves older ones as they were.
        steps = behaviour.model_dump(mode="json", exclude={"name", "description"}, exclude_defaults=True)
        content = json.dumps(steps, sort_keys=True).encode()
    else:
        kind = type(behaviour)
        source = inspect.getsourcefile(kind)
        content = kind.__qualname__.encode() + b"\n" + (Path(source).read_bytes() if source else b"")
    return hashlib.sha256(content).hexdigest()[:12]


def _python(name: str) -> Behaviour:
    module_name, _, class_name = name.partition(":")
    look_there()
    try:
        made = getattr(importlib.import_module(module_name), class_name)()
    except Exception as error:
        raise UsageError(
            f"behaviour {name!r} cannot be made: {raised(error)}; expected a class with the "
            "method turn(self, user), made without arguments"
        ) from None
    if not callable(getattr(made, "turn", None)):
        raise UsageError(f"behaviour {name!r} has no method turn(self, user)")
    behaviour: Behaviour = made
    return behaviour
