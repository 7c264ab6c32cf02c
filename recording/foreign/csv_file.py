"""CSV file: columns by name as arrays, read by several threads; bad lines are counted, not fatal."""

from __future__ import annotations

import codecs
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from recording.errors import NoDataError, UsageError
from recording.foreign.head import columns, head_of, opened
from recording.sample import Category

NUMBER, TEXT = pa.float64(), pa.dictionary(pa.int32(), pa.string())
LARGEST = 2.0**31 - 1
BLOCK = 8 << 20
THREADS = 2
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_NOTHING = ("Empty CSV file", "no columns", "No columns", "Could not skip initial")
"""How Arrow says that there is nothing below the header."""

_NULLS = ["", "N/A", "null", "None"]

T = TypeVar("T")
R = TypeVar("R")
Source = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens the bytes anew each time: what fails at full speed is read again with more patience."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read one format.

    Attributes:
        format: its name, for messages.
        numbers: columns that must hold finite numbers; a line without one is bad.
        texts: columns of text.
        maybe: columns of numbers that may be missing or empty.
        names: names of all columns of a file without header.
        delimiter: one character.
        multiline: whether a quoted text may go over several lines (then fewer threads can be used).
    """

    format: str
    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    delimiter: str = ","
    multiline: bool = False


@dataclass(slots=True)
class CsvColumns:
    """Columns of the good lines, and how many lines were bad."""

    table: pa.Table
    bad_lines: int

    def __contains__(self, name: str) -> bool:
        return name in self.table.column_names

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def number(self, name: str) -> NDArray[np.float64]:
        """A column of numbers; NaN where it is empty or missing."""
        if name not in self:
            return np.full(len(self), np.nan)
        return _floats(self.table.column(name))

    def whole(self, name: str, missing: int = 0) -> NDArray[np.int64]:
        """A column of whole numbers; `missing` where it is empty, no number or missing."""
        values = np.clip(self.number(name), -LARGEST, LARGEST)
        return np.where(np.isfinite(values), values, missing).astype(np.int64)

    def text(self, name: str) -> Category:
        """A column of texts; "" where it is empty or missing."""
        if name not in self:
            return Category.constant("", len(self))
        column = self.table.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        array = column.unify_dictionaries().combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], TEXT)
        names = array.dictionary.to_pylist()
        codes = pc.fill_null(array.indices, len(names)).to_numpy(zero_copy_only=False).astype(np.int32)
        merged = Category.of([" ".join(str(name or "").split()) for name in [*names, ""]])
        return Category(merged.codes[codes], merged.names)

    def keep(self, rows: NDArray[np.bool_]) -> CsvColumns:
        """Only some rows."""
        return self if bool(rows.all()) else CsvColumns(self.table.filter(pa.array(rows)), self.bad_lines)


@dataclass(slots=True)
class _Skipped:
    """Lines with the wrong number of fields."""

    lines: list[str] = field(default_factory=list)
    count: int = 0

    def __call__(self, row: pacsv.InvalidRow) -> str:
        self.count += 1
        if len(self.lines) < 1:
            self.lines.append(str(row.text))
        return "skip"


def read_columns(path: Path, layout: Layout) -> CsvColumns:
    """Read the columns of a layout.

    Raises:
        UsageError: it holds no good line.
        NoDataError: it holds a header and nothing below it.
    """
    found, seen = _good(partial(opened, path), layout, _header(path, layout), skip=not layout.names)
    if not len(found):
        _none_good(path, layout, found.bad_lines, seen)
    return found


def read_pieces(path: Path, layout: Layout, convert: Callable[[CsvColumns], T]) -> Iterator[tuple[T, int]]:
    """The same piece by piece, for files that are larger than the memory; texts are on one line each.

    Two threads read and convert; the pieces come in the order of the file, each with its number of bad lines.
    """
    header = _header(path, layout)

    def piece(block: bytes, skip: bool) -> tuple[T, CsvColumns, str]:
        found, seen = _good(lambda: nullcontext(pa.BufferReader(block)), layout, header, skip=skip)
        return convert(found), found, seen

    good = bad = 0
    first_seen = ""
    for converted, found, seen in _in_turn(piece, _blocks(path, not layout.names)):
        good, bad, first_seen = good + len(found), bad + found.bad_lines, first_seen or seen
        yield converted, found.bad_lines
    if not good:
        _none_good(path, layout, bad, first_seen)


def _blocks(path: Path, headed: bool) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, some megabytes at a time, and whether the first line is a header."""
    with opened(path) as stream:
        while block := stream.read(BLOCK):
            yield block + (stream.readline() if len(block) == BLOCK else b""), headed
            headed = False


