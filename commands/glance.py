"""Glance: one look at a run for the live page, in a process of its own (`scenarios.live.watch` starts it).

    python -m commands.glance FOLDER

Judges what is settled so far and prints it as JSON. Nothing is written into the run folder: a glance is free,
while a look of `commands.look` spends part of the run's budget for a wrong answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pyarrow.parquet as pq

from analysis.diagnose import judged
from analysis.looks import Looks, next_look
from analysis.render import wording
from analysis.render.live import live
from commands.diagnose import slo_of
from recording.errors import LoadverdictError
from recording.folder import RunFolder
from recording.reader import read_run
from recording.run import Run
from recording.so_far import LOST_S, Now, so_far
from scenarios.scenario import Scenario

MOST_LOG_BYTES, MOST_ROWS = 1 << 28, 3_000_000
"""A look reads the run from its beginning, in about five times the memory that its logs take on the disk:
from here on that is memory which the load may need. Rows, where the logs have become Parquet."""

TOO_LONG = 75
"""Exit code for such a run."""

WAITING_S = 2.0
"""From here on the oldest request in flight is worth a word: nothing is known about it otherwise."""


def glance(folder: RunFolder) -> dict[str, Any]:
    """Judge a run as far as it is settled; `final` if it is over."""
    run = read_run(folder.path)
    slo = slo_of(run)
    if _has_ended(run, time.time()):
        found = judged(run, slo)
        return {**live(found.verdict, found.windows, final=True), "now": None, "plan": []}
    part, now = so_far(run)
    start_s = float(run.manifest.get("start_s") or now.settled_s)
    until_s = max(now.settled_s - start_s, 0.0)
    found = judged(part, slo, looks=_strictness(run, until_s))
    shown = live(found.verdict, found.windows)
    return {**shown, "now": _now(now, until_s), "plan": _ahead(run, until_s)}


def _has_ended(run: Run, now_s: float) -> bool:
    """Whether nothing will be added: workers close their logs a moment after the end, lost ones never."""
    try:
        end_s = datetime.fromisoformat(str(run.manifest.get("end_utc"))).timestamp()
    except ValueError:
        return False
    return run.health is None or not run.health.nodes_without_end or now_s - end_s > LOST_S


def _strictness(run: Run, until_s: float) -> Looks:
    """The level of a look at this share of the run; the rows are cut already."""
    return Looks(next_look(run, until_s).shares)


def _now(now: Now, until_s: float) -> dict[str, Any]:
    waiting = ""
    if now.oldest_s >= WAITING_S:
        waiting = (
            f"{wording.plural(now.in_flight, 'request')} waiting for an answer, "
            f"the oldest for {wording.seconds(now.oldest_s)}"
        )
    return {
        "users": now.users,
        "in_flight": now.in_flight,
        "waiting": waiting,
        "until_s": round(until_s, 1),
        "lost": [wording.clean(node, 60) for node in now.lost],
    }


def _ahead(run: Run, until_s: float) -> list[str]:
    """What the plan still brings: the level at hand, when all levels have been seen once more, the end."""
    try:
        plan = Scenario.model_validate(run.scenario).schedule()
    except (ValueError, LoadverdictError):
        return []
    lines = [f"Now: {wording.clean(stage, 60)}" for stage, _ in plan.now_at(until_s)]
    ends = [end for end in plan.block_ends_s if end > until_s]
    if ends:
        times = len(plan.block_ends_s)
        lines.append(
            f"All levels seen {times - len(ends)} of {times} times, once more at {wording.moment(ends[0])}"
        )
    lines.append(f"Planned end at {wording.moment(plan.duration_s)}")
    return lines


def is_too_long(folder: RunFolder) -> bool:
    """Whether a look at a run would take memory that the load may need."""
    if folder.samples_parquet.exists():
        return bool(pq.read_metadata(folder.samples_parquet).num_rows > MOST_ROWS)
    return sum(log.stat().st_size for log in folder.samples_dir.glob("*.log")) > MOST_LOG_BYTES


def main() -> int:
    """Entry point of the process."""
    folder = RunFolder(Path(sys.argv[1]))
    try:
        if is_too_long(folder):
            return TOO_LONG
        told = json.dumps({**glance(folder), "cpu_s": round(time.process_time(), 2)})
    except LoadverdictError as error:
        print(f"loadverdict: {error}", file=sys.stderr)
        return error.exit_code
    # A browser reads no NaN.
    print(json.dumps(json.loads(told, parse_constant=lambda _: None)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
