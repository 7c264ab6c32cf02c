"""Rows in order: by start, duration and the rest, whatever their order was and however wide their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording.order import in_order
from recording.sample import Category, Samples, constant

ROW = st.tuples(
    st.integers(0, 3),
    st.integers(0, 2),
    st.sampled_from([200, 404, 503]),
    st.integers(-1, 2),
    st.integers(1, 3),
)


def samples_of(rows: list[tuple[int, int, int, int, int]], scale: int = 1) -> Samples:
    """Rows of start, duration, status, users and weight."""
    start, duration, status, users, weight = (np.array(column) for column in zip(*rows, strict=True))
    nothing = Category.constant("", len(rows))
    return Samples(
        start_s=start.astype(np.float64),
        duration_ms=duration.astype(np.float64),
        endpoint=nothing,
        method=nothing,
        status=status.astype(np.int16),
        outcome=Category((status >= 400).astype(np.int32), ("ok", "http_error")),
        code=nothing,
        users=(users * scale).astype(np.int32),
        in_flight=constant(-1, len(rows)),
        account=constant(-1, len(rows)),
        node=nothing,
        stage=nothing,
        response_bytes=constant(-1, len(rows), np.int64),
        weight=(weight * scale).astype(np.int32),
    )


def rows_of(samples: Samples) -> list[tuple[float, ...]]:
    """What the order goes by, row by row."""
    fields = ("start_s", "duration_ms", "status", "users", "weight")
    return list(zip(*(getattr(samples, name).tolist() for name in fields), strict=True))


@given(st.lists(ROW, min_size=1, max_size=40))
@pytest.mark.parametrize("scale", [1, 2**29], ids=["packed", "too wide to pack"])
def test_the_order_is_that_of_what_was_seen(scale: int, rows: list[tuple[int, int, int, int, int]]) -> None:
    samples = samples_of(rows, scale)
    assert rows_of(in_order(samples)) == sorted(rows_of(samples))


def test_rows_in_order_are_returned_as_they_are() -> None:
    samples = samples_of([(0, 1, 200, 1, 1), (0, 1, 503, 1, 1), (1, 0, 200, 1, 1)])
    assert in_order(samples) is samples
