"""Kubernetes takes every manifest of deploy/: no unknown key, no value of the wrong kind."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
SCHEMA: dict[str, Any] = json.loads((ROOT / "tests/schemas/kubernetes-1.37.json").read_text())
PARTS = {
    ("apps/v1", "Deployment"): "apps.v1.Deployment",
    ("batch/v1", "CronJob"): "batch.v1.CronJob",
    ("batch/v1", "Job"): "batch.v1.Job",
    ("v1", "ConfigMap"): "core.v1.ConfigMap",
    ("v1", "PersistentVolumeClaim"): "core.v1.PersistentVolumeClaim",
    ("v1", "Service"): "core.v1.Service",
}
FILES = [
    *sorted((ROOT / "deploy/kubernetes").glob("*.yaml")),
    ROOT / "deploy/schedule/kubernetes-regression.yaml",
]
MANIFESTS = [
    pytest.param(manifest, id=f"{path.stem} {manifest['kind']}")
    for path in FILES
    for manifest in yaml.safe_load_all(path.read_text())
]


def mistakes(manifest: dict[str, Any]) -> list[str]:
    part = PARTS[manifest["apiVersion"], manifest["kind"]]
    validator = Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/io.k8s.api.{part}"})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_kubernetes_takes_it(manifest: dict[str, Any]) -> None:
    assert mistakes(manifest) == []
    assert mistakes({**manifest, "metdata": {}})


def test_a_mistake_deep_within_a_pod_is_found() -> None:
    (job,) = [m for m in yaml.safe_load_all(FILES[-1].read_text()) if m["kind"] == "CronJob"]
    wrong = copy.deepcopy(job)
    (container,) = wrong["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["readOnlyRootFilesystem"] = "yes"
    assert len(mistakes(wrong)) == 1
