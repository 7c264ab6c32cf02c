"""Samples go through Arrow unchanged, and know errors from our own faults."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from recording.outcomes import OUTCOMES
from recording.sample import SCHEMA, Category, Samples, in_schema

TEXT = st.text(max_size=8)
ROWS = st.lists(
    st.tuples(
        st.floats(0, 2e9), st.floats(0, 1e6), TEXT, TEXT, st.integers(0, 599),
        st.sampled_from(OUTCOMES), TEXT,
        st.integers(-1, 1000), st.integers(-1, 1000), st.integers(-1, 1000), TEXT, TEXT,
        st.integers(-1, 2**40), st.integers(1, 1000), st.floats(-1, 1e6),
        st.integers(-1, 100), st.integers(-1, 100),
    ),
    max_size=20,
)  # fmt: skip


def samples_of(rows: list[tuple[object, ...]]) -> Samples:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
    table = pa.table(
        [pa.array(list(c), _plain(f.type)) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA.names
    )
    return Samples.from_table(table)


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


@given(ROWS)
def test_samples_survive_a_table(rows: list[tuple[object, ...]]) -> None:
    samples = samples_of(rows)
    again = Samples.from_table(samples.to_table())
    assert again.to_table().to_pylist() == samples.to_table().to_pylist()
    assert samples.to_table().schema == SCHEMA


@given(ROWS, st.integers(1, 5))
def test_batches_with_other_dictionaries_join(rows: list[tuple[object, ...]], cut: int) -> None:
    parts = [samples_of(rows[i : i + cut]).to_table() for i in range(0, len(rows), cut)]
    if parts:
        joined = Samples.from_table(pa.concat_tables(parts))
        assert joined.to_table().to_pylist() == samples_of(rows).to_table().to_pylist()


def test_our_own_faults_are_no_errors_of_the_target() -> None:
    outcomes = Category.of(["ok", "generator", "http_error", "unfinished"])
    samples = samples_of(
        [(0.0, 1.0, "e", "GET", 0, o, "", 1, 0, 0, "n", "s", 0, 1, -1.0, -1, -1) for o in outcomes.to_list()]
    )
    assert samples.is_error.tolist() == [False, False, True, True]
    assert samples.is_generator.tolist() == [False, True, False, False]


def test_rows_can_be_taken_by_mask_and_index() -> None:
    samples = samples_of(
        [
            (float(i), 1.0, f"e{i}", "GET", 200, "ok", "", 1, 0, 0, "n", "s", 0, 1, -1.0, -1, -1)
            for i in range(4)
        ]
    )
    assert samples.take(np.array([3, 1])).endpoint.to_list() == ["e3", "e1"]
    assert samples.take(samples.start_s > 1).start_s.tolist() == [2.0, 3.0]


def test_a_table_of_an_older_version_has_no_moment_at_which_requests_were_due() -> None:
    rows = [
        (float(i), 1.0, "e", "GET", 200, "ok", "", 1, 0, 0, "n", "s", 0, 1, 5.0, -1, -1) for i in range(3)
    ]
    old = samples_of(rows).to_table().drop_columns(["delay_ms", "connection_age", "request_size"])
    assert Samples.from_table(old).delay_ms.tolist() == [-1.0, -1.0, -1.0]
    assert Samples.from_table(old).connection_age.tolist() == [-1, -1, -1]
    mixed = pa.concat_tables([in_schema(old), samples_of(rows).to_table()])
    assert Samples.from_table(mixed).delay_ms.tolist() == [-1.0] * 3 + [5.0] * 3
