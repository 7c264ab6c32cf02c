"""Look at targets: whether a run that goes on can still meet them, in a process that gives way to the load.

    python -m commands.look_at_targets FOLDER UNTIL_S

Judges what is settled, at least the first UNTIL_S seconds, and prints the answer as JSON. If a target is
missed for certain it is noted in the run's events, and the run is marked so that the load ends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from analysis.classes import Judge
from analysis.ended_early import MISSED
from analysis.fingerprints import kinds_of, told_clearly
from analysis.freezes import silences
from analysis.latency import Latencies
from analysis.levels import Levels, cut_levels
from analysis.ranked import Ranked
from analysis.slo.ahead import Ahead
from analysis.slo.figure import Basis
from analysis.slo.foregone import Foregone, foregone
from analysis.slo.grammar import parse_slo
from analysis.slo.judge import judge
from analysis.slo.measure import measure
from analysis.standstill import marked
from analysis.usable import Ints, usable
from analysis.windows import cut_run, row_load
from commands.diagnose import slo_of
from commands.glance import is_too_long
from commands.look import NICE
from recording.folder import RunFolder
from recording.planned import planned_parts
from recording.reader import read_run
from recording.run import Run
from recording.so_far import Now, so_far


def look_at_targets(folder: RunFolder) -> Foregone | None:
    """The first target that the run cannot meet any more; noted, and the run marked, if there is one."""
    run = read_run(folder.path)
    part, now = so_far(run)
    missed = missed_for_certain(run, part, now)
    if missed is not None and not folder.manifest().get("end_utc"):
        elapsed_s = round(now.settled_s - float(run.manifest["start_s"]), 1)
        folder.add_event(MISSED, time.time(), elapsed_s=elapsed_s, target=missed.target, text=missed.text)
        folder.decided_flag.touch()
    return missed


def missed_for_certain(run: Run, part: Run, now: Now) -> Foregone | None:
    """The first target that a run cannot meet any more.

    While a process is silent nobody knows: it may have been held up, and tell later what it has sent and how
    that ended.

    Args:
        run: as far as it is recorded.
        part: what is settled of it.
        now: how its processes stand.
    """
    start_s = run.manifest.get("start_s")
    if not isinstance(start_s, int | float) or now.lost:
        return None
    ahead = Ahead(planned_parts(run.manifest), float(start_s), now.settled_s, _most(run))
    if not ahead.is_sound:
        return None
    basis = basis_of(part, now.settled_s)
    targets = [parse_slo(text) for text in slo_of(run)]
    found = [(target, one) for target in targets if (one := foregone(target, basis, ahead)) is not None]
    if not found:
        return None
    # What is recorded and not settled yet, since a request before it still hangs, may have been good.
    whole = basis_of(run, None)
    missed = (one for target, one in found if judge(target, measure(target, whole)).outcome == "missed")
    return next(missed, None)


def basis_of(run: Run, until_s: float | None) -> Basis:
    """The settled part of a run, ready to be asked; what no target needs is not worked out, the rest once."""
    run = marked(run)
    rows = usable(run.samples, ordered=run.ordered)
    windows = cut_run(run, rows)

    @cache
    def levels() -> Levels:
        return cut_levels(rows.samples, row_load(rows.samples, windows))

    @cache
    def times() -> Latencies:
        return Ranked.of(rows).latencies()

    @cache
    def clear() -> list[tuple[bool | None, Ints]]:
        kinds = kinds_of(run, Judge.of(rows, windows))
        return [(told_clearly(kind, run.lacks).clear, kind.failed) for kind in kinds]

    return Basis(
        rows=rows,
        windows=windows,
        levels=levels,
        times=times,
        silent=lambda: silences(rows.samples, levels()),
        clear=clear,
        lacks=run.lacks,
        until_s=until_s,
    )


def _most(run: Run) -> int | None:
    most = run.scenario.get("max_requests")
    return most if isinstance(most, int) else None


def main() -> int:
    """Entry point of the process."""
    os.nice(NICE)
    folder = RunFolder(Path(sys.argv[1]))
    told: dict[str, Any] = {"too_long": True}
    if not is_too_long(folder):
        missed = look_at_targets(folder)
        told = {} if missed is None else missed._asdict()
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
