"""Standstill: when a load generating process stood still, and which requests it held up.

A process that is stopped, collects garbage or computes reads no answer meanwhile, and books its own delay as
the target's. Only its heartbeats tell: they come some twelve times a second, and the one after a standstill
is late. Requests that it held up are marked here, before anything is asked of a run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.usable import Floats
from recording.run import Readings, Run
from recording.sample import Samples

LAG_MS = 100.0
"""A loop that is late by more than this stood still."""

HELD_UP_SHARE = 0.1
"""A request is held up if its process stood still for more than this share of its time. A shorter standstill
is a small error of a long request, and long ones meet more of them: percentiles without them are too low."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """When one process may have stood still.

    Attributes:
        time_s: (k,) moments, epoch seconds, ascending.
        stood_s: (k,) seconds for which it may have stood still up to each.
    """

    time_s: Floats
    stood_s: Floats

    @classmethod
    def of(cls, time_s: Floats, lag_ms: Floats) -> Standstill | None:
        """From heartbeats in order of time; None where none was late.

        It may have begun right after the heartbeat before the late one. Up to the one after it the process is
        busy with the answers that have come meanwhile.
        """
        late = lag_ms > LAG_MS
        if not late.any():
            return None
        moments = np.append(time_s[0] - lag_ms[0] / 1000, time_s)
        still = late.copy()
        still[1:] |= late[:-1]
        stood_s = np.append(0.0, np.cumsum(np.diff(moments) * still))
        # Between the others nothing changes.
        edges = np.append(still, False) | np.append(False, still)
        return cls(moments[edges], stood_s[edges])

    def within_s(self, begin_s: Floats, end_s: Floats) -> Floats:
        """Seconds for which it may have stood still between moments."""
        return np.interp(end_s, self.time_s, self.stood_s) - np.interp(begin_s, self.time_s, self.stood_s)


def marked(run: Run) -> Run:
    """The run with its held-up requests marked (`Samples.stood_s`); the same where no heartbeat was late."""
    found = {} if run.readings is None else _standstills(run.readings)
    if not found:
        return run
    return replace(run, samples=replace(run.samples, stood_s=_held_up_s(run.samples, found)))


def _standstills(readings: Readings) -> dict[str, Standstill]:
    """By node, of those that stood still."""
    late = (readings.source == "generator") & (readings.name == "loop_lag_ms") & (readings.value > LAG_MS)
    each = {
        str(node): Standstill.of(*readings.of_node(str(node), "loop_lag_ms"))
        for node in np.unique(readings.labels[late])
    }
    return {node: found for node, found in each.items() if found is not None}


def _held_up_s(samples: Samples, standstills: dict[str, Standstill]) -> Floats:
    """(n,) seconds of each request in which its node stood still; 0 where they are too few to count.

    What was due and could not be sent was held up as well.
    """
    stood_s = np.zeros(len(samples))
    for node, standstill in standstills.items():
        mine = np.flatnonzero(samples.node.equals(node))
        sent_s = samples.start_s[mine]
        due_s = sent_s - np.maximum(samples.delay_ms[mine], 0.0) / 1000
        over_s = sent_s + samples.duration_ms[mine] / 1000
        held_s = standstill.within_s(due_s, over_s)
        with np.errstate(invalid="ignore"):  # rows of damaged files, which are no requests
            stood_s[mine] = np.where(held_s > HELD_UP_SHARE * (over_s - due_s), held_s, 0.0)
    return stood_s
