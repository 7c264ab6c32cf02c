"""What deploy/ says exists: options, files, paths, names that refer to each other. No container is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.main import _parser as lab_parser
from lab.settings import OTHER_ENVIRONMENT_NAMES
from scenarios.scenario import load_scenario
from scenarios.target import load_target

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
COMPOSE: dict[str, Any] = yaml.safe_load(DEFAULT.sub(r"\1", (DEPLOY / "compose.yaml").read_text()))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "loadverdict")
MANIFESTS: list[dict[str, Any]] = [
    document
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
DOCKERFILE = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())


def instructions(name: str) -> list[list[str]]:
    return [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith(f"{name} ")]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in MANIFESTS:
        if manifest["kind"] in ("Job", "Deployment"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """What is started from our image, as it stands behind the entry point."""
    for name in OURS:
        service = SERVICES[name]
        entry = service.get("entrypoint", ["loadverdict"])
        if entry[:2] == ["sh", "-c"]:
            assert 'exec loadverdict "$$@"' in entry[2]
            entry = ["loadverdict"]
        yield f"compose {name}", [*entry, *service["command"]]
    for name, pod in pods():
        (container,) = pod["containers"]
        yield f"kubernetes {name}", [*container.get("command", ["loadverdict"]), *container["args"]]


def is_understood(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Ask the program itself; nothing is started."""
    program, *rest = words
    if program == "locust":
        code = "import sys; from locust.argument_parser import parse_options; parse_options(sys.argv[1:])"
        command = [sys.executable, "-c", code, *rest]
    else:
        # The page of help comes only when all that stands before it was understood.
        command = [sys.executable, "-m", "commands.main", *rest, "--help"]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("LOCUST_", "LOADVERDICT_"))}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("where", "words"), list(command_lines()), ids=[w for w, _ in command_lines()])
def test_every_command_is_understood(where: str, words: list[str]) -> None:
    if words[:2] == ["loadverdict", "lab"]:
        assert lab_parser().parse_args(words[2:]).host == "0.0.0.0"
        return
    done = is_understood(words)
    assert done.returncode == 0, done.stderr
    wrong = is_understood([*words, "--no-such-option"])
    assert wrong.returncode != 0


def test_no_page_is_hidden_in_its_container_or_open_beyond_this_machine() -> None:
    for _, words in command_lines():
        if words[0] == "locust" and "--worker" not in words and "--headless" not in words:
            assert words[words.index("--web-host") + 1] == "*"
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_has_what_its_commands_name() -> None:
    copied = [source for *sources, _ in instructions("COPY") for source in sources]
    assert all((ROOT / source).exists() for source in copied), copied
    assert {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"tests"} <= set(
        copied
    )
    assert "locustfile.py" in copied
    # Docker leaves out what .dockerignore names, in the words of .dockerignore.
    assert not set((ROOT / ".dockerignore").read_text().split()) & set(copied)
    (run,) = instructions("RUN")
    assert ".[lab]" in " ".join(run)
    assert instructions("USER") == [["10001:10001"]]
    for _, words in command_lines():
        for word in words:
            if word.endswith((".py", ".yaml")) and not word.startswith("/"):
                assert any(Path(word).is_relative_to(source) for source in copied), word
                assert (ROOT / word).exists()


def test_the_lab_of_compose_is_found_by_those_who_load_it() -> None:
    master, lab = SERVICES["master"]["command"], SERVICES["lab"]["command"]
    load_scenario(master[1])
    path = master[master.index("--target") + 1]
    target = load_target(str(ROOT / path))
    assert target.base_url == f"http://lab:{lab[lab.index('--port') + 1]}"
    assert str(target.accounts) == f"{lab[lab.index('--state-dir') + 1]}/accounts.csv"
    target.check_against(load_scenario(master[1]))
    target.check_allowed()
    for name in ("master", "worker", "web"):
        assert any(volume.startswith("lab:/srv/lab") for volume in SERVICES[name]["volumes"])
    assert set(SERVICES["lab"]["environment"]) <= OTHER_ENVIRONMENT_NAMES
    assert load_target("lab").requests == target.requests


def test_names_of_compose_refer_to_each_other() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        for name, condition in service.get("depends_on", {}).items():
            assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]
    worker, master = SERVICES["worker"], SERVICES["master"]["command"]
    assert worker["command"][worker["command"].index("--master-host") + 1] in SERVICES
    assert str(worker["deploy"]["replicas"]) == master[master.index("--workers") + 1]


def test_names_of_the_manifests_refer_to_each_other() -> None:
    by_kind: dict[str, dict[str, Any]] = {}
    for manifest in MANIFESTS:
        by_kind.setdefault(manifest["kind"], {})[manifest["metadata"]["name"]] = manifest.get(
            "spec", manifest
        )
    master = by_kind["Job"]["loadverdict-master"]["template"]
    worker = by_kind["Deployment"]["loadverdict-worker"]
    (service_name, service), *others = by_kind["Service"].items()
    assert not others
    assert service["selector"].items() <= master["metadata"]["labels"].items()
    assert worker["selector"]["matchLabels"] == worker["template"]["metadata"]["labels"]
    given = master["spec"]["containers"][0]["args"]
    asked = worker["template"]["spec"]["containers"][0]["args"]
    assert asked[asked.index("--master-host") + 1] == service_name
    (port,) = service["ports"]
    (named,) = master["spec"]["containers"][0]["ports"]
    assert port["targetPort"] == named["name"]
    assert {asked[asked.index("--master-port") + 1], given[given.index("--workers-port") + 1]} == {
        str(port["port"]),
        str(named["containerPort"]),
    }
    assert given[given.index("--workers") + 1] == str(worker["replicas"])
    for _, pod in pods():
        (container,) = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        sources = volumes["target"]["projected"]["sources"]
        assert sources[0]["configMap"]["name"] in by_kind["ConfigMap"]
        assert sources[1]["secret"]["name"] == "loadverdict-accounts"
        # Service links would set LOADVERDICT_… variables that nobody meant.
        assert pod["enableServiceLinks"] is False
    claim = master["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"]
    assert claim in by_kind["PersistentVolumeClaim"]


def test_the_target_of_the_manifests_is_one(tmp_path: Path) -> None:
    (config,) = [manifest for manifest in MANIFESTS if manifest["kind"] == "ConfigMap"]
    ((name, text),) = config["data"].items()
    (tmp_path / name).write_text(text)
    target = load_target(str(tmp_path / name))
    target.check_allowed()
    (job,) = [manifest for manifest in MANIFESTS if manifest["kind"] == "Job"]
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert arguments[arguments.index("--target") + 1] == f"/etc/loadverdict/{name}"
    target.check_against(load_scenario(arguments[1]))
