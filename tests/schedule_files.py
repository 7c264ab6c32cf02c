"""The files of deploy/schedule as what they start: shell lines with their environment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEDULE = ROOT / "deploy" / "schedule"
CLONE = "/opt/loadverdict"
STATE = "/var/lib/loadverdict"

GITHUB = SCHEDULE / "github-regression.yml"
GITLAB = SCHEDULE / "gitlab-regression.yml"
SERVICE = SCHEDULE / "loadverdict-regression.service"
TIMER = SCHEDULE / "loadverdict-regression.timer"
CRON = SCHEDULE / "loadverdict-regression.cron"
KUBERNETES = SCHEDULE / "kubernetes-regression.yaml"
STARTERS = (GITHUB, GITLAB, SERVICE, CRON, KUBERNETES)

# What GitHub knows in a run that the schedule started: inputs are empty then, and no secret is set.
ON_SCHEDULE = {
    "github.sha": "0" * 40,
    "github.run_id": "7",
    "github.run_attempt": "1",
    "inputs.scenario": "",
    "inputs.commit": "",
    "secrets.LOADVERDICT_WEBHOOK": "",
    "secrets.LOADVERDICT_ACCOUNTS_CSV": "username,password",
}


class Line(NamedTuple):
    """One piece of shell that a scheduler runs: the words as they stand, the shell, and what it adds to the
    environment."""

    script: str
    shell: tuple[str, ...]
    env: dict[str, str]


def lines_of(path: Path, text: str | None = None) -> list[Line]:
    """Everything the file has run, in order. `text` stands for the file's own text."""
    return list(READERS[path](path.read_text() if text is None else text))


def filled_in(text: str, known: Mapping[str, str] = ON_SCHEDULE) -> str:
    """`${{ a || 'b' }}` as GitHub computes it. A name that nobody knows is a KeyError."""

    def value(match: re.Match[str]) -> str:
        operands = [word.strip() for word in match[1].split("||")]
        found = (word[1:-1] if word.startswith("'") else known[word] for word in operands)
        return next(filter(None, found), "")

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def github_job(text: str) -> dict[str, Any]:
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert isinstance(job, dict)
    return job


def gitlab_job(text: str) -> dict[str, Any]:
    (job,) = yaml.safe_load(text).values()
    assert isinstance(job, dict)
    return job


def unit(text: str) -> dict[str, list[str]]:
    """Every value of every key of a unit; sections do not matter here, since no key is in two of them."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def cron_table(text: str) -> tuple[dict[str, str], list[str], str, str]:
    """Of a file for /etc/cron.d with one line: its variables, the five fields of time, user and command."""
    variables: dict[str, str] = {}
    entries: list[list[str]] = []
    for line in text.splitlines():
        name, assigned, value = line.partition("=")
        if line.startswith("#") or not line.strip():
            continue
        if assigned and name.isidentifier():
            variables[name] = value
        else:
            entries.append(line.split(None, 6))
    ((*time, user, command),) = entries
    return variables, time, user, command


def manifests(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def cron_job(text: str) -> dict[str, Any]:
    (found,) = [m for m in yaml.safe_load_all(text) if m["kind"] == "CronJob"]
    spec = found["spec"]
    assert isinstance(spec, dict)
    return spec


def pod(text: str) -> dict[str, Any]:
    spec = cron_job(text)["jobTemplate"]["spec"]["template"]["spec"]
    assert isinstance(spec, dict)
    return spec


def _github(text: str) -> Iterator[Line]:
    job = github_job(text)
    for step in job["steps"]:
        if "run" in step:
            env = {**job["env"], **step.get("env", {})}
            # The shell that GitHub starts on Linux where none is named.
            shell = ("bash", "-e", "-c")
            yield Line(filled_in(step["run"]), shell, {name: filled_in(text) for name, text in env.items()})


def _gitlab(text: str) -> Iterator[Line]:
    job = gitlab_job(text)
    for script in job["script"]:
        yield Line(script, ("bash", "-eo", "pipefail", "-c"), job["variables"])


def _service(text: str) -> Iterator[Line]:
    found = unit(text)
    words = [word for value in found["Environment"] for word in shlex.split(value)]
    env = dict(word.replace("%C", "/var/cache").split("=", 1) for word in words)
    # systemd splits an unquoted $NAME into words, as a shell does.
    yield Line(found["ExecStart"][0], ("bash", "-c"), env)


def _cron(text: str) -> Iterator[Line]:
    variables, _, _, command = cron_table(text)
    yield Line(command, (variables["SHELL"], "-c"), variables)


def _kubernetes(text: str) -> Iterator[Line]:
    (container,) = pod(text)["containers"]
    # The image's entry point stands before `args`.
    script = shlex.join([".venv/bin/loadverdict", *container["args"]])
    yield Line(script, ("bash", "-c"), {v["name"]: v.get("value", "") for v in container["env"]})


READERS = {GITHUB: _github, GITLAB: _gitlab, SERVICE: _service, CRON: _cron, KUBERNETES: _kubernetes}


def calls(line: Line) -> Iterator[list[str]]:
    """The calls of `loadverdict` and of `make` in it, as words: what stands before the next operator."""
    text = re.sub(r"\$(\w+)", lambda m: line.env.get(m[1], m[0]), line.script)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|<>(){}"):
            if words and Path(words[0]).name in ("loadverdict", "make"):
                yield [Path(words[0]).name, *words[1:]]
            words = []
        else:
            words.append(word)
