"""Arms: what counts of each run of an experiment, as counts per window and durations of successes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.quality import quality
from analysis.ranked import Ranked
from analysis.standstill import marked
from analysis.usable import Ints, Usable, failure_labels, usable
from analysis.verdict import Percentiles, Quality
from analysis.windows import cut_run
from recording.run import Run

WINDOWS = 20
"""Per arm: enough to see bursts; none under a second, so that several requests fall into each."""
LEAST_WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm without its warm-up.

    Attributes:
        state: "first" or "changed".
        run_id: its run folder.
        begin_s: where what counts begins, epoch seconds.
        length_s: seconds that count.
        requests: (w,) requests sent per window.
        errors: (w,) those of them that failed.
        by_class: (w,) failures of each class: status or outcome, and what the answer said.
        ok: latency of successes, with intervals that allow for queues.
        quality: what is doubtful about the run.
    """

    state: str
    run_id: str
    begin_s: float
    length_s: float
    requests: Ints
    errors: Ints
    by_class: dict[str, Ints]
    ok: Percentiles
    quality: Quality

    @property
    def trusted(self) -> bool:
        """Whether generator and recording were in order, and something was measured."""
        return self.quality.valid and self.quality.complete and self.requests.sum() > 0

    def of_class(self, name: str) -> Ints:
        """(w,) failures of a class, which may have none here."""
        return self.by_class.get(name, np.zeros(len(self.requests), np.int64))

    @property
    def successes(self) -> int:
        """Successes that count."""
        return int(self.requests.sum() - self.errors.sum())


def arm_of(run: Run, state: str, warm_up_s: float, arm_s: float) -> Arm:
    """The arm of a recorded run.

    Args:
        run: with its warm-up.
        state: "first" or "changed".
        warm_up_s: seconds at its beginning that do not count.
        arm_s: seconds after them that do.
    """
    run = marked(run)
    whole = usable(run.samples)
    start_s = run.manifest.get("start_s")
    first_s = float(whole.samples.start_s[0]) if len(whole.samples) else 0.0
    begin_s = (start_s if isinstance(start_s, int | float) else first_s) + warm_up_s
    rows = usable(whole.samples.take(whole.samples.start_s >= begin_s))
    found = quality(run, whole, cut_run(run, whole))
    return counted(rows, state, run.id, begin_s, _length_s(rows, begin_s, arm_s, found.complete), found)


def counted(rows: Usable, state: str, run_id: str, begin_s: float, length_s: float, found: Quality) -> Arm:
    """The same from rows that all count."""
    count = max(1, int(min(WINDOWS, length_s // LEAST_WINDOW_S)))
    place = ((rows.samples.start_s - begin_s) * (count / max(length_s, 1e-9))).astype(np.int64)
    place = np.clip(place, 0, count - 1)
    failing = np.flatnonzero(rows.failed)
    return Arm(
        state=state,
        run_id=run_id,
        begin_s=begin_s,
        length_s=length_s,
        requests=_sums(place, rows.weight, count),
        errors=_sums(place[failing], rows.weight[failing], count),
        by_class=_by_class(rows, failing, place[failing], count),
        ok=Ranked.of(rows).latencies().ok.percentiles(),
        quality=found,
    )


def _length_s(rows: Usable, begin_s: float, arm_s: float, complete: bool) -> float:
    """As planned, or to the last send where the run was cut short."""
    if complete:
        return arm_s
    last_s = float(rows.samples.start_s[-1]) if len(rows.samples) else begin_s
    return min(max(last_s - begin_s, 0.0), arm_s)


def _by_class(rows: Usable, failing: Ints, place: Ints, count: int) -> dict[str, Ints]:
    labels, code = failure_labels(rows.samples, failing), rows.samples.code.take(failing)
    key = labels.codes.astype(np.int64) * max(1, len(code.names)) + code.codes
    found: dict[str, Ints] = {}
    for one in np.unique(key).tolist():
        label, said = divmod(one, max(1, len(code.names)))
        name = f"{labels.names[label]} {code.names[said].replace('_', ' ')}".strip()
        mine = key == one
        found[name] = found.get(name, 0) + _sums(place[mine], rows.weight[failing][mine], count)
    return found


def _sums(place: Ints, weight: Ints, count: int) -> Ints:
    return np.rint(np.bincount(place, weight, minlength=count)).astype(np.int64)
