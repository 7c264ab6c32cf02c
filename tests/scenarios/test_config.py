"""Mistakes in a file come all at once, each with its place, what was found and what is allowed.

Files that are no such file at all: tests/bad_input/test_yaml.py.
"""

from pathlib import Path

import pytest

from recording.errors import RefusedError, UsageError
from scenarios.scenario import load_scenario, scenario_names
from scenarios.target import Target, load_target, target_names

GOOD = "load: {shape: hold, users: 3, hold_s: 5}\n"


def write(tmp_path: Path, text: str | bytes, name: str = "mine.yaml") -> str:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_every_scenario_and_target_that_is_shipped_is_valid() -> None:
    assert {"steps", "staircase", "ramp-up", "concurrent-login", "probe"} <= set(scenario_names())
    for name in scenario_names():
        assert load_scenario(name).plan().duration_s > 0
    for name in target_names():
        load_target(name)


def test_all_mistakes_come_at_once_with_their_places(tmp_path: Path) -> None:
    text = (
        "behavour: login\n"
        "behaviour: logn\n"
        "load:\n"
        "  shape: steps\n"
        "  users: [1, -2]\n"
        "  stepp_s: 5\n"
        "think_time_s: abc\n"
        "slo: ['p99 < 5 s']\n"
    )
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    lines = str(caught.value).splitlines()
    for expected in (
        ":1:1: unknown key 'behavour'; did you mean 'behaviour'?",
        ":2:1: behaviour: found 'logn'; not a behaviour; did you mean 'login'?",
        ":5:14: load.users.1: found -2",
        ":6:3: unknown key 'load.stepp_s'; did you mean 'step_s'?",
        ":3:1: 'load.step_s' is missing",
        ":7:1: think_time_s: found 'abc'",
        "p99 is measured in ms, not s",
    ):
        assert any(expected in line for line in lines), (expected, lines)
    assert all(line.startswith(path) for line in lines)


OPEN = "load: {shape: hold, arrivals: 3, hold_s: 5}\n"
CLOSED_RAMP = "load: {shape: ramp, to_users: 9, ramp_s: 5, hold_s: 5}\n"
OPEN_RAMP = "load: {shape: ramp, to_arrivals: 9, ramp_s: 5, hold_s: 5}\n"


def parts(*loads: str) -> str:
    """Several loads at the same time."""
    return "parts:\n" + "".join(f"  part{i}: {{{load.strip()}}}\n" for i, load in enumerate(loads))


@pytest.mark.parametrize(
    ("text", "slo", "expected"),
    [
        (GOOD, "error_rate < 5", "a unit is missing; error_rate is measured in %"),
        (GOOD, "p99 < 5 ms at arrivals <= 5", "this load is measured in users, not in arrivals"),
        (GOOD, "p99 < 5 ms at in_flight <= 5", "measured in users, not in in_flight; write 'at users <= …'"),
        (OPEN, "p99 < 5 ms at users <= 5", "this load is measured in arrivals, not in users"),
        (OPEN, "p99 < 5 ms at in_flight > 5", "not in in_flight; write 'at arrivals > …'"),
        (GOOD, "p99 < 5 ms at users <= 5 and users >= 6", "no load is users <= 5 and users >= 6"),
        (GOOD, "outcome(rest) <= 0 %", "did you mean 'reset'"),
        (GOOD, "p99 < 5 ms for 1 s at users <= 5", None),
        (OPEN, "p99 < 5 ms at arrivals <= 5", None),
        (parts(GOOD, OPEN), "p99 < 5 ms at users <= 5", "this load is measured in arrivals, not in users"),
        (parts(GOOD, OPEN), "p99 < 5 ms at arrivals <= 5", None),
        (parts(CLOSED_RAMP, OPEN), "p99 < 5 ms at users <= 5", None),
        (parts(CLOSED_RAMP, OPEN_RAMP), "p99 < 5 ms at in_flight <= 5", None),
        (parts(CLOSED_RAMP, OPEN_RAMP), "p99 < 5 ms at users <= 5", "this load is measured in in_flight"),
    ],
)
def test_targets_are_checked_with_the_load_before_any_traffic(
    tmp_path: Path, text: str, slo: str, expected: str | None
) -> None:
    path = write(tmp_path, f"{text}slo: ['{slo}']\n")
    if expected is None:
        assert load_scenario(path).slo == (slo,)
        return
    with pytest.raises(UsageError, match=expected):
        load_scenario(path)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'steps'"):
        load_scenario("stepps")


def test_an_unknown_target_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match="lab"):
        load_target("xyz")


def target(base_url: str, allow_load: bool = False) -> Target:
    return Target.model_validate(
        {"base_url": base_url, "allow_load": allow_load, "requests": {"login": {"path": "/"}}}
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost", "http://[::1]:80", "http://127.9.9.9"]
)
def test_load_may_go_to_this_machine(url: str) -> None:
    target(url).check_allowed()


@pytest.mark.parametrize("url", ["http://example.com", "http://127.0.0.1.example.com", "http://10.0.0.1"])
def test_load_goes_elsewhere_only_with_leave(url: str) -> None:
    with pytest.raises(RefusedError, match="allow_load: true"):
        target(url).check_allowed()
    target(url, allow_load=True).check_allowed()


def test_a_behaviour_needs_its_requests() -> None:
    scenario = load_scenario("ramp-up")
    with pytest.raises(UsageError, match="'me'"):
        target("http://127.0.0.1").check_against(scenario)
