"""Experiments that change settings of a running lab: what may be changed, and that all of it comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

import lab
from commands.changed_note import ChangedNote
from commands.changes import change_of
from commands.experiment import restore
from recording.errors import UsageError
from scenarios.experiment import Experiment
from scenarios.target import Target

pytestmark = pytest.mark.lab


def target(running: lab.RunningLab) -> Target:
    return Target.model_validate({"base_url": running.url})


def experiment(**changes: object) -> Experiment:
    return Experiment.model_validate({"name": "mine", "title": "Mine", "suspect": "pool", **changes})


def test_settings_come_back_as_they_were(running: lab.RunningLab) -> None:
    before = lab.settings_of(running.port)
    change = change_of(
        experiment(lab={"pool_size": 7, "cache_enabled": False}), target(running), own_lab=False
    )
    change.do()
    assert lab.settings_of(running.port).pool_size == 7
    change.undo()
    assert lab.settings_of(running.port) == before
    assert change.stays


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lab": {"pool_size": 50}}, "nothing to change: the lab has pool_size 50 already"),
        ({"lab": {"pool_size": 60}, "towards": "lower"}, "has pool_size 50, which is past 60 already"),
        ({"lab": {"lock_timeout_ms": 100}, "towards": "higher"}, "which is past 100 already"),
        ({"lab": {"pol_size": 50}}, "did you mean pool_size"),
        ({"lab": {"pool_size": 0}}, "pool_size = 0"),
    ],
)
def test_what_cannot_be_tested_is_refused(
    running: lab.RunningLab, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        change_of(experiment(**changes), target(running), own_lab=False)


def test_a_lab_that_a_killed_experiment_left_changed_is_restored(
    running: lab.RunningLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("title: Mine\nsuspect: pool\nlab: {pool_size: 7}\n")
    config = tmp_path / "target.yaml"
    config.write_text(f"base_url: {running.url}\n")
    note = ChangedNote(tmp_path)
    change = change_of(experiment(lab={"pool_size": 7}), target(running), own_lab=False)
    note.write(file, str(config), running.url, change.before)
    change.do()
    with pytest.raises(UsageError, match="still at work"):
        restore(tmp_path)
    found = note.read()
    assert found is not None
    (tmp_path / "changed.json").write_text(
        (tmp_path / "changed.json").read_text().replace(f'"pid": {found.pid}', '"pid": 999999999')
    )
    another = note.alone()
    with pytest.raises(UsageError, match="--restore"):
        another.__enter__()
    assert restore(tmp_path) == 0
    assert lab.settings_of(running.port).pool_size == 50
    assert restore(tmp_path) == 0
    assert "nothing is changed" in capsys.readouterr().out
