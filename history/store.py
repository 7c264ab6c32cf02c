"""Store: the history's file. Several processes may write at once; a killed one leaves it whole.

SQLite with a write-ahead log: each run is one transaction, and a reader never waits for a writer. Other tools
may read the file; the tables are in `history.schema`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from analysis.trend.entry import Entry, Figure
from history.schema import MIGRATIONS, VERSION
from recording.errors import UsageError
from recording.folder import make_folder

BUSY_LIMIT_S = 30.0
"""So long a writer waits for another one; each needs milliseconds."""

RETRY_S = 0.01

_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
"""Names of errors of a full disk; SQLite's own text for the second is `disk I/O error`."""

EVERY = 2**62
"""More runs than a history holds."""

_RUN_COLUMNS = (
    "run_id", "series", "scenario", "target", "likeness", "started_utc", "target_commit", "exit_code",
    "whole", "requests", "errors", "sentence", "pinned", "repeats",
)  # fmt: skip
_FIGURE_COLUMNS = ("run_id", "name", "title", "unit", "value", "low", "high", "n")


class History:
    """An open history. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def record(self, entry: Entry) -> None:
        """Keep a run; one that is there already is replaced, and stays pinned and in its night if it was."""
        row = {**entry.model_dump(), "series": entry.series, "likeness": _json(entry.likeness)}
        with self._writing():
            kept = self._connection.execute(
                "SELECT pinned, repeats FROM runs WHERE run_id = ?", (entry.run_id,)
            )
            pinned, repeats = kept.fetchone() or (0, None)
            row["pinned"], row["repeats"] = int(entry.pinned or bool(pinned)), entry.repeats or repeats
            self._connection.execute("DELETE FROM runs WHERE run_id = ?", (entry.run_id,))
            self._connection.execute(_insert("runs", _RUN_COLUMNS), row)
            self._connection.executemany(
                _insert("figures", _FIGURE_COLUMNS),
                [{**figure.model_dump(), "run_id": entry.run_id} for figure in entry.figures.values()],
            )

    def runs(self, scenario: str | None = None) -> list[Entry]:
        """All runs of a scenario, or of all of them, oldest first."""
        with self._reading():
            rows = self._connection.execute(
                f"SELECT {', '.join(_RUN_COLUMNS)} FROM runs WHERE ? IS NULL OR scenario = ? "
                "ORDER BY started_utc, run_id",
                (scenario, scenario),
            ).fetchall()
            figures = self._connection.execute(
                f"SELECT {', '.join(_FIGURE_COLUMNS)} FROM figures JOIN runs USING (run_id) "
                "WHERE ? IS NULL OR scenario = ?",
                (scenario, scenario),
            ).fetchall()
        by_run: dict[str, dict[str, Figure]] = {}
        for run_id, *values in figures:
            figure = Figure(**dict(zip(_FIGURE_COLUMNS[1:], values, strict=True)))
            by_run.setdefault(run_id, {})[figure.name] = figure
        return [_entry(row, by_run.get(row[0], {})) for row in rows]

    def pin(self, run_id: str, *, pinned: bool = True) -> None:
        """Make a run part of the baseline of its series, or take it out.

        Raises:
            UsageError: there is no such run, or it is not whole.
        """
        with self._writing():
            found = self._connection.execute("SELECT whole FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            if found is None:
                raise UsageError(
                    f"the history has no run {run_id!r}; 'loadverdict trend' lists the runs it has"
                )
            if pinned and not found[0]:
                raise UsageError(f"run {run_id} is incomplete or invalid: nothing can be held against it")
            self._connection.execute("UPDATE runs SET pinned = ? WHERE run_id = ?", (int(pinned), run_id))

    def prune(
        self, keep: int | None = None, before_utc: str | None = None, scenario: str | None = None
    ) -> int:
        """Forget runs beyond the newest `keep` of their series, and those before a time; pinned ones stay.

        Args:
            keep: None for all.
            before_utc: of their start; None for none.
            scenario: only its runs; None for all.

        Returns how many.
        """
        with self._writing():
            done = self._connection.execute(
                "DELETE FROM runs WHERE NOT pinned AND (:scenario IS NULL OR scenario = :scenario) "
                "AND (started_utc < :before OR run_id IN ("
                "SELECT run_id FROM (SELECT run_id, row_number() OVER "
                "(PARTITION BY series ORDER BY started_utc DESC, run_id DESC) AS place FROM runs) "
                "WHERE place > :keep))",
                {"before": before_utc or "", "keep": EVERY if keep is None else keep, "scenario": scenario},
            )
        return done.rowcount

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, whole or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Several questions about one state."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    def migrate(self) -> None:
        """Bring the file to the version that this program knows.

        Raises:
            UsageError: a later program has written it.
        """
        if self._version() == VERSION:
            return
        with self._writing():  # Another process may have been quicker.
            version = self._version()
            if version == 0 and self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise UsageError("--history names the database of another program; name another file")
            if version > VERSION:
                raise UsageError(
                    f"the history is of version {version}, written by a later loadverdict; this one knows up "
                    f"to {VERSION}: update it, or name another file with --history"
                )
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                for statement in filter(str.strip, script.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """The history in a file, which is made where there is none.

    Raises:
        UsageError: the file cannot be used, with what the matter is.
    """
    try:
        make_folder(path.parent)
        path.touch(mode=0o600)  # As run folders: their owner's alone.
        with closing(sqlite3.connect(path, timeout=BUSY_LIMIT_S, isolation_level=None)) as connection:
            history = History(connection)
            history.migrate()
            connection.execute("PRAGMA foreign_keys = ON")
            _log_ahead(connection)
            yield history
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"the history {path} cannot be used: {_why(error)}") from error


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log, which stays on for good.

    SQLite waits for other processes everywhere but here, where it refuses at once: two that wait for each
    other would never end. So whoever meets another one in this moment tries again.
    """
    deadline_s = time.monotonic() + BUSY_LIMIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(RETRY_S)


def _why(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror}; choose another place with --history"
    if "locked" in str(error):
        return f"another program holds it for over {BUSY_LIMIT_S:.0f} s; try again"
    if isinstance(error, sqlite3.OperationalError):
        if error.sqlite_errorname in _NO_ROOM:
            return "the disk is full; make room, or choose another place with --history"
        return f"{error}; choose another place with --history"
    return f"{error}; restore it from a copy, or move it away and a new one is begun"


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"


def _json(likeness: dict[str, str]) -> str:
    return json.dumps(likeness, sort_keys=True)


def _entry(row: Sequence[object], figures: dict[str, Figure]) -> Entry:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    del values["series"]
    values["likeness"] = json.loads(str(values["likeness"]))
    values["whole"], values["pinned"] = bool(values["whole"]), bool(values["pinned"])
    return Entry.model_validate({**values, "figures": figures})
