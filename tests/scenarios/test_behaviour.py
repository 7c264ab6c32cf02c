"""Behaviours: what is written in a file, what of an answer is kept, how users pause."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from recording.errors import UsageError
from scenarios.behaviour import WrittenBehaviour, behaviour_names, load_behaviour
from scenarios.pause import pause_s
from scenarios.request import Request, extracted
from scenarios.target import load_target


def test_every_behaviour_that_is_shipped_fits_the_lab() -> None:
    requests = load_target("lab").requests
    assert {"login", "session"} <= set(behaviour_names())
    for name in behaviour_names():
        behaviour = load_behaviour(name)
        assert isinstance(behaviour, WrittenBehaviour)
        assert all(step.resolved(requests)[1].path for step in behaviour.every_step())


FIELDS = {"token": "t", "data": {"items": [{"id": 7}], "ok": True, "none": None}, "a.b": "dotted"}
HEADERS = {"X-Trace": "abc", "Set-Cookie": "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, session=s1; Path=/"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("token", "t"),
        ("data.items.0.id", "7"),
        ("data.ok", "true"),
        ("a.b", "dotted"),
        ("data.none", None),
        ("data.items.1.id", None),
        ("data.items.x", None),
        ("data", None),
        ("header:x-trace", "abc"),
        ("header:Nothing", None),
        ("cookie:session", "s1"),
        ("cookie:a", "1"),
        ("cookie:sess", None),
    ],
)
def test_what_is_kept_of_an_answer(source: str, expected: str | None) -> None:
    assert extracted(source, FIELDS, HEADERS) == expected


def test_an_answer_without_what_is_to_be_kept_is_wrong() -> None:
    request = Request.model_validate({"path": "/", "save": {"x": "token", "y": "header:x-trace"}})
    assert request.missing_in(FIELDS, HEADERS) == ""
    assert request.missing_in(FIELDS, {}) == "header:x-trace"
    assert request.missing_in(None, HEADERS) == "token"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: []", "steps"),
        ("steps: login", "expected a list of steps"),
        ("description: x", "a behaviour has 'steps', or 'choose'"),
        ("steps: [{times: 2}]", ":1:9: steps.0: a step names a 'request'"),
        ("steps: [{request: a, method: POST}]", "'method' belongs to a step with a 'path'"),
        ("steps: [{path: x}]", ":1:10: steps.0.path: found 'x'"),
        ("steps: [{path: /x, json: {}, form: {}}]", "one body: 'json' or 'form'"),
        ("steps: [{path: /x, expect: {status: [200, 99]}}]", "found 99"),
        ("steps: [{path: /x, save: {a: 'header:'}}]", "expected a JSON path"),
        ("choose: [{weight: 0, steps: [a]}]", "weight"),
        ("steps: [a]\nwrong_password: {share: 2}", ":2:18: wrong_password.share: found 2"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_behaviour(str(path))
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize("name", ["nowhere:Thing", "random:Nothing", "collections:OrderedDict"])
def test_a_python_behaviour_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="turn"):
        load_behaviour(name)


def test_a_python_behaviour_that_cannot_be_made_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unmade.py").write_text(
        "class Vault:\n"
        "    def __init__(self):\n"
        "        raise ValueError('login to https://svc:hush-1@vault failed,\\ntoken=hush-2 \\x1b[31m')\n"
        "    def turn(self, user): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError) as caught:
        load_behaviour("unmade:Vault")
    text = str(caught.value)
    assert "ValueError in unmade.py:3: login to https://[hidden]@vault failed, token=[hidden]" in text
    assert "hush" not in text
    assert text.isprintable()
    assert caught.value.__cause__ is None


def test_pauses_have_the_mean_that_is_asked_for() -> None:
    chance = random.Random(5)
    kinds: dict[Any, tuple[float, float]] = {
        "uniform": (0.5, 1.5),
        "constant": (1, 1),
        "exponential": (0, 99),
    }
    for kind, (low, high) in kinds.items():
        drawn = [pause_s(kind, 1.0, chance) for _ in range(4000)]
        assert low <= min(drawn)
        assert max(drawn) <= high
        assert sum(drawn) / 4000 == pytest.approx(1, rel=0.05)
        assert pause_s(kind, 0, chance) == 0


def test_a_request_that_a_behaviour_cannot_make_keeps_its_secrets() -> None:
    """pydantic would quote them, and Locust would print it."""
    with pytest.raises(ValueError, match="line breaks") as raised:
        Request(path="/x", headers={"X-Api-Key": "hush-hush\n"})
    assert "hush" not in str(raised.value)
