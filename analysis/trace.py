"""Trace: the error rate of a run over its time in a few equal parts, for a picture as small as a word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.usable import Floats

HEAD = b"start_s,width_s,requests,errors,"
MOST_PARTS = 40
MOST_WINDOWS = 100_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Error rate over a run.

    Attributes:
        shares: failed requests of each part, a ratio; None in a part without requests.
        part_s: seconds per part.
    """

    shares: tuple[float | None, ...]
    part_s: float

    @property
    def top(self) -> float:
        """The highest share; 0 without any."""
        return max((share for share in self.shares if share is not None), default=0.0)


def trace_of(windows_csv: bytes) -> Trace | None:
    """The trace of a `windows.csv`; None where it holds nothing, or is not one, or only half of one.

    Windows are put together, requests and errors summed, so that a run of any length has at most
    `MOST_PARTS` parts.
    """
    head, _, body = windows_csv.partition(b"\n")
    lines = body.splitlines()
    if not head.startswith(HEAD) or not 0 < len(lines) <= MOST_WINDOWS or not body.endswith(b"\n"):
        return None
    try:
        cells = [line.split(b",", 4)[1:4] for line in lines]
        width_s, requests, errors = np.array(cells, dtype=np.float64).T
    except ValueError:
        return None
    if not _sound(width_s, requests, errors):
        return None
    per_part = -(-len(lines) // MOST_PARTS)
    begins = np.arange(0, len(lines), per_part)
    sent, failed = np.add.reduceat(requests, begins), np.add.reduceat(errors, begins)
    shares = (float(f / s) if s else None for f, s in zip(failed, sent, strict=True))
    return Trace(tuple(shares), per_part * float(width_s[0]))


MOST = 1e15
"""Beyond it no figure was measured."""


def _sound(width_s: Floats, requests: Floats, errors: Floats) -> bool:
    """Whether the figures can be those of windows."""
    figures = np.concatenate([width_s, requests, errors])
    return bool(
        (np.abs(figures) <= MOST).all()
        and (errors >= 0).all()
        and (errors <= requests).all()
        and width_s[0] > 0
    )
