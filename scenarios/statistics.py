"""Statistics: Locust's own are kept from growing without bound, as the record is.

Locust keeps an entry for each name and each text of a failure that it was ever told, and a worker sends all
of them to its master.
"""

from __future__ import annotations

from typing import Any

import locust.stats
from locust.stats import EntriesDict, RequestStats, StatsEntry, StatsError

from recording.names import MOST_ENDPOINTS, MOST_FAILURES, OTHER


class BoundedEntries(EntriesDict):
    """Entries by name and method; names that come when there are enough of them share one called `other`."""

    def __missing__(self, key: tuple[str, str]) -> StatsEntry:
        folded = (OTHER, key[1])
        is_one_too_many = len(self) >= MOST_ENDPOINTS and key != folded
        entry: StatsEntry = self[folded] if is_one_too_many else super().__missing__(key)  # type: ignore[no-untyped-call]
        return entry


class BoundedFailures:
    """Stands before `log_error` of one process's statistics.

    What is known is remembered here: a worker forgets its failures with each report to its master.
    """

    def __init__(self, stats: RequestStats) -> None:
        self._log_error = stats.log_error
        self._known: set[str] = set()
        stats.log_error = self._logged  # type: ignore[method-assign]

    def _logged(self, method: str, name: str, error: Exception | str | None) -> None:
        key = StatsError.create_key(method, name, error)
        if key in self._known or len(self._known) < MOST_FAILURES:
            self._known.add(key)
            self._log_error(method, name, error)
        else:
            self._log_error(method, OTHER, OTHER)


def bound_entries() -> None:
    """Have all statistics that are made from now on bound their names."""
    locust.stats.EntriesDict = BoundedEntries  # type: ignore[misc]


def bound_failures(environment: Any) -> None:
    """Have the statistics of a Locust environment bound their texts of failures."""
    BoundedFailures(environment.stats)
