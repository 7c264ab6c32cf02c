"""Past: the small files of every folder below `reports/`, as they lie there, for a list of all runs.

Whatever lies there is taken: a folder that is half written, damaged or no run at all is found too, with what
is in the way of reading it. Samples are never opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recording.whole_file import whole_file

MOST_BYTES = 16_000_000
"""Nothing that the suite writes into these files comes near; a longer file is not read."""

MANIFEST, VERDICT, REPORT, WINDOWS = (
    "manifest.json",
    "analysis/verdict.json",
    "analysis/report.html",
    "analysis/windows.csv",
)
SAMPLES = ("samples", "samples.parquet")


@dataclass(frozen=True, slots=True)
class PastFolder:
    """A folder by its name, with the files that were asked for.

    Attributes:
        name: the folder's own name; whoever made the folder chose it.
        files: content by path within the folder; what is not there is left out.
        there: those of the paths asked about that exist.
        unread: path and reason of what is there and cannot be read.
    """

    name: str
    files: dict[str, bytes] = field(default_factory=dict)
    there: frozenset[str] = frozenset()
    unread: dict[str, str] = field(default_factory=dict)


def past_runs(runs_dir: Path) -> Iterator[PastFolder]:
    """Every folder of `runs_dir` with its manifest, verdict and windows, in no order.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    return past_folders(runs_dir, (MANIFEST, VERDICT, WINDOWS), (REPORT, *SAMPLES))


def past_folders(parent: Path, read: tuple[str, ...], ask: tuple[str, ...]) -> Iterator[PastFolder]:
    """Every folder of `parent` with the content of `read` and whether `ask` exist; none without `parent`.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    try:
        with os.scandir(parent) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and _is_dir(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield _past_folder(name, f"{parent}/{name}", read, ask)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder; a link that leads round in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _past_folder(name: str, folder: str, read: tuple[str, ...], ask: tuple[str, ...]) -> PastFolder:
    files, unread = {}, {}
    for path in read:
        try:
            files[path] = whole_file(f"{folder}/{path}", MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            unread[path] = error.strerror or type(error).__name__
    there = frozenset(path for path in ask if os.access(f"{folder}/{path}", os.F_OK))
    return PastFolder(name, files, there, unread)
