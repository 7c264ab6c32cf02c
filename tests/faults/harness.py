"""One run with something going wrong: the real command, a real server that counts, and the books afterwards.

    going = bench.start()
    going.until_finished(60)
    going.workers()[0].kill()
    going.until_ended()
    check_said(going, 3, "worker-0")      # exit code and words
    audit(going)                          # started = finished + unfinished + lost

The server is the truth: it counts requests as it reads them, and notes when it answered whom.
"""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from recording.folder import RunFolder
from recording.follow import Follower
from recording.reader import read_run
from recording.run import LogHealth
from tests.commands.conftest import Cli, Target, serving, wait_for

USERS = 6
LOAD = f"""
load: {{shape: hold, users: {USERS}, hold_s: %d}}
think_time_s: 0.1
timeouts: {{connect_s: 1, read_s: 2, total_s: 2}}
"""
SHORT, LONG = LOAD % 5, LOAD % 60

NEVER_SENT = frozenset({"generator", "dns", "refused", "unreachable", "connect_timeout", "tls"})
"""Outcomes of requests that ended before the server could read them."""

PROMISED_S = 0.1
"""What was finished so long before `kill -9` is in the log."""


@dataclass
class Ledger:
    """What the server knows: how many requests it has read, and when it answered whom."""

    target: Target
    path: Path

    def read_so_far(self) -> int:
        """Requests read, up to 20 ms ago."""
        return int(self.target.count_file.read_text())

    def answered_before(self, moment_s: float) -> Counter[str]:
        """Answers per user name up to a moment of the monotonic clock."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        return Counter(name for time_s, name in lines if float(time_s) <= moment_s)


@dataclass
class Going:
    """A run under way.

    Attributes:
        process: the command.
        folder: the run's folder.
        ledger: the server's books.
        output: what the command printed, once it has ended (standard output, standard error).
    """

    process: subprocess.Popen[str]
    folder: RunFolder
    ledger: Ledger
    output: tuple[str, str] = ("", "")
    _follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self._follower = Follower(self.folder)

    def until_finished(self, requests: int, limit_s: float = 20) -> None:
        """Wait until so many requests are finished and in the log."""
        wait_for(lambda: self._follower.look().finished >= requests, limit_s)

    def until_all_run(self) -> None:
        """Wait until every user runs."""
        wait_for(lambda: self._follower.look().users_running == USERS)

    def locusts(self) -> list[psutil.Process]:
        """Locust's processes: the master first, if there is one, then its workers."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in below if is_locust(one)]

    def workers(self) -> list[psutil.Process]:
        """Load generating processes."""
        return self.locusts()[1:] or self.locusts()

    def until_ended(self, limit_s: float = 60) -> None:
        """Wait for the command's end."""
        self.output = self.process.communicate(timeout=limit_s)


class Bench:
    """Starts runs in a folder of its own; ends whatever a test leaves behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self._closing = ExitStack()

    def serve(self, mode: str = "mixed", prefix: Sequence[str] = ()) -> Ledger:
        """Start a server of tests/server.py."""
        path = self.folder / "ledger"
        return Ledger(self._closing.enter_context(serving(self.folder, mode, path, prefix)), path)

    def start(
        self, load: str = LONG, *options: str, ledger: Ledger | None = None, prefix: Sequence[str] = ()
    ) -> Going:
        """Start `loadverdict run`; returns once its folder is there.

        Args:
            load: text of the scenario.
            options: more options of the command.
            ledger: the server; without, one that answers every sixth request with 503.
            prefix: command that the command is started by, as prlimit.
        """
        ledger = ledger or self.serve()
        process = Cli(self.folder).start(*self._arguments(load, ledger), *options, prefix=prefix)
        return self.taken(process, ledger)

    def taken(self, process: subprocess.Popen[str], ledger: Ledger) -> Going:
        """The first run of a command that was started; returns once its folder is there."""
        self._closing.callback(end, process)
        folder = wait_for(lambda: next(iter(self.runs.glob("*/samples")), process.poll() is not None))
        assert folder is not True, process.communicate()
        return Going(process, RunFolder(folder.parent), ledger)

    def refused(
        self, ledger: Ledger, *options: str, prefix: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A run that cannot begin."""
        return Cli(self.folder)(*self._arguments(LONG, ledger), *options, prefix=prefix)

    def _arguments(self, load: str, ledger: Ledger) -> list[str]:
        scenario = self.folder / "faulty.yaml"
        scenario.write_text(load)
        return ["run", str(scenario), "--target", str(ledger.target.file), "--run-dir", str(self.runs)]

    def close(self) -> None:
        """End everything."""
        self._closing.close()


def end(process: subprocess.Popen[str]) -> None:
    """Kill a command and all below it."""
    if process.poll() is None:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.communicate()


def is_locust(process: psutil.Process) -> bool:
    """Whether a process is one of Locust's; one that has ended is not."""
    with suppress(psutil.NoSuchProcess):  # or a zombie
        return "locust" in process.cmdline()
    return False


