"""Every file of deploy/schedule is right in the eyes of who reads it: its schema or linter, the shell, and
loadverdict itself. As it stands, and with the changes for a target of one's own that it tells."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from scenarios.overrides import duration_s
from scenarios.scenario import load_scenario
from scenarios.target import load_target
from tests.schedule_files import (
    CLONE,
    CRON,
    GITHUB,
    GITLAB,
    KUBERNETES,
    ON_SCHEDULE,
    READERS,
    ROOT,
    SCHEDULE,
    SERVICE,
    STARTERS,
    STATE,
    TIMER,
    calls,
    cron_job,
    cron_table,
    filled_in,
    github_job,
    gitlab_job,
    lines_of,
    manifests,
    pod,
    unit,
)
from tests.test_deploy import DOCKERFILE, is_understood

HISTORY = "reports/history.sqlite"
JUNIT = "reports/runs/20260101T000000Z-steps/analysis/junit.xml"

# What the head of each file says to change for a target of one's own; only whole lines are commented out.
OWN_TARGET: dict[Path, tuple[tuple[str, str], ...]] = {
    GITHUB: (
        ("LOADVERDICT_TARGET: lab", "LOADVERDICT_TARGET: my-api"),
        (" --fault none", ""),
        (r"(?m)^      # (- name: Accounts.*|  .*)$", r"      \1"),
    ),
    GITLAB: (
        ("LOADVERDICT_TARGET: lab", "LOADVERDICT_TARGET: my-api"),
        (" --fault none", ""),
        (r"(?m)^    # (- install .*)$", r"    \1"),
    ),
    SERVICE: (
        ("LOADVERDICT_TARGET=lab", "LOADVERDICT_TARGET=/etc/loadverdict/my-api.yaml"),
        ("OPTIONS=--fault none ", "OPTIONS="),
    ),
    CRON: (("(?m)^LOADVERDICT_TARGET=lab", "LOADVERDICT_TARGET=my-api"), (" --fault none", "")),
    KUBERNETES: (
        ("value: lab", "value: /etc/loadverdict/my-api.yaml"),
        ("--fault, none, ", ""),
    ),
}


def changed(path: Path) -> str:
    """The file as its head says to change it."""
    head, body = re.split(r"(?m)^(?=[^#\n])", path.read_text(), maxsplit=1)
    for pattern, replacement in OWN_TARGET[path]:
        body, times = re.subn(pattern, replacement, body)
        assert times, f"{path.name}: nothing to change at {pattern!r}"
    return head + body


def as_it_is(path: Path) -> str:
    return path.read_text()


VARIANTS = [
    pytest.param(path, text, id=f"{path.name} {name}")
    for path in STARTERS
    for name, text in (("as it is", as_it_is(path)), ("own target", changed(path)))
]


def schema_says(schema: str, path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.{schema}",
        *options,
        path,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("path", "schema", "options", "misspelt"),
    [
        (GITHUB, "github-workflows", (), ("runs-on:", "run-on:")),
        (GITLAB, "gitlab-ci", ("--data-transform", "gitlab-ci"), ("    when: always", "    when: allways")),
    ],
    ids=["GitHub", "GitLab"],
)
def test_the_schema_of_its_service_takes_it(
    path: Path, schema: str, options: tuple[str, ...], misspelt: tuple[str, str], tmp_path: Path
) -> None:
    own, wrong = tmp_path / "own.yml", tmp_path / "wrong.yml"
    own.write_text(changed(path))
    for each in (path, own):
        said = schema_says(schema, each, *options)
        assert said.returncode == 0, said.stdout + said.stderr
    wrong.write_text(path.read_text().replace(*misspelt))
    assert schema_says(schema, wrong, *options).returncode == 1


# The shell and the program


@pytest.mark.parametrize(("path", "text"), VARIANTS)
def test_the_shell_reads_every_line(path: Path, text: str) -> None:
    for line in lines_of(path, text):
        command = [line.shell[0], "-n", "-c", line.script]
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        assert said.returncode == 0, f"{line.script}: {said.stderr}"


@pytest.mark.parametrize(("path", "text"), VARIANTS)
def test_the_program_understands_every_call(path: Path, text: str) -> None:
    found = [words for line in lines_of(path, text) for words in calls(line)]
    runs = [words for words in found if words[:2] == ["loadverdict", "regression"]]
    assert len(runs) == 1
    for words in found:
        if words[0] == "make":
            command = ["make", "-n", *words[1:]]
            said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        else:
            said = is_understood(words)
        assert said.returncode == 0, f"{words}: {said.stderr}"
    assert ("--fault" in runs[0]) == (text == as_it_is(path))


def test_a_call_with_a_mistake_is_found() -> None:
    (words,) = [words for line in lines_of(CRON) for words in calls(line)]
    assert is_understood([*words, "--no-such-option"]).returncode == 2


@pytest.mark.parametrize("path", STARTERS, ids=lambda p: p.name)
def test_every_variable_is_one_that_the_suite_reads(path: Path) -> None:
    source = "".join(
        file.read_text()
        for name in ("commands", "scenarios", "recording")
        for file in (ROOT / name).rglob("*.py")
    )
    names = {name for line in lines_of(path) for name in line.env if name.startswith("LOADVERDICT_")}
    assert names >= {"LOADVERDICT_TARGET", "LOADVERDICT_SCENARIO"}
    for name in names:
        assert f'"{name}"' in source, name


@pytest.mark.parametrize("path", STARTERS, ids=lambda p: p.name)
def test_it_loads_the_lab_which_fits_the_scenario(path: Path) -> None:
    env = lines_of(path)[-1].env
    target = load_target(env["LOADVERDICT_TARGET"])
    assert target.is_lab
    target.check_against(load_scenario(env["LOADVERDICT_SCENARIO"]))


# Secrets, time and overlap


@pytest.mark.parametrize("path", STARTERS, ids=lambda p: p.name)
def test_secrets_come_from_outside_and_stand_on_no_command_line(path: Path) -> None:
    for text in (as_it_is(path), changed(path)):
        for line in lines_of(path, text):
            assert "WEBHOOK" not in line.script
            assert not line.env.get("LOADVERDICT_WEBHOOK")
            assert not re.search(r"(?i)--(token|password|webhook)", line.script)
    said = [line for line in path.read_text().splitlines() if "://" in line and not line.startswith("#")]
    assert said == []


def test_only_the_run_itself_is_given_the_webhook_on_github() -> None:
    job = github_job(GITHUB.read_text())
    given = [step for step in job["steps"] if "secrets." in str(step)]
    assert ["loadverdict regression" in step["run"] for step in given] == [True]
    assert "secrets." not in str(job["env"])


def limit_s(path: Path) -> float:
    """After how long the scheduler itself ends the run."""
    text = path.read_text()
    limits: dict[Path, Callable[[], float]] = {
        GITHUB: lambda: float(github_job(text)["timeout-minutes"]) * 60,
        GITLAB: lambda: duration_s(gitlab_job(text)["variables"]["RUNNER_SCRIPT_TIMEOUT"], path.name),
        SERVICE: lambda: duration_s(unit(text)["TimeoutStartSec"][0].replace("min", "m"), path.name),
        KUBERNETES: lambda: float(cron_job(text)["jobTemplate"]["spec"]["activeDeadlineSeconds"]),
    }
    return limits[path]()


@pytest.mark.parametrize("path", [GITHUB, GITLAB, SERVICE, KUBERNETES], ids=lambda p: p.name)
def test_a_run_ends_by_itself_before_it_is_ended(path: Path) -> None:
    (words,) = [words for line in lines_of(path) for words in calls(line) if words[0] == "loadverdict"]
    at_most_s = duration_s(words[words.index("--at-most") + 1], "--at-most")
    assert limit_s(path) >= at_most_s + 600


def test_runs_do_not_overlap_and_none_is_cut_short_for_the_next() -> None:
    workflow, job = yaml.safe_load(GITHUB.read_text()), gitlab_job(GITLAB.read_text())
    assert workflow["concurrency"] == {"group": "loadverdict-regression", "cancel-in-progress": False}
    assert (job["resource_group"], job["interruptible"]) == ("loadverdict-regression", False)
    assert duration_s(job["timeout"], "timeout") > limit_s(GITLAB)
    assert cron_job(KUBERNETES.read_text())["concurrencyPolicy"] == "Forbid"
    # systemd starts no unit that is running.
    assert unit(SERVICE.read_text())["Type"] == ["oneshot"]


def test_all_of_them_start_at_the_same_minute_off_the_hour() -> None:
    # PyYAML reads the key `on` as a yes.
    (when,) = yaml.safe_load(GITHUB.read_text())[True]["schedule"]
    _, time, _, _ = cron_table(CRON.read_text())
    assert {when["cron"], cron_job(KUBERNETES.read_text())["schedule"], " ".join(time)} == {"17 3 * * *"}
    assert unit(TIMER.read_text())["OnCalendar"] == ["*-*-* 03:17:00"]


# The history survives


def test_github_takes_the_newest_history_and_saves_one_of_its_own_however_the_run_ends() -> None:
    steps = github_job(GITHUB.read_text())["steps"]
    used = [re.sub("@.*", "", step.get("uses", "")) for step in steps]
    (run,) = [at for at, step in enumerate(steps) if "loadverdict regression" in step.get("run", "")]
    restored, saved = used.index("actions/cache/restore"), used.index("actions/cache/save")
    assert restored < run < saved
    before, after = steps[restored]["with"], steps[saved]["with"]
    # GitHub looks for a cache by key and by path.
    assert (before["path"], before["key"]) == (after["path"], after["key"])
    assert before["key"].startswith(before["restore-keys"])
    assert filled_in(after["key"]) != filled_in(after["key"], {**ON_SCHEDULE, "github.run_id": "8"})
    assert filled_in(after["key"]) != filled_in(after["key"], {**ON_SCHEDULE, "github.run_attempt": "2"})
    for name in (HISTORY, f"{HISTORY}-wal"):
        assert fnmatch(name, after["path"])
    upload = steps[used.index("actions/upload-artifact")]
    assert steps[saved]["if"] == upload["if"] == "always()"
    assert JUNIT.startswith(upload["with"]["path"])


def test_the_workflow_may_read_and_nothing_else() -> None:
    workflow = yaml.safe_load(GITHUB.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    job = github_job(GITHUB.read_text())
    assert "permissions" not in job
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(uses) == 5
    assert all(re.fullmatch(r"actions/[a-z/-]+@v\d+", use) for use in uses)
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_gitlab_keeps_history_reports_and_junit_however_the_run_ends() -> None:
    job = gitlab_job(GITLAB.read_text())
    assert [rule["if"] for rule in job["rules"]] == [
        '$CI_PIPELINE_SOURCE == "schedule"',
        '$CI_PIPELINE_SOURCE == "web"',
    ]
    assert (job["cache"]["when"], job["artifacts"]["when"]) == ("always", "always")
    (kept,) = job["cache"]["paths"]
    assert fnmatch(HISTORY, kept)
    assert fnmatch(f"{HISTORY}-wal", kept)
    assert fnmatch(JUNIT, job["artifacts"]["reports"]["junit"])
    assert job["artifacts"]["paths"] == ["reports/"]


def test_the_volume_of_the_cron_job_is_where_the_image_keeps_reports() -> None:
    claim, _ = manifests(KUBERNETES)
    spec = pod(KUBERNETES.read_text())
    (container,) = spec["containers"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == set(volumes)
    assert volumes["reports"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (folder,) = re.findall(r"(?m)^WORKDIR (\S+)$", DOCKERFILE)
    assert mounts["reports"] == f"{folder}/{Path(HISTORY).parent}"
    env = lines_of(KUBERNETES)[0].env
    assert env["HOME"] == mounts["tmp"]
    # What the heads tell: a target and accounts of the names that deploy/kubernetes has, or none.
    config, secret = (next(iter(source.values())) for source in volumes["target"]["projected"]["sources"])
    (target,) = manifests(ROOT / "deploy/kubernetes/target.yaml")
    assert config == {"name": target["metadata"]["name"], "optional": True}
    assert secret == {"name": "loadverdict-accounts", "optional": True}
    own = lines_of(KUBERNETES, changed(KUBERNETES))[0].env["LOADVERDICT_TARGET"]
    assert own == f"{mounts['target']}/{next(iter(target['data']))}"


def test_the_pod_is_a_steady_generator_without_rights_and_is_not_tried_again() -> None:
    job = cron_job(KUBERNETES.read_text())["jobTemplate"]["spec"]
    spec = pod(KUBERNETES.read_text())
    (container,) = spec["containers"]
    assert (job["backoffLimit"], spec["restartPolicy"]) == (0, "Never")
    # Requests that equal limits, and whole cores: quality of service `Guaranteed`.
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert int(container["resources"]["limits"]["cpu"]) >= 2
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}" in DOCKERFILE
    assert (spec["enableServiceLinks"], spec["automountServiceAccountToken"]) == (False, False)


# systemd and cron


def test_the_unit_keeps_its_history_in_its_state_folder_and_may_write_nowhere_else() -> None:
    found = {key: values[-1] for key, values in unit(SERVICE.read_text()).items()}
    assert found["WorkingDirectory"] == f"%S/{found['StateDirectory']}"
    assert found["WorkingDirectory"].replace("%S", "/var/lib") == STATE
    wanted = {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
    }
    assert wanted.items() <= found.items()
    assert "ReadWritePaths" not in found
    assert found["EnvironmentFile"].startswith("-/etc/loadverdict/")
    assert found["ExecStart"].startswith(f"{CLONE}/.venv/bin/loadverdict ")


def test_the_timer_makes_up_for_nights_off_and_starts_the_service_of_its_name() -> None:
    found = unit(TIMER.read_text())
    assert found["Persistent"] == ["yes"]
    assert "RandomizedDelaySec" in found
    assert found["WantedBy"] == ["timers.target"]
    assert "Unit" not in found
    assert TIMER.with_suffix(".service") == SERVICE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here (.ci/run installs it)")
def test_systemd_reads_both_units_without_a_word(tmp_path: Path) -> None:
    program = tmp_path / "loadverdict"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for path in (SERVICE, TIMER):
        text = path.read_text().replace(f"ExecStart={CLONE}/.venv/bin/loadverdict", f"ExecStart={program}")
        (tmp_path / path.name).write_text(text)
    copies = [tmp_path / SERVICE.name, tmp_path / TIMER.name]

    def verified() -> tuple[int, str]:
        command = ["systemd-analyze", "verify", "--man=no", *copies]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return said.returncode, said.stdout + said.stderr

    assert verified() == (0, "")
    # Of ten points of exposure: what systemd itself calls OK is below five.
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", copies[0]]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout
    copies[0].write_text(copies[0].read_text().replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in verified()[1]


def test_cron_reads_the_table() -> None:
    text = CRON.read_text()
    variables, time, user, command = cron_table(text)
    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    for field, (low, high) in zip(time, limits, strict=True):
        assert field == "*" or low <= int(field) <= high
    # cron ends a command at `%`, skips a last line without an end, and a file with a dot in its name.
    assert "%" not in command
    assert text.endswith("\n")
    (installed,) = re.findall(r"/etc/cron\.d/(\S+)", text)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", installed)
    assert user == "loadverdict"
    assert command.startswith(f"cd {CLONE} && ")
    assert variables["SHELL"] == "/bin/sh"


def test_every_file_is_read_by_a_test_and_named_in_the_docs() -> None:
    there = set(SCHEDULE.iterdir())
    assert there == {*STARTERS, TIMER}
    assert set(READERS) == set(STARTERS)
    page = (ROOT / "docs/schedule.md").read_text()
    for path in there:
        assert path.name in page or f"{path.stem}.{{service,timer}}" in page, path.name
    for path in STARTERS:
        for named in re.findall(r"deploy/[\w./-]+\w", path.read_text()):
            assert list(ROOT.glob(f"{named}*")), f"{path.name}: {named}"
