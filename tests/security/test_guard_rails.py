"""Load goes where the target file allows, as much as it allows, and ends when somebody wants it to."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import locust_process
from commands.in_git import is_in_git
from commands.preflight import check_before_load
from commands.run import where
from recording.errors import NoDataError, RefusedError, UsageError
from recording.folder import RunFolder
from recording.follow import Follower
from recording.frames import Kind, LogWriter
from recording.reader import read_run
from scenarios import addresses
from scenarios.scenario import Scenario
from scenarios.target import Target, is_loopback, load_target
from tests.commands.conftest import Cli, wait_for
from tests.commands.conftest import Target as Served

LOGIN = {"login": {"path": "/"}}


def target(**known: Any) -> Target:
    return Target.model_validate({"base_url": "http://127.0.0.1:1", "requests": LOGIN, **known})


def scenario(**known: Any) -> Scenario:
    load = {} if "parts" in known else {"load": {"shape": "hold", "users": 20, "hold_s": 1}}
    return Scenario.model_validate(load | known)


OPEN = scenario(load={"shape": "hold", "arrivals": 8, "hold_s": 1})
PARTS = scenario(
    parts={
        "a": {"load": {"shape": "hold", "users": 15, "hold_s": 1}},
        "b": {"load": {"shape": "hold", "users": 10, "hold_s": 1}},
        "c": {"load": {"shape": "hold", "arrivals": 9, "hold_s": 1}},
    },
)


IN_TURN = scenario(
    parts={
        "first": {"load": {"shape": "stages", "stages": [{"for_s": 0.1, "users": 20}] * 3}},
        "then": {
            "load": {"shape": "stages", "stages": [{"for_s": 0.3, "users": 5}, {"for_s": 9, "users": 24}]}
        },
    },
)
"""0.1 three times is not 0.3: the second part must not seem to begin before the first one's end."""
CROSSING = scenario(
    parts={
        "up": {"load": {"shape": "ramp", "from_users": 0, "to_users": 30, "ramp_s": 9}},
        "down": {"load": {"shape": "ramp", "from_users": 30, "to_users": 0, "ramp_s": 9}},
        "now and then": {"load": {"shape": "steps", "users": [0], "step_s": 0.7, "blocks": 12}},
    },
)


