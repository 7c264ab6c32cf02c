"""Audit of the dependencies, as part of `make lint`.

    python .ci/audit.py [URL]

Without the network it checks that what is installed is what `constraints.txt` pins, that every direct
dependency is among that, and that `docs/dependencies.md` says why it is here. With it, it asks OSV.dev (which
holds the advisories of PyPI and GitHub) in one request whether any pinned version has known holes. A service
that cannot be reached skips that part with one sentence and fails nothing.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SERVICE = "https://api.osv.dev/v1/querybatch"
TIMEOUT_S = 5

ACCEPTED: dict[str, str] = {}
"""Known holes that do not concern the suite: their ids, and why."""


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
"""An id of a hole, which is shown in a terminal."""


def normal(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    """Version by name, from constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return {normal(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def direct() -> list[str]:
    """Names that pyproject.toml asks for, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return [re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0] for requirement in asked]


def explained(name: str, text: str) -> bool:
    """Whether a line of the table names the package, or its family (`types-*`)."""
    heads = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    words = {normal(word) for head in heads for word in re.findall(r"[A-Za-z][\w.-]*\*?", head)}
    family = f"{normal(name).partition('-')[0]}-*"
    return normal(name) in words or any(normal(word) == normal(family) for word in words)


def mistakes() -> Iterator[str]:
    """What is wrong here, without asking anybody."""
    wanted = pinned()
    found = {normal(one.metadata["Name"]): one.version for one in distributions()}
    for name, version in wanted.items():
        if name in found and found[name] != version:
            yield f"{name} {found[name]} is installed, constraints.txt has {version}: run 'make setup'"
    text = (ROOT / "docs/dependencies.md").read_text()
    for name in direct():
        if normal(name) not in wanted:
            yield f"{name} is in pyproject.toml and not in constraints.txt: pin the version it is tested with"
        if not explained(name, text):
            yield f"{name} is in pyproject.toml and not in docs/dependencies.md: say why it is here"


def holes(versions: dict[str, str], service: str) -> Iterator[str]:
    """Known holes of pinned versions.

    Raises:
        OSError: the service cannot be reached.
        ValueError: it answers with something else.
    """
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in versions.items()
    ]
    body = json.dumps({"queries": queries}).encode()
    request = urllib.request.Request(service, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        told: Any = json.load(answer)
    results = told.get("results") if isinstance(told, dict) else None
    if not isinstance(results, list) or len(results) != len(queries):
        raise ValueError("no answer per package")
    for (name, version), result in zip(versions.items(), results, strict=True):
        if ids := [hole for hole in _ids(result) if hole not in ACCEPTED]:
            yield f"{name} {version} has known holes: {', '.join(ids)} (https://osv.dev/{ids[0]})"
    if any(result.get("next_page_token") for result in results):
        # A version with more than a page of holes is an exception: it is told, not read on.
        raise ValueError("its answer goes on in further pages")


def _ids(result: Any) -> list[str]:
    """Ids of the holes in the answer for one package.

    Raises:
        ValueError: it is none.
    """
    found = result.get("vulns", []) if isinstance(result, dict) else None
    if not isinstance(found, list):
        raise ValueError("no list of holes")
    ids = [hole.get("id") if isinstance(hole, dict) else None for hole in found]
    if not all(isinstance(one, str) and _ID.fullmatch(one) for one in ids):
        raise ValueError("a hole without an id")
    return ids


def main(service: str = SERVICE) -> int:
    """Print what was found; returns 1 if anything was."""
    found = list(mistakes())
    try:
        found += holes(pinned(), service)
        told = f"{len(pinned())} pinned versions: no known hole"
    except OSError as error:
        why = getattr(error, "reason", None) or error
        told = f"audit: known holes were not looked up, {service} is not reachable ({why})"
    except ValueError as error:
        told = f"audit: known holes were not all looked up, the answer of {service} cannot be used ({error})"
    print("\n".join(found) or told)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