def kill(victims: list[psutil.Process]) -> float:
    """Kill all of them at once; returns the moment."""
    moment_s = time.monotonic()
    for one in victims:
        one.send_signal(signal.SIGKILL)
    return moment_s


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of them that have not ended."""
    return [one for one in processes if one.is_running() and status_of(one) != psutil.STATUS_ZOMBIE]


def status_of(process: psutil.Process) -> str:
    """How a process is; one that has ended is a zombie."""
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


@dataclass(frozen=True)
class Audit:
    """Requests of a run. `started` is what the server has read."""

    started: int
    finished: int
    unfinished: int
    lost: int


def audit(going: Going, lost_at_most: int = 0, never_sent: Set[str] = NEVER_SENT) -> Audit:
    """Hold the record against the server's own counter; stops the server.

    started = finished + unfinished + lost: nothing is recorded that was not sent, and of what was sent no
    more than `lost_at_most` is missing. Outcomes of `never_sent` are those of requests that the server cannot
    have read.
    """
    run = read_run(going.folder.path)
    at_server = run.samples.take(np.flatnonzero(~run.samples.outcome.isin(never_sent)))
    unfinished = int(at_server.outcome.equals("unfinished").sum())
    started = going.ledger.target.served()
    found = Audit(started, len(at_server) - unfinished, unfinished, started - len(at_server))
    measured(**asdict(found))
    assert 0 <= found.lost <= lost_at_most, found
    return found


def measured(**figures: object) -> None:
    """Tell a figure of docs/reliability.md: `pytest -rA tests/faults` shows it."""
    print(" ".join(f"{name}={value}" for name, value in figures.items()))


def missing_of_those_answered(going: Going, before_s: float) -> Counter[str]:
    """User names whose answers of before a moment (monotonic) are not all in the record."""
    names = [
        row.split(",")[0] for row in (going.ledger.target.file.parent / "accounts.csv").read_text().split()
    ]
    samples = read_run(going.folder.path).samples
    finished = samples.account[~samples.outcome.equals("unfinished")]
    recorded = Counter(names[slot + 1] for slot in finished.tolist())
    return going.ledger.answered_before(before_s) - recorded


def verdict_of(going: Going) -> dict[str, Any]:
    """The verdict that the command has written."""
    verdict: dict[str, Any] = json.loads((going.folder.analysis_dir / "verdict.json").read_text())
    return verdict


def health_of(going: Going) -> LogHealth:
    """What the reader found out about the run's logs."""
    health = read_run(going.folder.path).health
    assert health is not None
    return health


def findings_of(going: Going) -> dict[str, str]:
    """Texts of the verdict's findings about the run itself, by their code."""
    return {finding["code"]: finding["text"] for finding in verdict_of(going)["quality"]["findings"]}


def counts_everywhere(going: Going) -> dict[str, tuple[int, int]]:
    """Requests and failures in everything that a run leaves.

    Locust's own statistics do not know of requests that were never answered: they are added there.
    """
    verdict, samples = verdict_of(going), read_run(going.folder.path).samples
    with (going.folder.analysis_dir / "windows.csv").open() as file:
        windows = list(csv.DictReader(file))
    page, text, locust = (
        path.read_text()
        for path in (
            going.folder.analysis_dir / "report.html",
            going.folder.analysis_dir / "report.md",
            going.folder.path / "locust.log",
        )
    )
    errors, requests = _figures(r"([\d,]+) errors? of ([\d,]+) requests?", page)
    told, failed = _figures(r"Aggregated +(\d+) +(\d+)\(", locust)
    unfinished = verdict["unfinished"]
    return {
        "samples": (len(samples), int(samples.is_error.sum())),
        "verdict.json": (verdict["requests"], verdict["errors"]),
        "by_status": (verdict["requests"], sum(one["count"] for one in verdict["by_status"].values())),
        "windows.csv": (sum(int(w["requests"]) for w in windows), sum(int(w["errors"]) for w in windows)),
        "report.html": (requests, errors),
        "report.md": _figures(r"([\d,]+) requests?, ([\d,]+) errors?", text),
        "locust.log": (told + unfinished, failed + unfinished),
    }


def _figures(pattern: str, text: str) -> tuple[int, int]:
    found = re.search(pattern, text)
    assert found is not None, text[-2000:]
    first, second = (int(figure.replace(",", "")) for figure in found.groups())
    return first, second


def check_all_agree(going: Going, *but: str) -> None:
    """Whatever tells of requests and failures, `but` some, tells of the same ones."""
    counts = counts_everywhere(going)
    assert len({found for name, found in counts.items() if name not in but}) == 1, counts


def check_said(going: Going, code: int, *words: str) -> None:
    """The exit code, and that the user was told in words instead of a traceback."""
    out, err = going.output
    assert going.process.returncode == code, out + err
    assert "Traceback" not in out + err
    told = " ".join((out + err).split())
    assert all(word in told for word in words), told
