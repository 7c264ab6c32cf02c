"""`loadverdict trend`: the history of scheduled runs, what changed, and since when."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from analysis.comparison.seen import seen
from analysis.gate import gate_code
from analysis.render.trend_terminal import print_trend
from analysis.render.trend_write import write_trend
from analysis.trend.entry import Entry, entry_of
from analysis.trend.judge import trend
from analysis.trend.report import Trend
from commands.diagnose import write_diagnosis
from history.store import History, opened
from recording.errors import NoDataError, UsageError
from recording.folder import find_run, is_run_folder


class Options(NamedTuple):
    """What the command line says."""

    scenario: str | None
    file: Path
    add: tuple[str, ...]
    pin: tuple[str, ...]
    unpin: tuple[str, ...]
    keep: int | None
    keep_days: int | None
    runs_dir: Path


def run_trend(options: Options, *, as_json: bool) -> int:
    """Change the history where asked to, then show it; returns 0.

    Raises:
        UsageError: the history cannot be used, or a run is not in it.
        NoDataError: it holds nothing, or nothing of the scenario.
    """
    if not (options.file.exists() or options.add):
        raise NoDataError(f"there is no history {options.file} yet; 'loadverdict regression' begins one")
    console = Console(stderr=as_json)
    added = [entry_of_run(find_run(name, options.runs_dir)) for name in options.add]
    too_old_utc = _days_ago(options.keep_days)
    with opened(options.file) as history:
        done = list(_changed(history, added, options, too_old_utc))
        found = trend(history.runs())
    for text in done:
        console.print(Text(text))
    shown = found.of(options.scenario)
    if not shown.series:
        known = ", ".join(sorted({series.scenario for series in found.series}))
        told = f"no run of scenario {options.scenario!r}; it has: {known}" if known else "no run"
        raise NoDataError(f"the history {options.file} holds {told}")
    if as_json:
        sys.stdout.write(shown.to_json())
    else:
        print_trend(shown, console)
    console.print(Text(f"page: {write_page(found, options.file)}", style="dim"))
    return 0


def _changed(
    history: History, added: list[Entry], options: Options, too_old_utc: str | None
) -> Iterator[str]:
    """Change the history as asked; what was done, line by line."""
    for entry in added:
        history.record(entry)
        yield f"added {entry.run_id}"
    for run_id in options.pin:
        history.pin(run_id)
        yield f"pinned {run_id}: later runs of its series are held against the pinned ones"
    for run_id in options.unpin:
        history.pin(run_id, pinned=False)
        yield f"unpinned {run_id}"
    if options.keep is not None or too_old_utc is not None:
        count = history.prune(options.keep, too_old_utc, options.scenario)
        yield f"forgot {count} old runs; their folders stay"


def _days_ago(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry_of_run(path: Path) -> Entry:
    """What the history keeps of a run that was recorded before.

    Raises:
        UsageError: it is no run folder: other tools' files do not tell what was run.
    """
    if not is_run_folder(path):
        raise UsageError(
            f"{path} is no run folder; a history holds runs of this suite, since they tell what ran"
        )
    diagnosis = write_diagnosis(path, draw=False)
    return entry_of(seen(diagnosis.run, diagnosis.verdict), gate_code(diagnosis.verdict))


def write_page(found: Trend, file: Path) -> Path:
    """Write trend.html and trend.json of a whole history beside its file; returns the page's path.

    Raises:
        UsageError: they cannot be written.
    """
    try:
        return write_trend(found, file.parent)
    except OSError as error:
        raise UsageError(f"cannot write {file.parent / 'trend.html'}: {error.strerror}") from error
