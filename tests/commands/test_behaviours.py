"""A behaviour written in YAML for an API that is not the lab's, and one in Python, on a real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from recording.reader import read_run
from tests.commands.conftest import Cli, Target, serving
from tests.scenarios import misbehaving

BEHAVIOUR = """
choose:
  - weight: 3
    steps:
      - name: enter
        method: POST
        path: /form
        form: {name: "{username}", secret: "{password}"}
        expect: {status: [200, 201], json_fields: [data.tickets.0.id]}
        save: {ticket: data.tickets.0.id, session: "cookie:session", trace: "header:x-trace"}
      - {name: items, path: "/items/{ticket}", headers: {X-Trace: "{trace}", X-Session: "{session}"},
         times: 2}
  - weight: 1
    steps: [{name: stranger, path: /items/none, expect: {status: 401}}]
wrong_password: {share: 0.3, status: 401}
"""
SCENARIO = """
behaviour: BEHAVIOUR
load: {shape: hold, users: 6, hold_s: 4}
think_time_s: 0.05
think_time: exponential
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Target]:
    """A server with a login of its own kind."""
    with serving(tmp_path, "api") as target:
        target.file.write_text(f"base_url: {target.url}\naccounts: accounts.csv\n")
        yield target


def test_forms_extraction_weights_and_wrong_passwords(cli: Cli, api: Target, tmp_path: Path) -> None:
    behaviour, scenario = tmp_path / "enter.yaml", tmp_path / "scenario.yaml"
    behaviour.write_text(BEHAVIOUR)
    scenario.write_text(SCENARIO.replace("BEHAVIOUR", str(behaviour)))
    done = cli.run(str(scenario), api)
    assert done.returncode == 0, done.stdout + done.stderr
    samples = read_run(cli.only_run()).samples
    assert len(samples) == api.served()
    assert set(samples.outcome.to_list()) == {"ok"}
    seen = Counter(zip(samples.endpoint.to_list(), samples.status.tolist(), strict=True))
    assert set(seen) == {("enter", 201), ("enter (wrong password)", 401), ("items", 200), ("stranger", 401)}
    entered, wrong = seen["enter", 201], seen["enter (wrong password)", 401]
    assert seen["items", 200] in range(2 * entered - 12, 2 * entered + 1)
    assert 0.15 < wrong / (entered + wrong) < 0.45
    assert 0.1 < seen["stranger", 401] / (entered + wrong + seen["stranger", 401]) < 0.4


