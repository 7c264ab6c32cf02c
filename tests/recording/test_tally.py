"""Rows that are gone, doubled or changed once a run is Parquet are noticed; those of a whole run are not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gevent
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording.clock import Clock
from recording.collect import Collector
from recording.folder import RunFolder
from recording.frames import LogWriter
from recording.logs import WRITTEN_KEY, finish
from recording.outcomes import OUTCOMES
from recording.reader import read_run
from recording.recorder import Recorder, Situation
from recording.run import LogHealth
from recording.sample import Category, Samples, constant
from recording.tally import SLAB, RowsChanged, rows_changed, tally

NODES = ("worker-0", "worker-1")
EACH = 30
START_S = 1_790_000_000.0

Edit = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of two processes: every fifth request failed, one was never answered."""
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "unit")
    folder.write_manifest({"format": 1, "start_s": START_S, "clean_end": True, "nodes": list(NODES)})
    for node in NODES:
        one = Recorder(LogWriter(folder.log_path(node)), Clock.start(), node, lambda: Situation(3, 3, "s"))
        one.start()
        for number in range(EACH):
            token = one.begin("login", "POST", number)
            gevent.sleep(0.001)
            if number:
                one.finish(token, "http_error" if number % 5 == 0 else "ok", 503 if number % 5 == 0 else 200)
        one.close("done")
    finish(folder)
    return folder


@pytest.fixture
def folder(made: RunFolder, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(made.path, tmp_path / "run")))


def edit(folder: RunFolder, change: Edit) -> None:
    """Read the rows with another tool, change them, and write them back: their metadata stay."""
    table = pq.read_table(folder.samples_parquet)
    changed = change(table).replace_schema_metadata(table.schema.metadata)
    pq.write_table(changed, folder.samples_parquet)


def health(folder: RunFolder) -> LogHealth:
    found = read_run(folder.path).health
    assert found is not None
    return found


def changed(folder: RunFolder) -> dict[str, RowsChanged]:
    return {one.node: one for one in health(folder).rows_changed}


def with_column(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    at = table.column_names.index(name)
    return table.set_column(at, name, pa.array(values).cast(table.schema.field(name).type))


def test_a_whole_run_is_as_it_was_written(made: RunFolder) -> None:
    assert len(read_run(made.path).samples) == len(NODES) * EACH
    assert health(made).rows_changed == ()
    assert not health(made).other_run


def test_rows_in_another_order_and_written_anew_are_the_same(folder: RunFolder) -> None:
    edit(folder, lambda table: table.sort_by([("duration_ms", "descending")]))
    assert changed(folder) == {}


def test_failures_that_were_cut_out_are_missed(folder: RunFolder) -> None:
    edit(folder, lambda table: table.filter(pc.equal(table["outcome"].cast(pa.string()), "ok")))
    assert set(changed(folder)) == set(NODES)
    assert changed(folder)["worker-1"].written == {"ok": 24, "http_error": 5, "unfinished": 1}
    assert changed(folder)["worker-1"].found == {"ok": 24}


def test_a_process_whose_rows_are_gone_is_named(folder: RunFolder) -> None:
    edit(folder, lambda table: table.filter(pc.equal(table["node"].cast(pa.string()), "worker-0")))
    assert set(changed(folder)) == {"worker-1"}
    assert changed(folder)["worker-1"].found == {}


def test_rows_of_a_process_that_was_not_there_are_named(folder: RunFolder) -> None:
    def merged(table: pa.Table) -> pa.Table:
        return pa.concat_tables([table, with_column(table, "node", ["worker-9"] * len(table))])

    edit(folder, merged)
    assert set(changed(folder)) == {"worker-9"}
    assert changed(folder)["worker-9"].written == {}


def test_doubled_rows_and_no_rows_at_all_are_noticed(folder: RunFolder) -> None:
    edit(folder, lambda table: pa.concat_tables([table, table]))
    assert {node: sum(one.found.values()) for node, one in changed(folder).items()} == dict.fromkeys(
        NODES, 60
    )
    edit(folder, lambda table: table.slice(0, 0))
    assert {node: one.found for node, one in changed(folder).items()} == {node: {} for node in NODES}


def test_the_file_of_another_run_is_noticed(folder: RunFolder, made: RunFolder, tmp_path: Path) -> None:
    other = RunFolder(Path(shutil.copytree(made.path, tmp_path / "other")))
    other.update_manifest(start_s=START_S + 3600)
    assert health(other).other_run
    assert not health(folder).other_run
    other.manifest_json.unlink()  # nothing tells whose it is
    assert not health(other).other_run


def test_a_file_of_an_older_version_is_read_as_before(folder: RunFolder) -> None:
    table = pq.read_table(folder.samples_parquet)
    told = {key: text for key, text in table.schema.metadata.items() if key != WRITTEN_KEY}
    pq.write_table(table.slice(5).replace_schema_metadata(told), folder.samples_parquet)
    assert health(folder) == LogHealth(nodes=NODES, unfinished=2, clock_step_s=health(folder).clock_step_s)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"requests": 5}', b"\xff", b"{}"])
def test_a_damaged_tally_never_passes_for_a_whole_run(folder: RunFolder, text: bytes) -> None:
    table = pq.read_table(folder.samples_parquet)
    told = {**table.schema.metadata, WRITTEN_KEY: text}
    pq.write_table(table.replace_schema_metadata(told), folder.samples_parquet)
    assert set(changed(folder)) == set(NODES)


