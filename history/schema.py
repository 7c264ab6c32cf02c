"""Schema: the history's tables, version by version. One that is out is never changed, only followed."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    # 1
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        series TEXT NOT NULL,
        scenario TEXT NOT NULL,
        target TEXT,
        likeness TEXT NOT NULL,
        started_utc TEXT NOT NULL,
        target_commit TEXT,
        exit_code INTEGER NOT NULL,
        whole INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        sentence TEXT NOT NULL,
        pinned INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_series ON runs (series, started_utc);
    CREATE TABLE figures (
        run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        name TEXT NOT NULL,
        title TEXT NOT NULL,
        unit TEXT NOT NULL,
        value REAL NOT NULL,
        low REAL,
        high REAL,
        n INTEGER NOT NULL,
        PRIMARY KEY (run_id, name)
    ) WITHOUT ROWID;
    """,
    # 2
    "ALTER TABLE runs ADD COLUMN repeats TEXT;",
)
"""What makes each version out of the one before. `PRAGMA user_version` tells how many a file has seen."""

VERSION = len(MIGRATIONS)
