"""Rows: finished requests as packed numbers, until they go to the log.

One `pack_into` per request, no object of its own; texts become numbers on the way in. A batch goes to the log
as it is, with the texts' list in front; whoever reads it makes columns of it.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.sample import UNPLANNED, Category, Samples, size_class

_ROW = struct.Struct("<dddq20siiiihH")
_NUMBERS = struct.Struct("<iiiii")
_FIELDS = np.dtype(
    [
        ("start_s", "<f8"),
        ("duration_ms", "<f8"),
        ("delay_ms", "<f8"),
        ("response_bytes", "<i8"),
        ("endpoint", "<i4"),
        ("method", "<i4"),
        ("outcome", "<i4"),
        ("code", "<i4"),
        ("stage", "<i4"),
        ("users", "<i4"),
        ("in_flight", "<i4"),
        ("account", "<i4"),
        ("weight", "<i4"),
        ("status", "<i2"),
        ("connection_age", "i1"),
        ("request_size", "i1"),
    ]
)
_PLUS_ONE = ("connection_age", "request_size")
"""Packed one greater than they are: older versions left zeros there, which mean that nobody knows."""

_TEXTS = ("endpoint", "method", "outcome", "code", "stage")
ROW_BYTES = _ROW.size
pack_row = _ROW.pack_into

MOST_NAMES = 500
"""Distinct texts that are remembered from one batch to the next: their list goes out with every batch."""

SEED = 20_260_101


def traits(connection_age: int, request_bytes: int) -> int:
    """Both classes of a request as `pack_row` takes them; 0 where neither is known.

    Args:
        connection_age: see `Samples`.
        request_bytes: what is sent, head and body.
    """
    return (connection_age + 1) | (size_class(request_bytes) + 1) << 8


class _Names(dict[str, int]):
    """Numbers for texts, in the order in which they come."""

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number


class _Texts(dict[tuple[str, str, str, str, str], bytes]):
    """The five texts of a row as their packed numbers: most rows have the same ones as one before."""

    def __init__(self) -> None:
        super().__init__()
        self.names = _Names()

    def __missing__(self, texts: tuple[str, str, str, str, str]) -> bytes:
        names = self.names
        packed = self[texts] = _NUMBERS.pack(*(names[text] for text in texts))
        return packed

    def clear(self) -> None:
        """Forget all texts."""
        super().clear()
        self.names.clear()


class Rows:
    """A batch that is being filled, by `add`, or by whoever cannot afford the call, in its way.

    Attributes:
        count: rows in it.
        capacity: rows that fit.
        buffer: the rows, packed by `pack_row`.
        texts: packed numbers of its texts (endpoint, method, outcome, code, stage); new ones get theirs when
            looked up.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.count = 0
        self.buffer = bytearray(capacity * ROW_BYTES)
        self.texts = _Texts()

    def add(
        self,
        mono_s: float,
        duration_ms: float,
        endpoint: str,
        method: str,
        status: int,
        outcome: str,
        code: str,
        users: int,
        in_flight: int,
        account: int,
        stage: str,
        response_bytes: int,
        delay_ms: float = UNPLANNED,
    ) -> bool:
        """Add one row; True if it was the last that fits. The batch must not be full already."""
        at = self.count
        pack_row(
            self.buffer, at * ROW_BYTES, mono_s, duration_ms, delay_ms, response_bytes,
            self.texts[endpoint, method, outcome, code, stage], users, in_flight, account, 1, status, 0,
        )  # fmt: skip
        self.count = at + 1
        return self.count == self.capacity

    def take(self, node: str, epoch_s: float) -> Samples:
        """The batch as Samples of a node; the next one begins empty.

        Args:
            node: the process.
            epoch_s: epoch seconds of second 0 of the clock that `add` was told.
        """
        return unpacked(self.packed(node, epoch_s))

    def packed(self, node: str, epoch_s: float) -> bytes:
        """The batch as bytes that `unpacked` reads, arguments as `take`; the next one begins empty."""
        heading = json.dumps(
            {"node": node, "epoch_s": epoch_s, "names": list(self.texts.names)}, separators=(",", ":")
        )
        content = memoryview(self.buffer)[: self.count * ROW_BYTES]
        self.count = 0
        if len(self.texts) > MOST_NAMES:
            self.texts.clear()
        return b"".join((heading.encode(), b"\n", content))


def unpacked(payload: bytes) -> Samples:
    """What `Rows.packed` made, as Samples.

    Raises:
        ValueError: it was not made there.
    """
    heading, _, content = payload.partition(b"\n")
    told = json.loads(heading)
    if not (isinstance(told, dict) and told.keys() >= {"names", "node", "epoch_s"}):
        raise ValueError("a batch without its heading")
    names = tuple(str(name) for name in told["names"])
    rows = np.frombuffer(content, _FIELDS)
    for name in _TEXTS if len(rows) else ():
        if rows[name].min() < 0 or rows[name].max() >= len(names):
            raise ValueError("a batch whose texts are not in its heading")
    columns: dict[str, Any] = {name: rows[name].copy() for name in _FIELDS.names or ()}
    columns["start_s"] += float(told["epoch_s"])
    for name in _PLUS_ONE:
        columns[name] -= 1
    for name in _TEXTS:
        columns[name] = _category(columns[name], names)
    return Samples(**columns, node=Category.constant(str(told["node"]), len(rows)))


def _category(codes: NDArray[np.int32], names: tuple[str, ...]) -> Category:
    """With the names that occur only: a batch must not carry those of all others."""
    present = np.flatnonzero(np.bincount(codes, minlength=1))
    places = np.zeros(int(present[-1]) + 1 if len(present) else 1, np.int32)
    places[present] = np.arange(len(present))
    return Category(places[codes], tuple(names[code] for code in present.tolist()))


def thinned(samples: Samples, budget: int, chance: np.random.Generator, slow_ms: float) -> Samples:
    """At most about `budget` rows: of every k successes that are alike one is kept, in place of all k.

    Its `weight` says so: every count stays exact. Alike are successes of one endpoint, method, status, code,
    stage and number of users. Whatever failed is kept in any case, and what took `slow_ms`: the log may have
    listed it as in flight, and only its own row takes it off that list.
    """
    ok = np.flatnonzero(samples.outcome.equals("ok") & (samples.duration_ms < slow_ms))
    room = max(1, budget - (len(samples) - len(ok)))
    if len(samples) <= budget or len(ok) <= room:
        return samples
    each = -(-len(ok) // room)
    texts = (samples.endpoint, samples.method, samples.code, samples.stage)
    alike = np.stack([*(text.codes for text in texts), samples.status.astype(np.int32), samples.users])[:, ok]
    order = np.lexsort(alike)
    sorted_ = alike[:, order]
    first = np.concatenate([[True], (sorted_[:, 1:] != sorted_[:, :-1]).any(axis=0)])
    begin = np.maximum.accumulate(np.where(first, np.arange(len(ok)), 0))
    opens = np.flatnonzero((np.arange(len(ok)) - begin) % each == 0)
    sizes = np.diff(np.append(opens, len(ok)))
    drawn = opens + (chance.random(len(opens)) * sizes).astype(np.int64)
    weight = samples.weight.copy()
    weight[ok[order[drawn]]] = sizes
    keep = np.ones(len(samples), bool)
    keep[ok] = False
    keep[ok[order[drawn]]] = True
    samples = Samples(**{**{n: getattr(samples, n) for n in samples.__slots__}, "weight": weight})
    return samples.take(np.flatnonzero(keep))
