"""Run folders that were edited or merged once they were Parquet: the gate is closed, and it is said why.

Which rows are noticed, one by one: tests/recording/test_tally.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from analysis.diagnose import diagnose
from analysis.quality import is_partial
from analysis.verdict import Verdict
from benchmarks.small_runs import SCENARIO, write_small_runs
from commands.diagnose import judged, slo_of
from commands.gate import gate_path
from recording.folder import RunFolder
from recording.logs import WRITTEN_KEY
from recording.reader import read_run
from recording.scenario_file import FILE_HASH, write_scenario
from tests.bad_input.told import told

TOLD = {"name": "steps", "slo": ["error_rate < 90 %"]}
"""A scenario whose target the runs meet."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two processes that met its target."""
    folder = RunFolder(write_small_runs(tmp_path_factory.mktemp("runs"), seed=3)[0])
    file_hash = write_scenario(folder, TOLD)
    folder.update_manifest(scenario={"name": "steps", "hash": "0123456789ab", FILE_HASH: file_hash})
    return folder.path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(made, tmp_path / made.name)))


def gate(folder: RunFolder) -> int:
    return told(lambda: gate_path(str(folder.path), folder.path.parent, as_json=False)).code


def verdict(folder: RunFolder) -> Verdict:
    run = read_run(folder.path)
    return judged(run, slo_of(run))[0]


def findings(folder: RunFolder) -> dict[str, str]:
    return {finding.code: finding.text for finding in verdict(folder).quality.findings}


def edit(folder: RunFolder, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(folder.samples_parquet)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), folder.samples_parquet)


def keep(column: str, value: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.filter(pc.equal(table[column].cast(pa.string()), value))


def test_a_folder_as_the_run_left_it_passes(folder: RunFolder) -> None:
    assert gate(folder) == 0
    assert not {"rows_changed", "rows_of_another_run", "scenario_changed"} & findings(folder).keys()


def test_the_verdict_of_a_whole_run_is_that_of_a_folder_without_a_tally(folder: RunFolder) -> None:
    before = verdict(folder).to_json()
    table = pq.read_table(folder.samples_parquet)
    rest = {key: text for key, text in table.schema.metadata.items() if key != WRITTEN_KEY}
    pq.write_table(table.replace_schema_metadata(rest), folder.samples_parquet)
    folder.update_manifest(scenario={"name": "steps", "hash": "0123456789ab"})
    assert verdict(folder).to_json() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (keep("outcome", "ok"), ("local has", "worker-1 has", "http_error 0 instead of")),
        (keep("node", "local"), ("worker-1 has 0 requests instead of 289",)),
        (lambda t: pa.concat_tables([t, t]), ("local has 578 requests instead of 289", "worker-1 has 578")),
        (lambda t: t.slice(1), ("worker-1 has 288 requests instead of 289 (",)),
    ],
    ids=["no failures", "one process", "twice", "a row less"],
)
def test_rows_that_were_changed_close_the_gate(
    folder: RunFolder, change: Callable[[pa.Table], pa.Table], words: tuple[str, ...]
) -> None:
    edit(folder, change)
    assert gate(folder) == 3
    assert all(word in findings(folder)["rows_changed"] for word in words), findings(folder)
    assert is_partial(verdict(folder).quality)


def test_failures_that_became_successes_close_the_gate(folder: RunFolder) -> None:
    def all_well(table: pa.Table) -> pa.Table:
        at = table.column_names.index("outcome")
        well = pa.array(["ok"] * len(table)).cast(table.schema.field("outcome").type)
        return table.set_column(at, "outcome", well)

    edit(folder, all_well)
    assert gate(folder) == 3
    assert (
        "worker-1 has 289 requests, as many as before (ok 289 instead of" in findings(folder)["rows_changed"]
    )


def test_samples_of_another_run_close_the_gate(folder: RunFolder) -> None:
    told_with = pq.read_schema(folder.samples_parquet).metadata
    other = {**json.loads(told_with[WRITTEN_KEY]), "run_start_s": 1.0}
    table = pq.read_table(folder.samples_parquet)
    pq.write_table(
        table.replace_schema_metadata({**told_with, WRITTEN_KEY: json.dumps(other)}), folder.samples_parquet
    )
    assert gate(folder) == 0, "the manifest does not tell when its run began"
    folder.update_manifest(start_s=2.0)
    assert gate(folder) == 3
    assert "rows_of_another_run" in findings(folder)


def test_targets_that_were_changed_after_the_run_close_the_gate(folder: RunFolder) -> None:
    text = folder.scenario_yaml.read_text()
    folder.scenario_yaml.write_text(text.replace("90 %", "95 %"))
    assert gate(folder) == 3
    assert "scenario.yaml was changed after the run" in findings(folder)["scenario_changed"]
    assert verdict(folder).sentence.startswith("The scenario was changed after the run: ")
    folder.scenario_yaml.write_bytes(text.replace("\n", "\r\n").encode())
    assert gate(folder) == 0, "line ends of another system are no change"
    folder.scenario_yaml.write_text(text)
    assert gate(folder) == 0


@pytest.mark.parametrize("row", ["missing", "empty", "a folder", "no text"])
def test_a_scenario_that_is_gone_is_not_replaced_by_the_usual_targets_in_silence(
    folder: RunFolder, row: str
) -> None:
    folder.scenario_yaml.unlink()
    if row == "a folder":
        folder.scenario_yaml.mkdir()
    elif row != "missing":
        folder.scenario_yaml.write_bytes(b"" if row == "empty" else b"\xff\x00")
    assert gate(folder) == 3
    assert "scenario_changed" in findings(folder)


@pytest.mark.parametrize("scenario", [{"name": "steps"}, "steps", None, {"name": "steps", FILE_HASH: None}])
def test_a_manifest_without_the_hash_of_the_file_is_read_as_before(
    folder: RunFolder, scenario: object
) -> None:
    folder.update_manifest(scenario=scenario)
    folder.scenario_yaml.write_text(SCENARIO.replace("5 %", "95 %"))
    assert not read_run(folder.path).scenario_changed
    assert gate(folder) in (0, 1)
    assert diagnose(read_run(folder.path)).quality.complete
