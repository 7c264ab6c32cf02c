"""Sample: one request, answered or not. It knows what was seen, not what it means.

Many Samples are kept as `Samples`: one NumPy array per column, strings as category codes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_CATEGORY = pa.dictionary(pa.int32(), pa.string())


def constant(value: int, length: int, kind: type[np.integer[Any]] = np.int32) -> NDArray[Any]:
    """A column that holds one value in every row; it takes no memory, and cannot be written to."""
    column: NDArray[Any] = np.broadcast_to(kind(value), length)
    return column


def is_constant(column: NDArray[Any]) -> bool:
    """Whether a column is known, without a look at its rows, to hold one value only."""
    return len(column) > 0 and column.strides == (0,)


def picked(column: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """The rows picked by an index or boolean array; constant columns stay free of memory."""
    if not is_constant(column):
        return np.asarray(column[rows])
    count = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
    same: NDArray[Any] = np.broadcast_to(column[0], count)
    return same


SCHEMA = pa.schema(
    [
        ("start_s", pa.float64()),
        ("duration_ms", pa.float64()),
        ("endpoint", _CATEGORY),
        ("method", _CATEGORY),
        ("status", pa.int16()),
        ("outcome", _CATEGORY),
        ("code", _CATEGORY),
        ("users", pa.int32()),
        ("in_flight", pa.int32()),
        ("account", pa.int32()),
        ("node", _CATEGORY),
        ("stage", _CATEGORY),
        ("response_bytes", pa.int64()),
        ("weight", pa.int32()),
        ("delay_ms", pa.float64()),
        ("connection_age", pa.int8()),
        ("request_size", pa.int8()),
    ]
)
"""Columns of a run folder's samples. Missing integers are -1; `status` 0 means no HTTP answer; `delay_ms` -1
means that the request had no moment at which it was due."""

UNPLANNED = -1.0
"""`delay_ms` of a request without a schedule: that of a closed load, or a later one of the same turn."""

LATE_MS = 10.0
"""A request sent later than this after it was due is counted as late."""

_ADDED: dict[str, Any] = {
    "delay_ms": np.float64(UNPLANNED),
    "connection_age": np.int8(-1),
    "request_size": np.int8(-1),
}
"""Columns that older run folders lack, and what stands there for them."""


def size_class(amount: float) -> int:
    """0 for less than one, 1 for one, 2 for two and three, 3 for four to seven, ...; at most 100."""
    return min(int(amount).bit_length(), 100)


def in_schema(table: pa.Table) -> pa.Table:
    """The table with exactly the columns of `SCHEMA`, whatever version of the suite wrote it."""
    if table.column_names == SCHEMA.names:
        return table
    for name, missing in _ADDED.items():
        if name not in table.column_names:
            table = table.append_column(SCHEMA.field(name), pa.array(np.full(table.num_rows, missing)))
    return table.select(SCHEMA.names)


def whole(table: pa.Table) -> pa.Table:
    """The table in `SCHEMA`, for tables that somebody else may have written.

    Raises:
        ValueError: a value is missing, or is none of its column's kind (as pa.ArrowInvalid).
        KeyError: a column is missing.
    """
    table = in_schema(table).cast(SCHEMA)
    for column in table.columns:
        chunks = column.chunks if pa.types.is_dictionary(column.type) else ()
        if column.null_count or any(chunk.dictionary.null_count for chunk in chunks):
            raise ValueError("a value is missing")
    return table


def _slim(column: NDArray[Any]) -> NDArray[Any]:
    """The column, free of memory if all its values are the same."""
    alike = len(column) > 0 and bool(np.all(column == column[0]))
    return np.broadcast_to(column[0], len(column)) if alike else column


@dataclass(frozen=True, slots=True)
class Category:
    """A string column as codes into a tuple of names.

    Attributes:
        codes: int32, one per row.
        names: the distinct values; `names[codes[i]]` is row i's value.
    """

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: list[str]) -> Category:
        """Encode a list of strings, names in order of first appearance."""
        index: dict[str, int] = {}
        codes = np.fromiter((index.setdefault(v, len(index)) for v in values), np.int32, len(values))
        return cls(codes, tuple(index))

    @classmethod
    def constant(cls, value: str, length: int) -> Category:
        """A column that holds one value in every row."""
        return cls(constant(0, length), (value,))

    def equals(self, value: str) -> NDArray[np.bool_]:
        """Which rows hold `value`."""
        if value not in self.names:
            return np.zeros(len(self.codes), bool)
        return np.asarray(self.codes == self.names.index(value))

    def isin(self, values: frozenset[str] | set[str]) -> NDArray[np.bool_]:
        """Which rows hold one of `values`."""
        if not self.names:
            return np.zeros(len(self.codes), bool)
        return picked(np.array([name in values for name in self.names]), self.codes)

    def to_list(self) -> list[str]:
        """The values as Python strings, one per row."""
        return [self.names[code] for code in self.codes]

    def take(self, rows: NDArray[Any]) -> Category:
        """The rows picked by an index or boolean array; names are kept."""
        return Category(picked(self.codes, rows), self.names)


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns of `SCHEMA` as arrays of one length n.

    Units: `start_s` epoch seconds of the send; `duration_ms` milliseconds from send to last byte, to
    the failure, or (unfinished) to the end of the run; `weight` is how many requests a row stands for;
    `delay_ms` milliseconds from the moment at which the request was due to its send, so that latency from the
    intended start is `delay_ms + duration_ms`; `UNPLANNED` where it was due at no certain moment.

    Two columns are classes by powers of two, see `size_class`: `request_size` of the bytes that were sent,
    `connection_age` of the seconds for which the connection had been open, plus one; 0 of one that was opened
    for the request.

    `stood_s` is no column of a run folder: the seconds for which the load generator held the request up, as
    far as analysis has found that out; 0 where it did not, or hardly. See `analysis.standstill`.
    """

    start_s: NDArray[np.float64]
    duration_ms: NDArray[np.float64]
    endpoint: Category
    method: Category
    status: NDArray[np.int16]
    outcome: Category
    code: Category
    users: NDArray[np.int32]
    in_flight: NDArray[np.int32]
    account: NDArray[np.int32]
    node: Category
    stage: Category
    response_bytes: NDArray[np.int64]
    weight: NDArray[np.int32]
    delay_ms: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(0))
    connection_age: NDArray[np.int8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int8))
    request_size: NDArray[np.int8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int8))
    stood_s: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name, missing in (*_ADDED.items(), ("stood_s", np.float64(0.0))):
            if len(getattr(self, name)) != len(self.start_s):
                object.__setattr__(self, name, np.broadcast_to(missing, len(self.start_s)))

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def is_generator(self) -> NDArray[np.bool_]:
        """Rows that failed through our own fault; leave them out before judging the target."""
        return self.outcome.equals("generator")

    @property
    def is_unsent(self) -> NDArray[np.bool_]:
        """Rows of requests that an earlier answer kept from being sent: it gave what cannot stand in them."""
        return np.asarray(self.outcome.equals("wrong_content") & (self.status == 0))

    @property
    def is_held_up(self) -> NDArray[np.bool_]:
        """Rows whose duration is the load generator's as well as the target's: no latency."""
        return self.stood_s > 0

    @property
    def is_error(self) -> NDArray[np.bool_]:
        """Rows that count against the target: neither `ok` nor the generator's own fault."""
        return ~self.outcome.isin({"ok", "generator"})

    def is_error_at(self, rows: NDArray[Any]) -> NDArray[np.bool_]:
        """The same for some rows only, picked by an index array."""
        return ~self.outcome.take(rows).isin({"ok", "generator"})

    @property
    def end_s(self) -> NDArray[np.float64]:
        """Epoch seconds at which each request was over."""
        return self.start_s + self.duration_ms / 1000.0

    def take(self, rows: NDArray[Any]) -> Samples:
        """The rows picked by an index or boolean array."""
        columns: dict[str, Any] = {}
        for column in fields(self):
            value = getattr(self, column.name)
            columns[column.name] = value.take(rows) if isinstance(value, Category) else picked(value, rows)
        return Samples(**columns)

    def to_table(self) -> pa.Table:
        """As an Arrow table of `SCHEMA`."""
        columns = []
        for field in SCHEMA:
            value = getattr(self, field.name)
            if isinstance(value, Category):
                names = pa.array(list(value.names), pa.string())
                columns.append(pa.DictionaryArray.from_arrays(pa.array(value.codes, pa.int32()), names))
            else:
                columns.append(pa.array(value, field.type))
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> Samples:
        """From an Arrow table of `SCHEMA` (columns by name; plain strings are encoded)."""
        columns: dict[str, Any] = {}
        table = in_schema(table)
        for field in SCHEMA:
            column = table.column(field.name)
            if pa.types.is_dictionary(field.type):
                if not pa.types.is_dictionary(column.type):
                    column = column.dictionary_encode()
                array = column.unify_dictionaries().combine_chunks()
                if isinstance(array, pa.ChunkedArray):
                    array = array.chunk(0) if array.num_chunks else pa.array([], _CATEGORY)
                codes = array.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
                names = tuple(array.dictionary.to_pylist())
                columns[field.name] = (
                    Category.constant(names[0], len(codes)) if len(names) == 1 else Category(codes, names)
                )
            else:
                kind = field.type.to_pandas_dtype()
                columns[field.name] = _slim(column.to_numpy().astype(kind, copy=False))
        return cls(**columns)

    @classmethod
    def empty(cls) -> Samples:
        """No rows at all."""
        return cls.from_table(SCHEMA.empty_table())
