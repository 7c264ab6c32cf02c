"""Case table: what the hand-made script of the case printed, from any run, with network failures counted in.

Distribution of codes; count, least, mean and most duration of the errors; error texts by frequency; errors
per ten seconds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from recording.run import Run
from recording.sample import Samples

WINDOW_S = 10
NO_ANSWER = "000"


def case_table(run: Run) -> str:
    """The four tables as text."""
    samples = run.samples
    errors = samples.take(samples.is_error)
    parts = [_codes(samples), _durations(errors), _messages(run, errors), _windows(samples)]
    return "\n\n".join(parts) + "\n"


def code_label(status: int, outcome: str) -> str:
    """`503`, or `000 connect_timeout` where there was no HTTP answer."""
    return str(status) if status else f"{NO_ANSWER} {outcome}"


def _labels(samples: Samples) -> list[str]:
    outcomes = samples.outcome.to_list()
    return [code_label(int(s), o) for s, o in zip(samples.status, outcomes, strict=True)]


def _codes(samples: Samples) -> str:
    counts = Counter(_labels(samples))
    total = max(1, len(samples))
    rows = [f"  {n:7,}  {n / total:7.2%}  {label}" for label, n in counts.most_common()]
    return "\n".join([f"HTTP codes of {len(samples):,} requests", *rows])


def _durations(errors: Samples) -> str:
    if not len(errors):
        return "errors: none"
    d = errors.duration_ms[np.isfinite(errors.duration_ms)]
    figures = (
        f"least {d.min():.1f} ms, mean {d.mean():.1f} ms, most {d.max():.1f} ms" if len(d) else "no durations"
    )
    return f"errors: {len(errors):,}; {figures}"


def _messages(run: Run, errors: Samples) -> str:
    if "message" in run.lacks:
        return "error texts: this file holds none"
    texts = {(e.status, e.outcome, e.code): e.message for e in run.examples}
    keys = zip(errors.status.tolist(), errors.outcome.to_list(), errors.code.to_list(), strict=True)
    counts = Counter(texts.get(key) or key[2] or key[1] for key in keys)
    rows = [f"  {n:7,}  {text}" for text, n in counts.most_common(20)]
    return "\n".join(["error texts, most frequent first", *(rows or ["  none"])])


def _windows(samples: Samples) -> str:
    if not len(samples):
        return f"errors per {WINDOW_S} s: no requests"
    known = np.isfinite(samples.start_s)
    offset_s = samples.start_s[known] - samples.start_s[known].min(initial=np.inf)
    slots, place, requests = np.unique(offset_s // WINDOW_S, return_inverse=True, return_counts=True)
    errors = np.bincount(place[samples.is_error[known]], minlength=len(slots))
    rows = [
        f"  {slot * WINDOW_S:5.0f} s  {e:5,} of {n:5,}  {'#' * round(40 * e / n)}"
        for slot, e, n in zip(slots, errors, requests, strict=True)
    ]
    return "\n".join([f"errors per {WINDOW_S} s", *rows])
