"""So far: the part of a run that is going on about which nothing will change any more."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recording.run import Readings, Run

LOST_S = 5.0
"""A process whose heartbeat is so much older than the newest one is not waited for."""


@dataclass(frozen=True, slots=True)
class Now:
    """All processes at their latest heartbeat.

    Attributes:
        time_s: epoch seconds of the newest heartbeat; 0 before the first one.
        settled_s: up to here every request is over and recorded, epoch seconds.
        users: running on all processes.
        in_flight: requests sent and not answered yet.
        oldest_s: how long the oldest of them has been waiting.
        lost: processes that have fallen silent without an end mark.
    """

    time_s: float = 0.0
    settled_s: float = 0.0
    users: int = 0
    in_flight: int = 0
    oldest_s: float = 0.0
    lost: tuple[str, ...] = ()


def so_far(run: Run) -> tuple[Run, Now]:
    """The settled part of a run that is being recorded, as if it had ended there.

    Requests in flight are left out: whether they fail is not known yet. A log without an end mark, or with
    a frame at its end that is not whole yet, is no fault of such a run unless the process fell silent. Nor
    is it one that the probes have not ended: they read on until the load ends.
    """
    now = _now(run)
    samples, health = run.samples, run.health
    kept = samples.take(np.flatnonzero((samples.start_s < now.settled_s) & ~_in_flight(run, now)))
    if health is not None:
        growing = set(health.nodes_without_end) - set(now.lost)
        bad_frames = health.bad_frames - len(growing & set(health.torn))
        health = replace(health, nodes_without_end=now.lost, unfinished=0, bad_frames=bad_frames)
    events = tuple(event for event in run.events if event.get("kind") != "probes_begun")
    manifest = {**run.manifest, "clean_end": True}
    return replace(run, samples=kept, health=health, events=events, manifest=manifest), now


def _in_flight(run: Run, now: Now) -> NDArray[np.bool_]:
    """Rows of requests that a process which is alive may still finish: they are listed as never answered."""
    running = set() if run.health is None else set(run.health.nodes_without_end) - set(now.lost)
    unanswered = run.samples.outcome.equals("unfinished")
    return np.asarray(unanswered & run.samples.node.isin(running), np.bool_)


def _now(run: Run) -> Now:
    readings = run.readings
    # What the target tells begins before the load does, and its labels are no processes of ours.
    ours = None if readings is None else readings.source == "generator"
    if readings is None or ours is None or not ours.any():
        return Now()
    beats = {str(node): _latest(readings, str(node)) for node in np.unique(readings.labels[ours])}
    running = set(beats) if run.health is None else set(run.health.nodes_without_end)
    time_s = max(beat["time_s"] for beat in beats.values())
    first_s = float(readings.time_s[ours].min())
    for node in running - set(beats):
        # Its log has begun and tells nothing yet: nothing is settled until it does.
        beats[node] = {"time_s": first_s, "oldest_s": 0.0, "users_running": 0.0, "in_flight": 0.0}
    lost = {node for node in running if time_s - beats[node]["time_s"] > LOST_S}
    live = [beats[node] for node in running - lost]
    return Now(
        time_s=time_s,
        settled_s=min((beat["time_s"] - beat["oldest_s"] for beat in live), default=time_s),
        users=int(sum(beat["users_running"] for beat in live)),
        in_flight=int(sum(beat["in_flight"] for beat in live)),
        oldest_s=max((beat["oldest_s"] for beat in live), default=0.0),
        lost=tuple(sorted(lost)),
    )


def _latest(readings: Readings, node: str) -> dict[str, float]:
    """The figures of a process's latest heartbeat; those it lacks are 0."""
    own = np.flatnonzero((readings.source == "generator") & (readings.labels == node))
    time_s = float(readings.time_s[own].max(initial=0.0))
    last = own[readings.time_s[own] == time_s]
    told = dict(zip(readings.name[last].tolist(), readings.value[last].tolist(), strict=True))
    figures = {name: float(told.get(name, 0.0)) for name in ("oldest_s", "users_running", "in_flight")}
    return {"time_s": time_s, **figures}
