"""Run folder: where everything about one run lies, its manifest and its events (format 1).

    manifest.json, scenario.yaml, samples/<node>.log, readings/target.arrows, samples.parquet,
    readings.parquet, events.jsonl, errors.jsonl, analysis/

`samples/` and `readings/` hold what the processes append during the run; the two Parquet files are made of it
afterwards (`recording.logs`), and the reader takes either.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recording.errors import NoDataError, UsageError
from recording.json_values import is_number, read_json
from recording.own_file import append_line
from recording.whole_file import whole_file

FORMAT = 1
MOST_BYTES = 64 << 20
"""Of manifest.json and events.jsonl: a longer one is no file of ours."""
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place, synced, when the block ends well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        fd = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole file, for its owner's eyes only, or leave the one that is there."""
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are missing: not for everybody to write into, whatever
    the mask says. Who may write there may put something else in the place of what we wrote.

    Raises:
        OSError: it cannot be made.
    """
    for above in reversed(path.parents):
        if not above.exists():
            above.mkdir(mode=0o775, exist_ok=True)
    path.mkdir(mode=0o775, exist_ok=True)


def named(moment: datetime, name: str) -> str:
    """`<UTC time>-<name>`, fit for a path, a link, a terminal and `RUN_NAME` whatever the name holds."""
    return f"{moment.strftime('%Y%m%dT%H%M%SZ')}-{_UNFIT.sub('_', name)[:72]}"


NOT_BEGUN = "not_begun"
"""Kind of the event that tells, in `text`, why a run that was to be recorded here has not begun."""

WORKERS_THERE = "workers_there"
"""Kind of the event with which a master ends before a run has begun; `count` were ready,
`workers` names them."""

CUT_OFF = "cut_off"
"""Kind of the event that tells, in `elapsed_s`, `planned_s` and `quiet_s`, that the load was ended early
because nothing could connect for `quiet_s`."""


class RunFolder:
    """One run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The run's name: the folder's own."""
        return self.path.name

    @property
    def samples_dir(self) -> Path:
        """Logs of the load generating processes."""
        return self.path / "samples"

    @property
    def samples_parquet(self) -> Path:
        """All samples, once the run is over."""
        return self.path / "samples.parquet"

    @property
    def readings_parquet(self) -> Path:
        """All readings, once the run is over."""
        return self.path / "readings.parquet"

    @property
    def readings_dir(self) -> Path:
        """What the probes' process appends during the run."""
        return self.path / "readings"

    @property
    def target_readings(self) -> Path:
        """What the probes read of the target, while the run lasts; see `recording.probes.readings_file`."""
        return self.readings_dir / "target.arrows"

    @property
    def errors_jsonl(self) -> Path:
        """Examples of failed requests."""
        return self.path / "errors.jsonl"

    @property
    def events_jsonl(self) -> Path:
        """Stages begun, nodes joined and lost, interruptions, notes."""
        return self.path / "events.jsonl"

    @property
    def manifest_json(self) -> Path:
        """What the run was."""
        return self.path / "manifest.json"

    @property
    def abort_flag(self) -> Path:
        """Exists once somebody wants the run to end without waiting for answers."""
        return self.path / "abort"

    @property
    def decided_flag(self) -> Path:
        """Exists once a look at the run found its answer: the load may end."""
        return self.path / "decided"

    @property
    def scenario_yaml(self) -> Path:
        """The resolved scenario."""
        return self.path / "scenario.yaml"

    @property
    def analysis_dir(self) -> Path:
        """What analysis made of the run; can be made again from the rest."""
        return self.path / "analysis"

    def log_path(self, node: str) -> Path:
        """The log of one process."""
        return self.samples_dir / f"{node}.log"

    @classmethod
    def create(cls, parent: Path, scenario: str, now: datetime | None = None) -> RunFolder:
        """Make a new folder `<UTC time>-<scenario>` below `parent`; never reuses an existing one.

        Raises:
            UsageError: the folder cannot be made there.
        """
        first = named(now or datetime.now(UTC), scenario)
        for attempt in range(1, 100):
            folder = cls(parent / (first + (f"-{attempt}" if attempt > 1 else "")))
            try:
                make_folder(parent)
                folder.path.mkdir(mode=0o700)
                folder.samples_dir.mkdir(mode=0o700)
            except OSError as error:
                if isinstance(error, FileExistsError) and parent.is_dir():
                    continue  # another run of this second
                raise UsageError(
                    f"cannot make a run folder in {parent}: {error.strerror}; choose another with --run-dir"
                ) from error
            return folder
        raise UsageError(f"{parent} already holds 99 runs of this second; remove some")

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write manifest.json whole or not at all."""
        with replacing(self.manifest_json) as temporary:
            temporary.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")

    def update_manifest(self, **changes: Any) -> None:
        """Change some keys of the manifest."""
        self.write_manifest({**self.manifest(), **changes})

    def manifest(self) -> dict[str, Any]:
        """The manifest; empty if it is missing or damaged (the samples may still be readable).

        Raises:
            UsageError: a later version has written it.
        """
        try:
            value = read_json(whole_file(self.manifest_json, MOST_BYTES))
        except (OSError, ValueError):
            return {}
        if not isinstance(value, dict):
            return {}
        if isinstance(value.get("format"), int) and value["format"] > FORMAT:
            raise UsageError(
                f"{self.path} has run folder format {value['format']}, this version reads up to {FORMAT}; "
                "upgrade loadverdict"
            )
        return {key: told for key, told in value.items() if _MUST_BE.get(key, _anything)(told)}

    def add_event(self, kind: str, time_s: float, **details: Any) -> None:
        """Append one line to events.jsonl (a full disk costs the event, not the run)."""
        line = json.dumps({"time_s": round(time_s, 4), "kind": kind, **details})
        try:
            fd = os.open(self.events_jsonl, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                append_line(fd, line.encode())
            finally:
                os.close(fd)
        except OSError:
            return

    def events(self) -> tuple[dict[str, Any], ...]:
        """Events in the order they were written; lines that cannot be read are passed over."""
        try:
            lines = whole_file(self.events_jsonl, MOST_BYTES).splitlines()
        except OSError:
            return ()
        return tuple(event for line in lines if (event := _event(line)) is not None)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = read_json(line)
    except ValueError:
        return None
    sound = isinstance(event, dict) and isinstance(event.get("kind"), str) and is_number(event.get("time_s"))
    return {key: told for key, told in event.items() if _is_sound(told)} if sound else None


def _is_sound(value: object) -> bool:
    """Whether it is no number, or one that a file can mean."""
    return not isinstance(value, int | float) or isinstance(value, bool) or is_number(value)


def _anything(_: object) -> bool:
    return True


_MUST_BE: dict[str, Callable[[object], bool]] = {
    "start_s": is_number,
    "planned_s": is_number,
    "options": lambda value: isinstance(value, dict),
    "nodes": lambda value: isinstance(value, list),
}
"""Keys of the manifest that are reckoned with or looked into; one that holds something else is left out."""


def is_run_folder(path: Path) -> bool:
    """Whether a path looks like a run folder."""
    return any(is_there(path / name) for name in ("manifest.json", "samples", "samples.parquet"))


def folder_of_findings(path: Path) -> Path:
    """Where what is found out about a run folder or a foreign file goes if nobody names another place.

    Raises:
        UsageError: a link in the run folder, which may be a stranger's, leads somewhere else.
    """
    if not path.is_dir():
        return Path("reports") / "files" / path.name
    folder = RunFolder(path).analysis_dir
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link: nothing is written where it leads; remove it, or choose --out")
    return folder


def is_there(path: Path) -> bool:
    """Whether a path leads to something, as far as one may look."""
    try:
        return path.exists()
    except OSError:  # a folder that may not be entered, or a name that is too long
        return False


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it cannot be listed."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def find_run(name: str, runs_dir: Path) -> Path:
    """The path a user meant: a path as written, a run's name below `runs_dir`, or `latest`.

    Raises:
        NoDataError: there is no such run; the message names the newest ones.
    """
    if name.strip() and is_there(Path(name)):
        return Path(name)
    runs = sorted((p for p in _inside(runs_dir) if is_run_folder(p)), key=lambda p: p.name)
    if name == "latest" and runs:
        return runs[-1]
    if RUN_NAME.fullmatch(name) and is_there(runs_dir / name):
        return runs_dir / name
    known = ", ".join(run.name for run in runs[-3:]) or "none yet: make one with 'make loadtest'"
    raise NoDataError(f"no run or result file {name[:100]!r}; newest runs in {runs_dir}: {known}")
