"""Arms: the runs of an experiment one after another, each in its state; at the end back to the first one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import yaml
from rich.console import Console
from rich.text import Text

from analysis.experiment.arms import Arm, arm_of
from commands.changed_note import ChangedNote
from commands.changes import Change
from commands.interrupts import Interrupts
from commands.run import record
from recording.folder import RunFolder
from recording.reader import read_run
from scenarios.experiment import CHANGED, FIRST, Experiment, State
from scenarios.scenario import Scenario
from scenarios.target import Target

NAMES: dict[State, str] = {FIRST: "as it is", CHANGED: "changed"}


class Place(NamedTuple):
    """Where an experiment goes on: the target as it can be reached now, its name, the folder of the arms."""

    target: Target
    target_name: str
    folder: Path


class Switch:
    """Keeps the target in the state that is wanted, and on disk that it is changed."""

    def __init__(
        self, change: Change, note: ChangedNote, experiment: Path, place: Place, interrupts: Interrupts
    ) -> None:
        self._change, self._note, self._experiment, self._place = change, note, experiment, place
        self._interrupts = interrupts
        self._is_changed = False

    def to(self, state: State) -> None:
        """Make the change or take it back, where that is not so already.

        No signal interrupts that, unless a person is waited for: a change that is cut off may still take
        effect after it was taken back.
        """
        with nullcontext() if self._change.asks else self._interrupts.held():
            self._to(state)

    def _to(self, state: State) -> None:
        if state == CHANGED and not self._is_changed:
            # Noted first: whatever is half done counts as done, and is taken back.
            if self._change.stays:
                place = self._place
                self._note.write(
                    self._experiment, place.target_name, place.target.base_url, self._change.before
                )
            self._is_changed = True
            self._change.do()
        elif state == FIRST and self._is_changed:
            self._change.undo()
            self._is_changed = False
            self._note.remove()

    @contextmanager
    def back_at_the_end(self, console: Console) -> Iterator[None]:
        """However the block ends, the first state is restored, and no signal interrupts that."""
        try:
            yield
        finally:
            with self._interrupts.held(last=True):
                # A lab of our own ends now, changed or not; if it is gone already, that is no news.
                if self._is_changed and self._change.stays:
                    self._to(FIRST)
                    with suppress(OSError):  # the terminal may be gone
                        console.print(Text("back in the first state", style="dim"))


def run_arms(
    experiment: Experiment,
    scenarios: Mapping[State, Scenario],
    order: Sequence[State],
    place: Place,
    switch: Switch,
    console: Console,
) -> tuple[list[Arm], bool]:
    """Run every arm; returns those that were recorded, and whether somebody interrupted them.

    Raises:
        LoadverdictError: a change could not be made or taken back.
    """
    arms: list[Arm] = []
    with suppress(KeyboardInterrupt):
        for number, state in enumerate(order):
            switch.to(state)
            length_s = experiment.warm_up_s + experiment.arm_s
            console.print(Text(f"arm {number + 1} of {len(order)}: {NAMES[state]} ({length_s:.0f} s)"))
            folder, interrupted = _record(scenarios[state], state, number // 2, place, console)
            arm = arm_of(read_run(folder.path), state, experiment.warm_up_s, experiment.arm_s)
            arms.append(arm)
            console.print(Text(f"  {_line(arm)}", style="dim"))
            if interrupted:
                return arms, True
        return arms, False
    return arms, True


def _record(
    scenario: Scenario, state: State, pair: int, place: Place, console: Console
) -> tuple[RunFolder, bool]:
    # Both arms of a pair draw the same accounts and pauses; pairs differ, or one strange draw would decide.
    scenario = scenario.model_copy(update={"seed": scenario.seed + pair})
    file = place.folder / f"{state}-{pair + 1}.yaml"
    file.write_text(yaml.safe_dump(scenario.to_mapping() | {"name": file.stem}, sort_keys=False))
    folder = RunFolder.create(place.folder, file.stem)
    interrupted = record(scenario, str(file), place.target, place.target_name, 1, folder, console)
    return folder, interrupted


def _line(arm: Arm) -> str:
    requests, errors = int(arm.requests.sum()), int(arm.errors.sum())
    share = f"{errors / requests:.1%} failed" if requests else "nothing was measured"
    p99 = f", P99 of successes {arm.ok.p99:,.0f} ms" if arm.ok.p99 is not None else ""
    return f"{requests:,} requests, {share}{p99}"
