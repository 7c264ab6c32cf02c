"""Reader: a path becomes a Run, whatever it holds: a run folder, or a file of another tool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from recording.errors import NoDataError
from recording.examples import read_examples
from recording.folder import RunFolder, is_run_folder
from recording.foreign.registry import read_foreign
from recording.logs import read_logs, read_parquet
from recording.planned import USERS, planned_parts
from recording.run import Run
from recording.sample import constant
from recording.scenario_file import read_scenario


def read_run(path: Path) -> Run:
    """Read a run folder or a result file; the format is recognised from the content.

    Raises:
        NoDataError: nothing there, or nothing in it.
        UsageError: a file of a format that is not known, or a newer one.
    """
    if is_run_folder(path):
        return _read_folder(RunFolder(path))
    if path.is_dir():
        raise NoDataError(f"{path} is not a run folder: it has neither manifest.json nor samples")
    if not path.exists():
        raise NoDataError(f"{path} does not exist; give a run folder or a result file")
    return read_foreign(path)


def _read_folder(folder: RunFolder) -> Run:
    manifest = folder.manifest()
    try:
        recorded = read_parquet(folder) if folder.samples_parquet.exists() else read_logs(folder)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        # A damaged Parquet file: the logs, where they still exist, are the original.
        if not any(folder.samples_dir.glob("*.log")):
            raise NoDataError(f"{folder.samples_parquet} {_unreadable(error)}") from error
        recorded = read_logs(folder)
    samples = recorded.samples
    closed = any(part.unit == USERS for part in planned_parts(manifest))
    if not closed and bool((samples.delay_ms >= 0).any()):
        # An open load has no number of users: those at work are its requests in flight.
        samples = replace(samples, users=constant(-1, len(samples)))
    scenario, scenario_changed = read_scenario(folder, manifest)
    return Run(
        id=folder.id,
        source="run_folder",
        samples=samples,
        readings=recorded.readings,
        manifest=manifest,
        scenario=scenario,
        events=folder.events(),
        examples=read_examples(folder.errors_jsonl),
        health=recorded.health,
        thinned=recorded.thinned,
        scenario_changed=scenario_changed,
    )


def _unreadable(error: Exception) -> str:
    """Why a Parquet file could not be read. One that is damaged may claim to be larger than any memory."""
    if isinstance(error, MemoryError):
        return (
            "does not fit into the memory that is left, or is damaged: raise the limit (ulimit -v), or read "
            "it on another machine"
        )
    return "is damaged and the logs it was made from are gone; run again"
