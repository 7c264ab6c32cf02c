"""Look: one look at a run that is going on, in a process of its own that gives way to the load.

    python -m commands.look FOLDER UNTIL_S

Judges what was sent in the first UNTIL_S seconds, notes the look in the run's events, prints it as JSON, and
marks the run as decided if it is; the process that keeps the run sees the mark and ends the load.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from analysis.arrivals import falls_short
from analysis.classes import Judge
from analysis.looks import LOOK, UNDECIDED, next_look
from analysis.sequential import CHANGE_POWER, SAME_POWER, spent
from analysis.usable import usable
from analysis.windows import cut_run
from recording.folder import RunFolder
from recording.reader import read_run

NICE = 15
"""Far below the load: a late look costs seconds, a disturbed generator the run."""


def look(folder: RunFolder, until_s: float) -> dict[str, Any]:
    """Judge, note, and mark the run if it is decided; returns what was noted."""
    run = read_run(folder.path)
    looks = next_look(run, until_s)
    rows = usable(run.samples)
    judge = Judge.of(rows, cut_run(run, rows), looks=looks, short=falls_short(run))
    effect = judge.load(rows.failed)
    number, share = len(looks.shares), looks.shares[-1]
    noted = {
        "number": number,
        "until_s": until_s,
        "share": round(share, 4),
        "spent_on_change": round(spent(1.0, share, CHANGE_POWER), 4),
        "spent_on_constant": round(spent(1.0, share, SAME_POWER), 4),
        "answer": effect.answer,
        "why": effect.why,
    }
    folder.add_event(LOOK, time.time(), **noted)
    if effect.answer != UNDECIDED:
        folder.decided_flag.touch()
    return noted


def main() -> int:
    """Entry point of the process."""
    os.nice(NICE)
    folder, until_s = sys.argv[1:]
    print(json.dumps(look(RunFolder(Path(folder)), float(until_s))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