def _in_turn(work: Callable[[bytes, bool], R], blocks: Iterator[tuple[bytes, bool]]) -> Iterator[R]:
    """Results in the order of the blocks, by two threads; never more than three blocks are held."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[R]] = deque()
        for block, headed in blocks:
            waiting.append(pool.submit(work, block, headed))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _header(path: Path, layout: Layout) -> list[str]:
    header = list(layout.names) or columns(head_of(path), layout.delimiter)
    if len(set(header)) < len(header):
        raise UsageError(f"{path} ({layout.format}) names a column twice in its first line")
    missing = [name for name in layout.numbers if name not in header]
    if missing:
        raise UsageError(f"{path} ({layout.format}) has no column {missing[0]}; it has {', '.join(header)}")
    return header


def _good(source: Source, layout: Layout, header: Sequence[str], *, skip: bool) -> tuple[CsvColumns, str]:
    """The good lines; and, where there is none at all, the first of the bad ones."""
    table, skipped = _tolerant(source, layout, header, skip)
    good = np.ones(table.num_rows, bool)
    for name in layout.numbers:
        good &= np.isfinite(_floats(table.column(name)))
    bad = skipped.count + int((~good).sum())
    seen = skipped.lines[0] if skipped.lines and not len(good) else ""
    return CsvColumns(table if good.all() else table.filter(pa.array(good)), bad), seen


def _tolerant(source: Source, layout: Layout, header: Sequence[str], skip: bool) -> tuple[pa.Table, _Skipped]:
    """Whole files at full speed; then without lines that are too short or long; then value by value."""
    types = _types(layout, NUMBER)
    try:
        return _read(source, layout, header, None, types, skip), _Skipped()
    except pa.ArrowInvalid:
        skipped = _Skipped()
    try:
        return _read(source, layout, header, skipped, types, skip), skipped
    except pa.ArrowInvalid:
        skipped = _Skipped()
    return _read(source, layout, header, skipped, _types(layout, pa.string()), skip), skipped


class _Utf8(io.RawIOBase):
    """A stream in which whatever is not UTF-8 is replaced: Arrow cannot even skip such a line."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most a few bytes more than asked for, as replacing makes them longer."""
        data = self._stream.read(size)
        return self._decoder.decode(data, final=not data).replace("\0", " ").encode()


def _none_good(path: Path, layout: Layout, bad: int, first: str) -> None:
    if not bad:
        raise NoDataError(f"{path} ({layout.format}) has a header and no requests")
    line = 1 if layout.names else 2
    seen = f": {first[:80]!r}" if first else ""
    raise UsageError(
        f"{path}, line {line}{seen}: none of the {bad:,} lines can be read as {layout.format}; "
        f"expected numbers in the columns {', '.join(layout.numbers)}"
    )


def _types(layout: Layout, number: pa.DataType) -> dict[str, pa.DataType]:
    return {
        **dict.fromkeys((*layout.numbers, *layout.maybe), number),
        **dict.fromkeys(layout.texts, TEXT),
    }


def _read(
    source: Source,
    layout: Layout,
    header: Sequence[str],
    skipped: _Skipped | None,
    types: Mapping[str, pa.DataType],
    skip: bool,
) -> pa.Table:
    wanted = {name: kind for name, kind in types.items() if name in header}
    read = pacsv.ReadOptions(
        column_names=list(header),
        skip_rows=int(skip),
        block_size=BLOCK,
    )
    parse = pacsv.ParseOptions(
        delimiter=layout.delimiter, newlines_in_values=layout.multiline, invalid_row_handler=skipped
    )
    convert = pacsv.ConvertOptions(
        column_types=wanted,
        include_columns=list(wanted),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=_NULLS,
    )
    with source() as stream:
        try:
            return pacsv.read_csv(stream if skipped is None else _Utf8(stream), read, parse, convert)
        except pa.ArrowInvalid as error:
            if any(words in str(error) for words in _NOTHING):
                return pa.table({name: pa.array([], kind) for name, kind in wanted.items()})
            raise


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_floating(column.type):
        if column.null_count == 0:
            return np.asarray(column.to_numpy(), np.float64)
        return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), np.float64)
    plain = pc.utf8_trim_whitespace(column)
    numbers = pc.if_else(pc.match_substring_regex(plain, _NUMBER), plain, None).cast(NUMBER)
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(), np.float64)