def test_a_behaviour_in_python_and_a_mix_by_weight(cli: Cli, api: Target, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from scenarios.request import Request\n"
        "class Browse:\n"
        "    def turn(self, user):\n"
        "        user.send('browse', Request(path='/items/none', expect={'status': 401}))\n"
    )
    enter = tmp_path / "enter.yaml"
    enter.write_text(BEHAVIOUR)
    scenario = tmp_path / "scenario.yaml"
    text = SCENARIO.replace("behaviour: BEHAVIOUR", f"behaviours: {{'shop:Browse': 3, '{enter}': 1}}")
    scenario.write_text(text)
    done = cli.run(str(scenario), api, "--processes", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    seen = Counter(read_run(cli.only_run()).samples.endpoint.to_list())
    turns = seen["enter"] + seen["enter (wrong password)"] + seen["stranger"]
    assert 0.6 < seen["browse"] / (seen["browse"] + turns) < 0.9


@pytest.mark.parametrize(
    "client", ["lean", *(pytest.param(c, marks=pytest.mark.slow) for c in ("fast", "requests"))]
)
def test_a_token_that_cannot_be_sent_is_a_failure_of_the_target(
    cli: Cli, tmp_path: Path, client: str
) -> None:
    body = b'{"token": "a\\r\\nb"}'
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    behaviour, scenario, target = (tmp_path / f"{name}.yaml" for name in ("both", "scenario", "target"))
    behaviour.write_text("steps: [login, me]\n")
    scenario.write_text(
        f"behaviour: {behaviour}\nload: {{shape: hold, users: 1, hold_s: 4}}\nthink_time_s: 0.1\n"
        f"max_requests: 8\nclient: {client}\n"
    )
    with misbehaving.serving(misbehaving.says(answer)) as url:
        target.write_text(
            f"base_url: {url}\nrequests:\n  login: {{path: /, save: {{token: token}}}}\n"
            "  me: {path: /me, headers: {X-T: '{token}'}}\n"
        )
        done = cli("run", str(scenario), "--target", str(target), "--run-dir", str(cli.runs))
    assert done.returncode == 1, done.stdout + done.stderr
    samples = read_run(cli.only_run()).samples
    seen = set(zip(samples.endpoint.to_list(), samples.outcome.to_list(), strict=True))
    assert seen == {("login", "ok"), ("me", "wrong_content")}


SAYS = {"api": "http_error", "slow": "total_timeout"}
RIGHT = "user.send('browse', Request(path='/items/none', expect={'status': 401}))"
WRONG = "user.send('browse', Request(path='/items/none'))"


@pytest.mark.parametrize(
    ("mode", "sends", "code"),
    [
        ("api", f"{RIGHT}; {{}}['token']", 4),
        pytest.param("api", f"{WRONG}; {{}}['token']", 1, marks=pytest.mark.slow),
        pytest.param(
            "slow",
            "\n        with gevent.Timeout(0.3): user.send('slow', Request(path='/'))",
            1,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["by itself", "after a wrong answer", "for want of one"],
)
def test_a_behaviour_that_raises_keeps_its_pace_and_is_told(
    cli: Cli, tmp_path: Path, mode: str, sends: str, code: int
) -> None:
    """By itself it is the load generator's fault; after a wrong answer, or for want of one, it is not."""
    turn = f"class Raises:\n    def turn(self, user):\n        {sends}\n"
    (tmp_path / "raising.py").write_text(f"import gevent\nfrom scenarios.request import Request\n{turn}")
    scenario = tmp_path / "scenario.yaml"
    text = SCENARIO.replace("BEHAVIOUR", "raising:Raises").replace("think_time: exponential\n", "")
    scenario.write_text(text.replace("think_time_s: 0.05", "think_time_s: 0.5"))
    with serving(tmp_path, mode) as target:
        target.file.write_text(f"base_url: {target.url}\naccounts: accounts.csv\n")
        done = cli.run(str(scenario), target, "--processes", "2")
        assert done.returncode == code, done.stdout + done.stderr
        samples = read_run(cli.only_run()).samples
        assert 12 < len(samples) == target.served() <= 6 * (4 / 0.5 + 2)
    assert set(samples.outcome.to_list()) == {"ok" if code == 4 else SAYS[mode]}
    found = {one["code"]: one["text"] for one in cli.verdict()["quality"]["findings"]}
    if code == 4:
        assert "KeyError in raising.py:5: 'token'" in found["behaviour_errors"]
    assert ("behaviour_errors" in found) == (code == 4)


def test_a_mistake_in_a_behaviour_stops_the_run_before_it_begins(
    cli: Cli, api: Target, tmp_path: Path
) -> None:
    behaviour, scenario = tmp_path / "enter.yaml", tmp_path / "scenario.yaml"
    behaviour.write_text(BEHAVIOUR.replace("form:", "from:"))
    scenario.write_text(SCENARIO.replace("BEHAVIOUR", str(behaviour)))
    done = cli.run(str(scenario), api)
    assert done.returncode == 2
    assert f"{behaviour}:8:9: unknown key 'choose.0.steps.0.from'; did you mean 'form'?" in done.stderr
    assert not cli.runs.exists()


BROKEN = """
from scenarios.request import Request

LOGIN = Request(method="POST", path="/login", json={"p": "{password}"}, save={"kind": "header:content-type"})

class Weird(BaseException):
    pass

class Raising:
    def turn(self, user):
        user.send("login", LOGIN)
        known = [user.variables["password"], user.variables["kind"]]
        user.variables.clear()
        raise KeyError(*known)

class Private:
    def turn(self, user):
        raise Weird(user.variables["password"])
"""


@pytest.mark.slow
def test_turns_that_break_off_keep_the_planned_load_and_void_the_run(
    cli: Cli, mixed: Target, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        "behaviours: {'broken:Raising': 1, 'broken:Private': 1}\nthink_time_s: 0.5\nthink_time: constant\n"
        "load: {shape: hold, users: 6, hold_s: 3}\n"
    )
    done = cli.run(str(scenario), mixed, "--processes", "2")
    assert done.returncode == 4, done.stdout + done.stderr
    assert 0 < mixed.served() <= 6 * 7
    run = cli.only_run()
    (told,) = [
        each["text"] for each in cli.verdict()["quality"]["findings"] if each["code"] == "behaviour_errors"
    ]
    assert "Weird in broken.py:18: [hidden]" in told
    assert "KeyError in broken.py:14: ('[hidden]', '[hidden]')" in told  # also what was only saved
    for path in (path for path in run.rglob("*") if path.is_file()):
        assert b"pass-word" not in path.read_bytes(), path
    log = (run / "locust.log").read_text()
    assert "Traceback" not in log
    assert log.count("a turn broke off: Weird") <= 2  # once per process, however many turns it were