def _even(count: int) -> Samples:
    """So many requests a millisecond apart that all went well."""
    return Samples(
        start_s=START_S + np.arange(count) / 1000,
        duration_ms=np.full(count, 5.0),
        endpoint=Category.constant("login", count),
        method=Category.constant("POST", count),
        status=np.full(count, 200, np.int16),
        outcome=Category.constant("ok", count),
        code=Category.constant("", count),
        users=np.ones(count, np.int32),
        in_flight=np.ones(count, np.int32),
        account=np.zeros(count, np.int32),
        node=Category.constant("worker-0", count),
        stage=Category.constant("s", count),
        response_bytes=np.zeros(count, np.int64),
        weight=np.ones(count, np.int32),
    )


def _dropped(table: pa.Table, row: int, _: str) -> pa.Table:
    return pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def _doubled(table: pa.Table, row: int, _: str) -> pa.Table:
    return pa.concat_tables([table, table.slice(row, 1)])


def _ended_otherwise(table: pa.Table, row: int, outcome: str) -> pa.Table:
    values = table["outcome"].to_pylist()
    values[row] = outcome if outcome != values[row] else "unknown"
    return with_column(table, "outcome", values)


def _of_another(table: pa.Table, row: int, _: str) -> pa.Table:
    values = table["node"].to_pylist()
    values[row] = NODES[values[row] == NODES[0]]
    return with_column(table, "node", values)


def _weighs_more(table: pa.Table, row: int, _: str) -> pa.Table:
    values = table["weight"].to_pylist()
    values[row] += 1
    return with_column(table, "weight", values)


@given(
    st.sampled_from((_dropped, _doubled, _ended_otherwise, _of_another, _weighs_more)),
    st.integers(0, len(NODES) * EACH - 1),
    st.sampled_from([name for name in OUTCOMES if name != "unknown"]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_row_that_is_dropped_doubled_or_changed_is_noticed(
    made: RunFolder,
    tmp_path_factory: pytest.TempPathFactory,
    change: Callable[[pa.Table, int, str], pa.Table],
    row: int,
    outcome: str,
) -> None:
    folder = RunFolder(Path(shutil.copytree(made.path, tmp_path_factory.mktemp("edited") / "run")))
    node = pq.read_table(folder.samples_parquet)["node"][row].as_py()
    edit(folder, lambda table: change(table, row, outcome))
    assert node in changed(folder)
    assert len(changed(folder)) == (2 if change is _of_another else 1)


@st.composite
def rows(draw: st.DrawFn) -> Samples:
    """Rows of several processes, some of which stand for many requests."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(0, 3_000))
    nodes, outcomes = (
        ("a", "b", "c")[: draw(st.integers(1, 3))],
        OUTCOMES[: draw(st.integers(1, len(OUTCOMES)))],
    )
    heaviest = draw(st.sampled_from((1, 5, 2**31 - 1)))
    return replace(
        _even(count),
        node=Category(chance.integers(0, len(nodes), count).astype(np.int32), nodes),
        outcome=Category(chance.integers(0, len(outcomes), count).astype(np.int32), outcomes),
        weight=chance.integers(0, heaviest, count, endpoint=True).astype(np.int32)
        if draw(st.booleans())
        else constant(draw(st.integers(0, heaviest)), count),
    )


@given(rows())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_tally_is_exact(samples: Samples) -> None:
    known: Counter[tuple[str, str]] = Counter()
    for node, outcome, weight in zip(
        samples.node.to_list(), samples.outcome.to_list(), samples.weight.tolist(), strict=True
    ):
        known[node, outcome] += max(weight, 1)
    found = tally(samples)
    assert {(node, outcome): n for node, counts in found.items() for outcome, n in counts.items()} == known
    assert rows_changed(found, tally(samples.take(np.arange(len(samples))[::-1]))) == ()


@pytest.mark.parametrize("failing", [0.0, 0.3, 1.0])
def test_thinning_changes_no_tally(failing: float) -> None:
    """A run too long to be held is compared all the same: its sums are exact."""
    count, chance = 20_000, np.random.default_rng(4)
    whole = replace(
        _even(count),
        node=Category(chance.integers(0, 2, count).astype(np.int32), NODES),
        outcome=Category((chance.random(count) < failing).astype(np.int32), ("ok", "http_error")),
        weight=chance.integers(1, 4, count).astype(np.int32),
    )
    collector = Collector(budget=2_000)
    for first in range(0, count, 700):
        collector.add(whole.take(np.arange(first, min(first + 700, count))))
    kept = collector.samples()
    assert len(kept) < count / 5
    assert tally(kept) == tally(whole)
    assert tally(whole.take(np.arange(1, count))) != tally(whole)


def test_rows_are_counted_beyond_what_is_counted_at_a_time() -> None:
    count = 2 * SLAB + 17
    samples = replace(
        _even(count),
        node=Category((np.arange(count) % 2).astype(np.int32), NODES),
        outcome=Category((np.arange(count) % 4 == 3).astype(np.int32), ("ok", "reset")),
    )
    failed = count // 4
    assert tally(samples) == {
        "worker-0": {"ok": SLAB + 9},
        "worker-1": {"ok": SLAB + 8 - failed, "reset": failed},
    }
