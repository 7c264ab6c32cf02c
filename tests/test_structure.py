"""Imports go one way, and secrets of the lab's faults stay in the lab."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("recording", "analysis", "history", "scenarios", "lab", "commands")

# Who may import whom, beside itself and third parties.
MAY_IMPORT: dict[str, set[str]] = {
    "recording": set(),
    "analysis": {"recording"},
    # Targets to meet are parsed before any traffic, by the module that judges them afterwards.
    "scenarios": {"recording", "analysis.slo.grammar"},
    "lab": set(),
    "history": {"recording", "analysis"},
    "commands": {"recording", "analysis", "history", "scenarios", "lab"},
}
# Third parties that only some places may know.
ONLY_IN = {
    "locust": ("scenarios/",),
    "flask": ("scenarios/live/",),
    "gevent": ("scenarios/", "recording/recorder.py"),
    "matplotlib": ("analysis/render/",),
    "starlette": ("lab/",),
    "psycopg": ("lab/",),
    "sqlite3": ("history/",),
    "pandas": (),
}


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        top = name.split(".")[0]
        if top in PACKAGES and top != package:
            allowed = MAY_IMPORT[package]
            assert top in allowed or name in allowed, f"{path}: {package} must not import {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_libraries_stay_where_they_belong(path: Path) -> None:
    where = str(path.relative_to(ROOT))
    for name in imported(path):
        places = ONLY_IN.get(name.split(".")[0])
        assert places is None or where.startswith(places or ("nowhere",)), f"{where} must not import {name}"


def test_every_package_is_installed() -> None:
    """What is missing from the list works from a checkout, and nowhere else."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")}
    assert set(listed) == {".".join(path.relative_to(ROOT).parts) for path in there}


def test_the_truth_about_faults_is_known_to_tests_alone() -> None:
    for path in modules():
        if path.relative_to(ROOT).parts[0] != "lab":
            assert "Truth" not in path.read_text(), path


def test_children_are_started_in_one_way() -> None:
    """`python -m` by itself runs what lies in the working folder."""
    found = {str(path.relative_to(ROOT)) for path in modules() if "sys.executable" in path.read_text()}
    assert found == {"recording/child.py", "lab/processes.py"}
