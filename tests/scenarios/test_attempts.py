"""Attempts and circuit: who slows down, and when a load ends. Seconds are told here, not waited for."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.outcomes import NEVER_SENT, OUTCOMES
from scenarios.attempts import APART_S, IN_A_ROW, Attempts, Contact
from scenarios.circuit import FRESH_S, LIMIT_S, Circuit

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def attempt(attempts: Attempts, clock: Clock, outcome: str, took_s: float = 0.0) -> None:
    attempts.begin()
    clock.s += took_s
    attempts.end(outcome)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_user_slows_down_after_three_in_a_row_without_connection(outcome: str) -> None:
    clock = Clock()
    contact = Contact(clock)
    attempts = Attempts(contact)
    for _ in range(IN_A_ROW - 1):
        attempt(attempts, clock, outcome)
        assert attempts.pause_s() == 0
    attempt(attempts, clock, outcome, took_s=0.25)
    waits = outcome in NEVER_SENT
    assert attempts.pause_s() == (pytest.approx(APART_S - 0.25) if waits else 0)
    assert contact.figures() == {"attempts_backed_off": waits}
    attempt(attempts, clock, "reset")  # it had a connection
    assert attempts.pause_s() == 0


def test_faults_of_its_own_slow_a_user_down_and_say_nothing_of_the_target() -> None:
    clock = Clock()
    contact = Contact(clock)
    attempts = Attempts(contact)
    for _ in range(50):
        attempt(attempts, clock, "generator", took_s=1.0)
    assert attempts.pause_s() == 0  # a second has passed
    assert contact.told(one_waits=False)["tried_s"] == 0
    attempt(attempts, clock, "generator")
    assert attempts.pause_s() > 0


def test_what_was_not_sent_neither_had_a_connection_nor_missed_one() -> None:
    clock = Clock()
    contact = Contact(clock)
    attempts = Attempts(contact)
    for _ in range(IN_A_ROW):
        attempt(attempts, clock, "refused", took_s=1.0)
    attempts.begin()
    attempts.end("wrong_content", was_sent=False)
    assert contact.told(one_waits=False)["tried_s"] == IN_A_ROW
    assert attempts.pause_s() == APART_S


@given(st.lists(st.booleans(), max_size=60))
def test_a_refusal_now_and_then_changes_no_load(refused: list[bool]) -> None:
    clock = Clock()
    attempts = Attempts(Contact(clock))
    in_a_row = 0
    for one in refused:
        attempt(attempts, clock, "connect_timeout" if one else "ok")
        in_a_row = in_a_row + 1 if one else 0
        assert (attempts.pause_s() > 0) == (in_a_row >= IN_A_ROW)


def test_who_pauses_for_longer_anyway_is_not_held_up_nor_counted() -> None:
    clock = Clock()
    contact = Contact(clock)
    attempts = Attempts(contact)
    for _ in range(IN_A_ROW):
        attempt(attempts, clock, "refused", took_s=2 * APART_S)
    assert attempts.pause_s(0.1) == 0.1
    attempt(attempts, clock, "refused")
    assert attempts.pause_s(3.0) == 3.0
    assert contact.backed_off == 0


def test_whoever_is_to_leave_does_not_wait() -> None:
    attempts = Attempts(Contact(Clock()))  # a clock that stands: it would wait for all of the second
    for _ in range(IN_A_ROW):
        attempts.begin()
        attempts.end("refused")
    attempts.leave()
    assert attempts.wait()


def contact_of(clock: Clock, outcomes: list[str], every_s: float) -> Contact:
    contact = Contact(clock)
    attempts = Attempts(contact)
    for outcome in outcomes:
        attempt(attempts, clock, outcome)
        clock.s += every_s
    return contact


@pytest.mark.parametrize(
    ("outcomes", "every_s", "broken"),
    [
        (["refused"] * 32, 1.0, True),
        (["ok"] * 5 + ["refused"] * 32, 1.0, True),
        (["refused"] * 29, 1.0, False),  # not for long enough
        (["refused"] * 31 + ["ok"], 1.0, False),
        (["refused"] * 20 + ["first_byte_timeout"] + ["refused"] * 20, 1.0, False),
        (["ok"] + ["refused"] * 2, 40.0, False),  # too few
        (["refused"] * 9 + ["ok", "refused"], 40.0, False),
        (["refused"] * 3, 40.0, True),
        (["ok"], 100.0, False),  # nobody tries
        ([], 100.0, False),
    ],
)
def test_a_load_ends_when_everything_was_tried_in_vain_for_long(
    outcomes: list[str], every_s: float, broken: bool
) -> None:
    clock = Clock()
    contact = contact_of(clock, outcomes, every_s)
    circuit = Circuit(clock)
    circuit.tell("local", contact.told(one_waits=False))
    assert (circuit.broken_s(["local"]) is not None) == broken
    circuit.tell("local", contact.told(one_waits=True))  # it has a connection, and waits for an answer
    assert circuit.broken_s(["local"]) is None


CUT, IDLE, WELL = (
    {"quiet_s": LIMIT_S + 5, "tried_s": LIMIT_S + 4},
    {"quiet_s": LIMIT_S + 1, "tried_s": 0.0},
    {"quiet_s": 2.0, "tried_s": 0.0},
)


@pytest.mark.parametrize(
    ("told", "broken_s"),
    [
        ([CUT, CUT], LIMIT_S + 5),
        ([CUT, IDLE], LIMIT_S + 1),  # a process without users says nothing about the target
        ([IDLE, IDLE], None),
        ([CUT, WELL], None),
        ([CUT, {}], None),
        ([CUT, {"quiet_s": "99", "tried_s": None}], None),
        ([CUT, {"quiet_s": float("nan"), "tried_s": 99}], None),
        ([], None),
    ],
)
def test_no_process_may_have_a_connection(told: list[dict[str, object]], broken_s: float | None) -> None:
    clock = Clock()
    circuit = Circuit(clock)
    for i, one in enumerate(told):
        circuit.tell(f"worker-{i}", one)
    nodes = [f"worker-{i}" for i in range(len(told))]
    assert circuit.broken_s(nodes) == broken_s
    assert circuit.broken_s([*nodes, "worker-9"]) is None  # it has not told anything yet
    clock.s += FRESH_S + 1
    assert circuit.broken_s(nodes) is None


def refused_users(folder: Path, behaviour: str, apart_s: float) -> dict[str, Any]:
    """What came of two real users at a port where nobody listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # taken, and not listened at
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        arguments = [url, str(folder), behaviour, str(apart_s)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.scenarios.refused_users", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
def test_a_behaviour_that_never_ends_its_turn_leaves_others_theirs(tmp_path: Path) -> None:
    told = refused_users(tmp_path, "tests.scenarios.refused_users:Deaf", apart_s=60)
    assert told["tried"] == [2 * IN_A_ROW, 2 * IN_A_ROW]
    assert told["attempts_backed_off"] == 2


@pytest.mark.parametrize("behaviour", ["login", "tests.scenarios.refused_users:Stubborn"])
def test_real_users_try_three_times_then_wait_and_leave_when_told(tmp_path: Path, behaviour: str) -> None:
    """They would wait for a minute: between two turns, and within one."""
    told = refused_users(tmp_path, behaviour, apart_s=60)
    assert told["tried"] == [2 * IN_A_ROW, 2 * IN_A_ROW]
    assert told["attempts_backed_off"] == 2
    assert told["left"] == 1
    assert told["left_s"] < 20
