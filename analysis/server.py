"""Server: everything that the target told about itself, gathered for the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from analysis.levels import Levels
from analysis.limits import limits
from analysis.phases import COUNT, OWN, WHOLE, phases, phases_text
from analysis.told_by_target import Told, told_by_target
from analysis.usable import Ints, Usable
from analysis.verdict import Server, ServerFigure, ServerLevel
from recording.run import Readings

NO_KINDS: Mapping[str, Ints] = MappingProxyType({})


def server(
    readings: Readings | None,
    rows: Usable,
    levels: Levels,
    origin_s: float,
    axis: str,
    kinds: Mapping[str, Ints] = NO_KINDS,
) -> Server | None:
    """What the probes read, against load; None without any.

    `kinds` are the rows of each kind of failure, by its id: several causes at once come at different moments.
    """
    told = told_by_target(readings, rows, levels)
    if told is None:
        return None
    found = phases(told, levels, axis)
    return Server(
        phases=found,
        phases_text=phases_text(found),
        limits=limits(told, rows, origin_s, kinds),
        figures=_figures(told, levels),
    )


def _figures(told: Told, levels: Levels) -> list[ServerFigure]:
    names = sorted(told.names.keys() - {COUNT, WHOLE, OWN})
    return [_figure(told, levels, name, label) for name in names for label in told.labels(name)]


def _figure(told: Told, levels: Levels, name: str, label: str) -> ServerFigure:
    rows = told.rows(name, label)
    table = []
    for i in range(len(levels)):
        values = told.value[rows & (told.place == i)]
        if len(values):
            table.append(
                ServerLevel(
                    users_low=float(levels.low[i]),
                    users_high=float(levels.high[i]),
                    mean=float(values.mean()),
                    max=float(values.max()),
                    readings=len(values),
                )
            )
    return ServerFigure(signal=name, probe=label, readings=int(rows.sum()), levels=table)
