"""Probing: starts and ends the process that reads the target's figures, beside the load and never in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping

import gevent

from recording import child
from recording.clock import Clock
from recording.folder import RunFolder
from recording.probes.spec import Probe, environment
from scenarios.target import Target

ENV_PROBES = "LOADVERDICT_PROBES"
"""The probes with the lab's places filled in; set by `loadverdict run` and `web`."""

ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
"""How a URL begins that is no path of the target; in the query of a path others may follow."""

START_LIMIT_S = 4.0
"""The load waits this long at most for the probes to begin; then it goes on without waiting."""
STOP_LIMIT_S = 4.0


def probes_to_text(probes: Mapping[str, Probe]) -> str:
    """Probes for another process. Variables stand as they were written, so no secret is among them."""
    return json.dumps({name: probe.model_dump(exclude_unset=True) for name, probe in probes.items()})


def probes_told(otherwise: dict[str, Probe]) -> dict[str, Probe]:
    """The probes that this process was told of, or those given."""
    text = os.environ.get(ENV_PROBES)
    if text is None:
        return otherwise
    return {name: Probe.model_validate(values) for name, values in json.loads(text).items()}


class Probing:
    """The probes' process of the run that is going on, if the target has probes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folder: RunFolder, target: Target, clock: Clock) -> None:
        """Start it and wait until each probe was tried once, so that its start is over before the load's.

        Whatever goes wrong is an event of the run and stops nothing.
        """
        self.stop()
        if target.probes:
            folder.add_event("probes_begun", clock.now(), probes=list(target.probes))
        ready = _ready(folder, target, clock)
        if not ready:
            return
        told = {"folder": str(folder.path), "wall_s": clock.wall_s, "mono_s": clock.mono_s, "probes": ready}
        try:
            self._process = subprocess.Popen(
                child.command("recording.probes"),
                stdin=subprocess.PIPE,
                env=child.environment(),
                # Ctrl-C is for the load; this process ends with its standard input, however that comes about.
                start_new_session=True,
            )
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # No `probe_ended` will follow, which says it all.
        deadline = time.monotonic() + START_LIMIT_S
        while (
            self._process.poll() is None
            and not folder.target_readings.exists()
            and time.monotonic() < deadline
        ):
            gevent.sleep(0.02)

    def stop(self) -> None:
        """Have it write the rest and end; kill it if it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(STOP_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


def _ready(folder: RunFolder, target: Target, clock: Clock) -> dict[str, object]:
    """Probes with everything they need, as plain values; those that lack something have ended already."""
    ready: dict[str, object] = {}
    known = environment()
    for name, written in target.probes.items():
        probe = written.filled(known)
        # Asked of what was written: a value that looks like a variable is no variable.
        missing = [variable for variable in written.unfilled() if variable not in known]
        if missing:
            text = f"nothing could be read (the environment variable {missing[0]} is not set)"
            problem = {"text": text, "grave": True, "at_s": None}
            folder.add_event("probe_ended", clock.now(), probe=name, problems=[problem], reads=0, failed=1)
            continue
        if probe.url is not None and not ABSOLUTE.match(probe.url):
            probe = probe.model_copy(update={"url": f"{target.base_url}/{probe.url.lstrip('/')}"})
        ready[name] = probe.model_dump(mode="json", exclude_unset=True)
    return ready
