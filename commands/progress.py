"""Progress: what a run is doing, on one line that changes (terminal) or one line every ten seconds (log)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from commands.looker import Looker
from recording.folder import RunFolder
from recording.follow import Follower
from recording.follow import Progress as RunProgress
from scenarios.load import Plan
from scenarios.loads.together import Together

LOOK_INTERVAL_S = 0.5
LINE_INTERVAL_S = 10


def show_progress(
    process: subprocess.Popen[bytes],
    folder: RunFolder,
    plan: Plan | Together,
    console: Console,
    is_stopping: Callable[[], bool],
    lookers: Sequence[Looker] = (),
) -> None:
    """Show the run's progress until the process has ended; has it looked at meanwhile."""
    follower = Follower(folder)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task("starting", total=plan.duration_s, text="")
    next_line = time.monotonic() + LINE_INTERVAL_S
    with bar:
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):  # its end is not slept through
                process.wait(LOOK_INTERVAL_S)
            now = follower.look()
            elapsed_s = max(0.0, now.time_s - float(folder.manifest().get("start_s", now.time_s)))
            stages = "; ".join(stage for stage, _ in plan.now_at(elapsed_s))
            name = "stopping" if is_stopping() else stages or "finishing"
            text = _line(now, elapsed_s, plan.duration_s)
            for looker in lookers:
                looker.attend(now)
                text += f" · {looker.text}"
            bar.update(task, completed=min(elapsed_s, plan.duration_s), description=name, text=text)
            if not console.is_terminal and time.monotonic() >= next_line:
                next_line += LINE_INTERVAL_S
                console.print(f"{name}: {text}", highlight=False, markup=False)


def _line(now: RunProgress, elapsed_s: float, planned_s: float) -> str:
    share = f"{now.failed / now.finished:.1%} failed" if now.finished else "no answer yet"
    return (
        f"{elapsed_s:.0f}/{planned_s:.0f} s · {now.users_running} users · {now.finished:,} requests · {share}"
    )
