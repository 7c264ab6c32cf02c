"""Scenario file: scenario.yaml of a run folder, and whether it is still the one that the run was made with.

The manifest keeps a hash of the file. Its other hash, of what makes runs comparable, leaves the targets out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml

from recording.folder import RunFolder
from recording.strict_yaml import MAX_DEPTH, read_bounded
from recording.whole_file import whole_file

LONGEST_SCENARIO = 1 << 20
"""Bytes: with every default filled in it is longer than the file it was made from, and no more."""

FILE_HASH = "file_sha256"
"""Key of the manifest's `scenario`; older manifests lack it."""


def write_scenario(folder: RunFolder, told: Mapping[str, Any]) -> str:
    """Write the resolved scenario; returns the hash for the manifest.

    Raises:
        OSError: the file cannot be written.
    """
    text = yaml.safe_dump(dict(told), sort_keys=False)
    folder.scenario_yaml.write_text(text)
    return _hash(text.encode())


def read_scenario(folder: RunFolder, manifest: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The scenario as plain values, empty if it cannot be read; whether the file was changed or is gone."""
    try:
        data = whole_file(folder.scenario_yaml, LONGEST_SCENARIO)
    except OSError:
        data = b""
    scenario = manifest.get("scenario")
    known = scenario.get(FILE_HASH) if isinstance(scenario, dict) else None
    return _values(data), known is not None and known != _hash(data)


def _values(data: bytes) -> dict[str, Any]:
    try:
        value = read_bounded(data.decode(), MAX_DEPTH)
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _hash(data: bytes) -> str:
    # Line ends of another system are no change.
    return hashlib.sha256(b"\n".join(data.splitlines())).hexdigest()
