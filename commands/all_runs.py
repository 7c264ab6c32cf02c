"""Keeps `reports/index.html`: the list of all runs, written anew when a command has added to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from commands.file_lock import locked
from recording.folder import write_text
from recording.past import past_folders, past_runs

INDEX, TREND = "index.html", "trend.html"
SERIES = (("Investigations", "investigations", "investigation"), ("Experiments", "experiments", "experiment"))
"""Heading, folder beside the runs, and what the files in each of its folders are called."""

PATIENCE_S, LOOK_EVERY_S = 10.0, 0.05
HEAD_BYTES = 4096


class NotOursError(Exception):
    """A file is in the way that this suite did not write."""


def keep_index(made: Path, runs_dir: Path, console: Console) -> None:
    """Write the list anew and say where it is, if `made` (a run, an experiment) belongs into it.

    Whatever goes wrong is one line on standard error: the command has done its work already.
    """
    try:
        if not _is_listed(made, runs_dir):
            return
        path = write_index(runs_dir)
    except NotOursError as error:
        _warn(str(error))
    except OSError as error:
        _warn(f"cannot write {INDEX} beside {runs_dir}: {error.strerror or error}")
    except Exception as error:  # A folder that nobody thought of must not cost an exit code.
        _warn(f"cannot write {INDEX} beside {runs_dir}: unexpected {type(error).__name__}: {error}")
    else:
        console.print(Text(f"all runs: {_short(path)}"), soft_wrap=True)


def runs_dir_of(run: Path, usual: Path) -> Path:
    """Where a run's list looks for runs: around the run if a list lies there already, else in `usual`."""
    around = _as_seen(run).parent
    try:
        return around if _is_ours(_beside(around, INDEX)) else usual
    except (OSError, ValueError):
        return usual


def write_index(runs_dir: Path) -> Path:
    """Read every folder and write `index.html` beside `runs_dir`, whole or not at all; returns its path.

    Raises:
        OSError: the folder cannot be listed or written into.
        NotOursError: an index.html of somebody else is there.
    """
    # Not at the top: they take a moment to load, and most commands are done with their answer by then.
    from analysis.index import rows, series_of
    from analysis.render.index_html import Listing, index_html

    path = _beside(runs_dir, INDEX)
    if path.exists() and not _is_ours(path):
        raise NotOursError(f"{path} is not ours and stays as it is: there is no list of all runs")
    with _by_turns(path.parent):
        listings = [
            Listing(title, folder, series_of(past_folders(_beside(runs_dir, folder), *_files(kind)), kind))
            for title, folder, kind in SERIES
        ]
        page = index_html(
            rows(past_runs(runs_dir)),
            _as_seen(runs_dir).name,
            listings,
            datetime.now(UTC),
            has_trend=_beside(runs_dir, TREND).is_file(),
        )
        write_text(path, page)
    return path


def _is_listed(made: Path, runs_dir: Path) -> bool:
    """Whether a folder lies where the list looks."""
    places = (runs_dir, *(_beside(runs_dir, folder) for _, folder, _ in SERIES))
    return made.resolve().parent in {place.resolve() for place in places}


def _beside(runs_dir: Path, name: str) -> Path:
    return _as_seen(runs_dir).with_name(name)


def _as_seen(runs_dir: Path) -> Path:
    """As the user sees it, who may have put the runs on another disk by a link: links are not followed."""
    return Path(os.path.normpath(runs_dir.absolute()))


def _files(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is read of a folder of a kind, and what it may have beside."""
    return (f"{kind}.json",), (f"{kind}.html",)


def _is_ours(path: Path) -> bool:
    from analysis.render.index_html import MARK

    if not path.is_file():  # A pipe would wait for ever.
        return False
    with path.open("rb") as file:
        return MARK.encode() in file.read(HEAD_BYTES)


@contextmanager
def _by_turns(folder: Path) -> Iterator[None]:
    """One at a time: who reads first and writes last would leave out what others have added in between.

    A lock that cannot be had (a network disk, somebody who hangs) is done without: the file is whole anyway.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            locked(handle, PATIENCE_S, LOOK_EVERY_S)
        yield
    finally:
        os.close(handle)


def _short(path: Path) -> Path:
    """As seen from where the user is, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _warn(text: str) -> None:
    print(f"loadverdict: {text}", file=sys.stderr)