@pytest.mark.parametrize(
    ("asked", "limits", "refused"),
    [
        (scenario(), {}, None),
        (scenario(), {"max_users": 20}, None),
        (scenario(), {"max_users": 19}, "up to 20 users"),
        (scenario(), {"max_arrivals_per_s": 1}, "add 'max_users'"),
        (OPEN, {"max_users": 1}, "add 'max_arrivals_per_s'"),
        (OPEN, {"max_arrivals_per_s": 8}, None),
        (OPEN, {"max_arrivals_per_s": 7.5}, "up to 8 arrivals/s"),
        (PARTS, {"max_users": 25, "max_arrivals_per_s": 9}, None),
        (PARTS, {"max_users": 24}, "up to 25 users"),
        (PARTS, {"max_users": 25, "max_arrivals_per_s": 8}, "up to 9 arrivals/s"),
        (IN_TURN, {"max_users": 25}, None),
        (IN_TURN, {"max_users": 24}, "up to 25 users"),
        (CROSSING, {"max_users": 30}, None),
        (CROSSING, {"max_users": 29}, "up to 30 users"),
    ],
)
def test_a_target_limits_the_load(asked: Scenario, limits: dict[str, float], refused: str | None) -> None:
    there = target(**limits)
    if refused is None:
        there.check_allowed(asked)
        return
    with pytest.raises(RefusedError, match=refused) as error:
        there.check_allowed(asked)
    assert any(limit in str(error.value) for limit in ("max_users", "max_arrivals_per_s"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("2130706433", False),
        ("127.1", False),
        ("::ffff:8.8.8.8", False),
        ("", False),
    ],
)
def test_only_what_is_sure_to_be_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """What the resolver says of names: a file of hosts cannot be changed for a test."""
    told: dict[str, list[str]] = {}
    ask = socket.getaddrinfo

    def resolved(host: str, *more: Any, **known: Any) -> Any:
        if host not in told:
            return ask(host, *more, **known)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in told[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    is_loopback.cache_clear()
    yield told
    is_loopback.cache_clear()


def test_localhost_that_leads_elsewhere_is_refused(names: dict[str, list[str]]) -> None:
    names["localhost"] = ["127.0.0.1", "203.0.113.9"]
    with pytest.raises(RefusedError, match="not this machine"):
        target(base_url="http://localhost:8080").check_allowed()


def test_localhost_that_nobody_knows_is_refused(names: dict[str, list[str]]) -> None:
    names["localhost"] = []
    with pytest.raises(RefusedError, match="not this machine"):
        target(base_url="http://localhost:8080").check_allowed()


def test_where_load_goes_is_told_with_its_addresses(names: dict[str, list[str]]) -> None:
    names["api.example"] = ["203.0.113.9", "203.0.113.10"]
    told = where(target(base_url="https://api.example", allow_load=True))
    assert told == "https://api.example, 203.0.113.9, 203.0.113.10"
    assert where(target()) == "http://127.0.0.1:1"


def test_a_name_server_that_stays_silent_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, silent within the private view of a machine: tests/faults/test_absent.py."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2) or [])
    monkeypatch.setattr(addresses, "LIMIT_S", 0.05)
    began_s = time.monotonic()
    with pytest.raises(NoDataError, match="nobody told within"):
        check_before_load(scenario(), target(base_url="http://api.example", allow_load=True), processes=1)
    assert where(target(base_url="http://api.example")) == "http://api.example"
    assert time.monotonic() - began_s < 1.5


def test_what_cannot_be_a_name_is_said() -> None:
    with pytest.raises(NoDataError, match=r"the name 'a\.\.b' has no address"):
        check_before_load(scenario(), target(base_url="http://a..b", allow_load=True), processes=1)


def bound_to(arguments: list[str]) -> str:
    return arguments[arguments.index("--master-bind-host") + 1]


def test_a_master_listens_on_loopback_unless_told_otherwise() -> None:
    assert bound_to(locust_process.command(2)) == "127.0.0.1"
    assert bound_to(locust_process.master_command(2, 5557, 60.0, "*")) == "*"
    assert bound_to(locust_process.master_command(2, 5557, 60.0, "10.1.2.3")) == "10.1.2.3"


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
class TestAccountsInGit:
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Path:
        """A file in a folder of a repository, which Git does not keep yet."""
        git(tmp_path, "init", "--quiet")
        path = tmp_path / "below" / ":(top)*.csv"
        path.parent.mkdir()
        path.write_text("username,password\nsomebody,hunter2\n")
        path.chmod(0o600)
        return path

    def test_only_what_git_keeps_is_in_it(self, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not is_in_git(kept)
        git(kept.parent, "--literal-pathspecs", "add", "--force", kept.name)
        assert is_in_git(kept)
        monkeypatch.setenv("GIT_DIR", "/nonexistent")  # as in a hook of another repository
        assert is_in_git(kept)
        (kept.parent / "beside.csv").write_text("")
        assert not is_in_git(kept.parent / "beside.csv")

    def test_a_link_counts_as_what_it_leads_to(self, kept: Path, tmp_path: Path) -> None:
        git(kept.parent, "--literal-pathspecs", "add", kept.name)
        link = tmp_path.parent / f"{tmp_path.name}-link.csv"
        link.symlink_to(kept)
        assert is_in_git(link)

    def test_where_nobody_can_tell_nothing_is_said(self, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        git(kept.parent, "--literal-pathspecs", "add", kept.name)
        monkeypatch.setenv("PATH", "/nonexistent")
        assert not is_in_git(kept)

    def test_a_repository_cannot_have_a_program_run(self, kept: Path, tmp_path: Path) -> None:
        program = tmp_path / "watch"
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
        program.chmod(0o755)
        git(tmp_path, "config", "core.fsmonitor", str(program))
        assert not is_in_git(kept)
        assert not (tmp_path / "was-run").exists()

    def test_a_run_warns_once(self, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
        git(kept.parent, "--literal-pathspecs", "add", kept.name)
        err = warned_of(kept, capsys)
        assert len(err.splitlines()) == 1
        assert f"whoever gets the Git repository gets the passwords in {kept}: take" in err


def warned_of(accounts: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is told before two runs of one command that use these accounts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = target(
            base_url=f"http://127.0.0.1:{server.getsockname()[1]}",
            accounts=str(accounts),
            requests={"login": {"path": "/", "json": {"password": "{password}"}}},
        )
        for _ in range(2):
            check_before_load(scenario(accounts="shared"), there, processes=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "hunter2" not in err
    return err


class TestAccounts:
    @pytest.mark.parametrize(
        ("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)]
    )
    def test_a_file_that_everybody_can_read_is_one_warning(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int, warned: bool
    ) -> None:
        path = tmp_path / "accounts with a space.csv"
        path.write_text("username,password\nsomebody,hunter2\n")
        path.chmod(mode)
        err = warned_of(path, capsys)
        assert len(err.splitlines()) == int(warned)
        assert (f"chmod 600 '{path}'" in err) is warned

    def test_they_come_from_the_environment_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        there = target(accounts_env="MY_ACCOUNTS")
        with pytest.raises(UsageError, match="MY_ACCOUNTS is not set"):
            there.read_accounts()
        monkeypatch.setenv("MY_ACCOUNTS", 'username,password\n"a,b",hunter2\n')
        assert [(one.username, one.password) for one in there.read_accounts()] == [("a,b", "hunter2")]
        monkeypatch.setenv("MY_ACCOUNTS", "username,password\nhunter2\n")
        with pytest.raises(UsageError, match="MY_ACCOUNTS, line 2") as error:
            there.read_accounts()
        assert "hunter2" not in str(error.value)

    def test_they_reach_locust_by_its_environment_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOADVERDICT_MY_ACCOUNTS", "username,password\na,hunter2\n")
        there = target(accounts_env="LOADVERDICT_MY_ACCOUNTS")
        assert "hunter2" in locust_process.environment("s", "t", there)["LOADVERDICT_MY_ACCOUNTS"]
        assert "hunter2" not in str(there.to_mapping())

    def test_one_place_is_enough(self) -> None:
        with pytest.raises(ValueError, match="remove one"):
            target(accounts="a.csv", accounts_env="MY_ACCOUNTS")


WITH_A_KEY = """
base_url: {url}
requests: {{login: {{path: /, headers: {{X-API-Key: hunter2hunter2}}}}}}
"""
WITH_PASSWORDS = (
    "steps: [{path: /, form: {password: hunter2, pin: '4711', token: hunter3, secret: hunter4}}]\n"
)


class TestSecretsInAFile:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
        """A target whose file holds a key, and a behaviour whose file holds passwords; all may read them."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            there, does = tmp_path / "mine.yaml", tmp_path / "does it.yaml"
            there.write_text(WITH_A_KEY.format(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
            does.write_text(WITH_PASSWORDS)
            for path in (there, does):
                path.chmod(0o644)
            yield there, does

    @staticmethod
    def told(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> list[str]:
        """What is told before two runs of one command."""
        for _ in range(2):
            check_before_load(scenario(behaviour=str(files[1])), load_target(str(files[0])), processes=1)
        out, err = capsys.readouterr()
        assert out == ""
        assert "hunter" not in err
        return err.splitlines()

    def test_each_file_is_one_warning_without_the_secret(
        self, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        of_target, of_behaviour = self.told(files, capsys)
        assert of_target.startswith("loadverdict: warning: others can read the secret in")
        assert f"{files[0]} (requests.login.headers.X-API-Key): write {{password}}" in of_target
        assert "(steps.0.form.password, steps.0.form.pin, steps.0.form.token and 1 more)" in of_behaviour
        assert f"chmod 600 '{files[1]}'" in of_behaviour

    def test_who_keeps_the_file_private_hears_nothing(
        self, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        for path in files:
            path.chmod(0o600)
        assert self.told(files, capsys) == []

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    def test_but_for_one_in_git(self, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
        for path in files:
            path.chmod(0o600)
        git(files[0].parent, "init", "--quiet")
        git(files[0].parent, "add", files[0].name)
        (line,) = self.told(files, capsys)
        assert f"{files[0]} (requests.login.headers.X-API-Key)" in line

    def test_a_probe_has_variables(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "mine.yaml"
        probe = "{map: redis, url: 'redis://:hunter2@127.0.0.1:6379'}"
        path.write_text(
            f"base_url: http://127.0.0.1:1\nprobes: {{cache: {probe}}}\nrequests: {{login: {{path: /}}}}\n"
        )
        path.chmod(0o644)
        with pytest.raises(NoDataError):
            check_before_load(scenario(), load_target(str(path)), processes=1)
        err = capsys.readouterr().err
        assert f"{path} (probes.cache.url): write ${{VARIABLE}} in a probe, or" in err
        assert "hunter2" not in err


@pytest.mark.parametrize("by", ["the command", pytest.param("a file", marks=pytest.mark.slow)])
def test_a_run_is_aborted_from_elsewhere(
    cli: Cli, hanging: Served, scenario: Callable[[str], str], by: str
) -> None:
    text = "load: {shape: hold, users: 3, hold_s: 300}\ntimeouts: {read_s: 200, total_s: 200}\n"
    process = cli.start("run", scenario(text), "--target", str(hanging.file), "--run-dir", str(cli.runs))
    folder = wait_for(lambda: next(iter(cli.runs.glob("*")), None))
    wait_for(lambda: Follower(RunFolder(folder)).look().in_flight == 3)
    if by == "a file":
        (folder / "abort").touch()
    else:
        assert cli("abort", "--run-dir", str(cli.runs)).returncode == 0
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert read_run(folder).samples.outcome.to_list() == ["unfinished"] * 3
    again = cli("abort", str(folder))
    assert (again.returncode, "has ended" in again.stderr) == (2, True)


def test_the_command_refuses_what_is_no_run(cli: Cli, tmp_path: Path) -> None:
    done = cli("abort", str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "is not a run folder" in done.stderr
    assert cli("abort", "--run-dir", str(cli.runs)).returncode == 6


def test_a_run_whose_processes_are_gone_is_not_said_to_be_aborted(cli: Cli) -> None:
    folder = RunFolder.create(cli.runs, "steps")
    log = LogWriter(folder.log_path("worker-0"))
    log.append_json(Kind.HEARTBEAT, {"time_s": time.time() - 3600})
    log.close()
    done = cli("abort", str(folder.path))
    assert (done.returncode, "its processes are gone" in " ".join(done.stderr.split())) == (2, True)
    assert not folder.abort_flag.exists()


def test_more_than_a_target_allows_is_refused_before_anything_is_sent(
    cli: Cli, mixed: Served, scenario: Callable[[str], str]
) -> None:
    mixed.file.write_text(mixed.file.read_text() + "max_users: 5\n")
    done = cli.run(scenario("load: {shape: hold, users: 6, hold_s: 1}\n"), mixed)
    assert (done.returncode, "max_users" in done.stderr) == (5, True)
    assert mixed.served() == 0
