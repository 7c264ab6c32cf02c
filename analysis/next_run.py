"""Next run: what to run to learn what this run could not show."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.verdict import LoadEffect, NextRun, Temporal
from analysis.withheld import DOUBTS

ROUTES: tuple[tuple[str, str, str], ...] = (
    (
        "load did not vary",
        "steps",
        "the load never changed, so it must: levels visited several times in shuffled order",
    ),
    ("load and time moved together", "steps", "load and time were one line; shuffled levels separate them"),
    (
        "high load was reached only once",
        "steps",
        "visit high load several times, so that one event cannot pose as load",
    ),
    *(
        (
            why,
            "steps",
            "only a row for every request tells: record the run here, or have the tool write its log",
        )
        for _, why in DOUBTS
    ),
    ("too few requests", "steps", "longer, or with more users: there were too few requests to judge"),
    ("too few errors", "steps", "longer, or with more users: there were too few failures to judge"),
)
"""Beginning of the reason (see `analysis.load`), scenario, why. Order does not matter."""

CONCURRENT = "concurrent-login"
LOGIN = "login"


def next_run(load: LoadEffect, temporal: Temporal, errors: int, endpoints: Sequence[str]) -> NextRun | None:
    """The run that would settle an inconclusive answer; None if nothing failed or all is settled."""
    if load.answer != "inconclusive":
        return None
    if errors == 0 and not load.why.startswith("too few requests"):
        return None
    for beginning, scenario, why in ROUTES:
        if load.why.startswith(beginning):
            return NextRun(scenario=scenario, why=why)
    if temporal.answer == "clustered":
        bursts = "the sample is the number of bursts, not of requests: run longer (20 to 40 minutes)"
        only_login = bool(endpoints) and all(LOGIN in name.lower() for name in endpoints)
        if only_login:
            return NextRun(
                scenario=CONCURRENT, why=f"{bursts}, or provoke them with logins at the same instant"
            )
        return NextRun(scenario="steps", why=bursts)
    return NextRun(
        scenario="steps", why="the interval is too wide: repeat the blocks of levels, twice as long"
    )
