"""Windows as CSV (windows.csv): one row per time window, for spreadsheets and other tools."""

from __future__ import annotations

import csv
import io
import math

from analysis.windows import Windows


def windows_csv(windows: Windows) -> str:
    """One row per window; times in seconds since the run's start; what is not known is an empty cell.

    The failure classes follow the fixed columns, one each, named `failures_<status or outcome>`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    kinds = [(i, name) for i, name in enumerate(windows.classes) if name != "ok"]
    fixed = ["start_s", "width_s", "requests", "errors", "error_rate", "users", "in_flight"]
    writer.writerow([*fixed, "ok_p50_ms", "ok_p99_ms", *(f"failures_{name}" for _, name in kinds)])
    rates = windows.error_rate
    for i in range(len(windows)):
        writer.writerow(
            [
                _cell(float(windows.start_s[i])),
                _cell(windows.width_s),
                int(windows.requests[i]),
                int(windows.errors[i]),
                _cell(float(rates[i])),
                _cell(float(windows.users[i])),
                _cell(float(windows.in_flight[i])),
                _cell(float(windows.ok_p50_ms[i])),
                _cell(float(windows.ok_p99_ms[i])),
                *(int(windows.by_class[i, column]) for column, _ in kinds),
            ]
        )
    return out.getvalue()


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""
