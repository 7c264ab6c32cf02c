"""A real run whose folder is edited afterwards: what was recorded is missed, and the gate stays closed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recording.folder import RunFolder
from tests.commands.conftest import Cli
from tests.faults.harness import SHORT, Bench, audit, check_said, measured

pytestmark = pytest.mark.slow

EASY = "error_rate < 90 %"
"""A target that the run meets, as it does not once it is harder than that."""

Edit = Callable[[RunFolder], None]


def rows(change: Callable[[pa.Table], pa.Table]) -> Edit:
    """Changes the rows as other tools do: their metadata stay."""

    def edit(folder: RunFolder) -> None:
        table = pq.read_table(folder.samples_parquet)
        pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), folder.samples_parquet)

    return edit


def text(column: str, table: pa.Table) -> pa.ChunkedArray:
    return table[column].cast(pa.string())


def easier(folder: RunFolder) -> None:
    told = folder.scenario_yaml.read_text()
    assert EASY in told
    folder.scenario_yaml.write_text(told.replace(EASY, "error_rate < 99 %"))


EDITS: dict[str, tuple[Edit, str]] = {
    "failures cut out": (rows(lambda t: t.filter(pc.equal(text("outcome", t), "ok"))), "rows_changed"),
    "a worker's rows gone": (rows(lambda t: t.filter(pc.equal(text("node", t), "worker-0"))), "rows_changed"),
    "all doubled": (rows(lambda t: pa.concat_tables([t, t])), "rows_changed"),
    "a row gone": (rows(lambda t: t.slice(1)), "rows_changed"),
    "an easier target": (easier, "scenario_changed"),
    "no scenario": (lambda folder: folder.scenario_yaml.unlink(), "scenario_changed"),
}


def gated(bench: Bench, folder: RunFolder) -> tuple[int, set[str]]:
    """What `loadverdict gate` ends with, and what its verdict holds to be not whole."""
    done = Cli(bench.folder)("gate", str(folder.path))
    assert "Traceback" not in done.stdout + done.stderr
    found = json.loads((folder.analysis_dir / "verdict.json").read_text())["quality"]["findings"]
    return done.returncode, {finding["code"] for finding in found if finding["severity"] == "incomplete"}


def test_a_folder_that_was_edited_after_its_run_does_not_pass(bench: Bench, tmp_path: Path) -> None:
    going = bench.start(f"{SHORT}slo: [{EASY}]\n", "--processes", "2")
    going.until_ended()
    recorded = audit(going)
    check_said(going, 0)
    assert not any(going.folder.samples_dir.glob("*.log")), "the run is not Parquet"
    assert gated(bench, going.folder) == (0, set())
    for name, (edit, code) in EDITS.items():
        copy = RunFolder(Path(shutil.copytree(going.folder.path, tmp_path / "edited" / name)))
        edit(copy)
        assert gated(bench, copy) == (3, {code}), name
    measured(requests=recorded.finished + recorded.unfinished, edits=len(EDITS))
