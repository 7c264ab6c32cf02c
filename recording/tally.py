"""Tally: how many requests of each process ended how, written beside the rows and compared on reading.

It tells of accidents: rows that a careless edit, a copy cut short or a merge of folders took away, doubled or
changed. It is no seal: whoever changes rows on purpose can count again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import TypeAdapter

from recording.sample import Samples, is_constant

SLAB = 1 << 20
"""Rows that are counted at a time: more would need memory for their keys."""

Tally = Mapping[str, Mapping[str, int]]
"""Requests by node and outcome; what there is none of is left out."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into a file of samples.

    Attributes:
        requests: their tally.
        run_start_s: `start_s` of the run's manifest; None where it told none.
    """

    requests: dict[str, dict[str, int]] = field(default_factory=dict)
    run_start_s: float | None = None


_WRITTEN = TypeAdapter(Written)


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """A process whose rows are not those that were written.

    Attributes:
        node: the process.
        written: requests by outcome when the file was written; empty for a process that had none.
        found: the same as they are read.
    """

    node: str
    written: Mapping[str, int]
    found: Mapping[str, int]


def tally(samples: Samples) -> dict[str, dict[str, int]]:
    """Count requests by their weight; thinning keeps these sums as they were (see `recording.collect`)."""
    nodes, outcomes = samples.node.names, samples.outcome.names
    sums = np.zeros(len(nodes) * len(outcomes), np.int64)
    alike = is_constant(samples.weight)
    for first in range(0, len(samples), SLAB):
        rows = slice(first, first + SLAB)
        key = samples.outcome.codes[rows]
        if len(nodes) > 1:
            key = samples.node.codes[rows].astype(np.intp) * len(outcomes) + key
        # A weight below 1 counts as 1 everywhere. As floats the sums are exact: 2^20 rows of 2^31 at most.
        weight = None if alike else np.maximum(samples.weight[rows], 1)
        counted = np.bincount(key, weight, len(sums)).astype(np.int64)
        sums += counted * max(int(samples.weight[0]), 1) if alike else counted
    found: dict[str, Counter[str]] = {}
    for at in np.flatnonzero(sums).tolist():
        node, outcome = divmod(at, len(outcomes))
        found.setdefault(nodes[node], Counter())[outcomes[outcome]] += int(sums[at])
    return {node: dict(counts) for node, counts in found.items()}


def rows_changed(written: Tally, found: Tally) -> tuple[RowsChanged, ...]:
    """The processes of which two tallies differ, by name."""
    pairs = [(node, written.get(node, {}), found.get(node, {})) for node in sorted({*written, *found})]
    return tuple(RowsChanged(node, before, after) for node, before, after in pairs if before != after)


def read_written(text: bytes) -> Written:
    """What was written, from JSON; nothing where that is damaged, so that every row is one too many."""
    try:
        return _WRITTEN.validate_json(text)
    except ValueError:
        return Written()
