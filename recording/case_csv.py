"""Case CSV: the file people make by hand, `request_id,http_code,duration_ms,timestamp[,users]`.

`timestamp` is the time of sending in epoch seconds, whole or with decimals; code 0 or 000 means that there
was no HTTP answer. The file cannot tell endpoints, error texts or what was still in flight at its end.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from recording.errors import NoDataError, UsageError
from recording.run import Run
from recording.sample import Category, Samples

COLUMNS = ("request_id", "http_code", "duration_ms", "timestamp")
OPTIONAL = ("users",)


def is_case_csv(path: Path) -> bool:
    """Whether the first line holds the columns of the case (order does not matter)."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            first = stream.readline(4096).decode("utf-8-sig", "replace")
    except (OSError, EOFError):
        return False
    return set(COLUMNS) <= {name.strip() for name in first.strip().split(",")}


def read_case_csv(path: Path) -> Run:
    """Read the file whole.

    Raises:
        UsageError: a row has the wrong number of columns or a value that is no number.
        NoDataError: a header and nothing below it.
    """
    wanted = {
        "http_code": pa.float64(),
        "duration_ms": pa.float64(),
        "timestamp": pa.float64(),
        "users": pa.float64(),
    }
    options = pacsv.ConvertOptions(column_types=wanted, strings_can_be_null=True)
    try:
        table = pacsv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: {error}; expected the columns {','.join(COLUMNS)} with numbers") from error
    table = table.rename_columns([name.strip().lstrip("\ufeff") for name in table.column_names])
    if table.num_rows == 0:
        raise NoDataError(f"{path} has a header and no requests")
    has_users = "users" in table.column_names
    start_s = _numbers(table, "timestamp")
    samples = _samples(table, start_s, has_users)
    lacks = {"endpoint", "message", "unfinished", "readings"}
    lacks |= set() if has_users else {"users"}
    lacks |= {"sub_second_time"} if bool(np.all(start_s == np.floor(start_s))) else set()
    return Run(id=path.name, source="case_csv", samples=samples, lacks=frozenset(lacks))


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(table.column(name), float("nan")).to_numpy(), np.float64)


def _samples(table: pa.Table, start_s: NDArray[np.float64], has_users: bool) -> Samples:
    rows = table.num_rows
    status = np.nan_to_num(_numbers(table, "http_code")).astype(np.int16)
    names = ("ok", "http_error", "unknown")
    codes = np.select([status == 0, status >= 400], [2, 1], 0).astype(np.int32)
    unknown = np.full(rows, -1, np.int32)
    samples = Samples(
        start_s=start_s,
        duration_ms=_numbers(table, "duration_ms"),
        endpoint=Category.constant("all", rows),
        method=Category.constant("", rows),
        status=status,
        outcome=Category(codes, names),
        code=Category.constant("", rows),
        users=_numbers(table, "users").astype(np.int32) if has_users else unknown,
        in_flight=unknown,
        account=unknown,
        node=Category.constant("", rows),
        stage=Category.constant("", rows),
        response_bytes=np.full(rows, -1, np.int64),
        weight=np.ones(rows, np.int32),
    )
    return samples.take(np.argsort(start_s, kind="stable"))


def write_case_csv(samples: Samples, path: Path) -> None:
    """Write samples as the file of the case, with the columns users and outcome behind its own four."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(",".join((*COLUMNS, *OPTIONAL, "outcome")) + "\n")
        for i, outcome in enumerate(samples.outcome.to_list()):
            stream.write(
                f"{i + 1},{samples.status[i]:03d},{samples.duration_ms[i]:.1f},{samples.start_s[i]:.3f},"
                f"{samples.users[i]},{outcome}\n"
            )
