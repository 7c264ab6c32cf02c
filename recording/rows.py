"""Rows: finished requests as they were noted, until they go to the log as packed numbers.

What is in the way of a request is one append. A batch is packed ten times a second, column by column, where
the same few lines run thousands of times: between requests they would find the processor's caches cold, and
take twice to three times as long. Texts become numbers; the batch goes to the log with their list in front,
and whoever reads it makes columns of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recording.sample import Category, Samples

Begun = tuple[float, str, str, int, int, int, str, float]
"""A request that has begun: monotonic seconds, endpoint, method, account, users, in flight, stage, delay."""

Ended = tuple[Begun, float, str, int, str, int]
"""A request that is over: how it began, duration in ms, outcome, status, code, bytes of the answer."""

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
        ("_", "<i2"),
    ]
)
_TEXTS = ("endpoint", "method", "outcome", "code", "stage")
_BEGUN = ("start_s", "endpoint", "method", "account", "users", "in_flight", "stage", "delay_ms")
_ENDED = ("duration_ms", "outcome", "status", "code", "response_bytes")
"""The columns in the order of `Begun`, and of what follows it in `Ended`."""

ROW_BYTES = _FIELDS.itemsize
SEED = 20_260_101


def packed(rows: Sequence[Ended], node: str, epoch_s: float) -> bytes:
    """A batch as bytes that `unpacked` reads.

    Args:
        rows: requests that are over, at least one.
        node: the process.
        epoch_s: epoch seconds of second 0 of the clock that the requests were told.
    """
    begun, *ended = zip(*rows, strict=True)
    columns = dict(zip((*_BEGUN, *_ENDED), (*zip(*begun, strict=True), *ended), strict=True))
    table = np.zeros(len(rows), _FIELDS)
    table["weight"] = 1
    names: dict[str, int] = {}
    for name, column in columns.items():
        table[name] = _numbers(column, names) if name in _TEXTS else column
    heading = json.dumps({"node": node, "epoch_s": epoch_s, "names": list(names)}, separators=(",", ":"))
    return b"".join((heading.encode(), b"\n", table.tobytes()))


def _numbers(texts: Sequence[str], names: dict[str, int]) -> int | list[int]:
    """Each text's number; new ones are added. Mostly all are the same, and one number does."""
    distinct = set(texts)
    for text in distinct:
        names.setdefault(text, len(names))
    if len(distinct) == 1:
        return names[texts[0]]
    return [names[text] for text in texts]


def samples_of(rows: Sequence[Ended], node: str, epoch_s: float) -> Samples:
    """A batch as Samples; arguments as `packed`."""
    return unpacked(packed(rows, node, epoch_s))


def unpacked(payload: bytes) -> Samples:
    """What `packed` made, as Samples.

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
    columns: dict[str, Any] = {name: rows[name].copy() for name in _FIELDS.names or () if name != "_"}
    columns["start_s"] += float(told["epoch_s"])
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
