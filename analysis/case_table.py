"""Case table: what the hand-made script of the case printed, from any run, with network failures counted in.

Distribution of codes; count, least, mean and most duration of the errors; error texts by frequency; errors
per ten seconds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from analysis.usable import Ints, counted, weights
from recording.run import Run
from recording.sample import Samples, picked

WINDOW_S = 10
NO_ANSWER = "000"


def case_table(run: Run) -> str:
    """The four tables as text."""
    samples = run.samples
    weight = weights(samples)
    failing = np.flatnonzero(samples.is_error)
    parts = [
        _codes(samples, weight),
        _durations(samples, weight, failing),
        _messages(run, weight, failing),
        *([] if "time_unit" in run.lacks else [_windows(samples, weight, failing)]),
    ]
    return "\n\n".join(parts) + "\n"


def code_label(status: int, outcome: str) -> str:
    """`503`, or `000 connect_timeout` where there was no HTTP answer."""
    return str(status) if status else f"{NO_ANSWER} {outcome}"


def _counted(key: Ints, weight: Ints) -> list[tuple[int, int]]:
    """Distinct keys, ascending, and requests of each."""
    distinct, counts = counted(key, weight)
    return list(zip(distinct.tolist(), counts.tolist(), strict=True))


def _codes(samples: Samples, weight: Ints) -> str:
    names = samples.outcome.names
    key = samples.status.astype(np.int64) * len(names) + samples.outcome.codes
    counts: Counter[str] = Counter()
    for packed, n in _counted(key, weight):
        status, outcome = divmod(packed, len(names))
        counts[code_label(status, names[outcome])] += n
    total = sum(counts.values())
    rows = [f"  {n:7,}  {n / max(1, total):7.2%}  {label}" for label, n in counts.most_common()]
    return "\n".join([f"HTTP codes of {total:,} requests", *rows])


def _durations(samples: Samples, weight: Ints, failing: Ints) -> str:
    if not len(failing):
        return "errors: none"
    known = failing[np.isfinite(samples.duration_ms[failing])]
    d, w = samples.duration_ms[known], weight[known]
    figures = (
        f"least {d.min():.1f} ms, mean {np.average(d, weights=w):.1f} ms, most {d.max():.1f} ms"
        if len(d)
        else "no durations"
    )
    return f"errors: {int(weight[failing].sum()):,}; {figures}"


def _messages(run: Run, weight: Ints, failing: Ints) -> str:
    if "message" in run.lacks:
        return "error texts: this file holds none"
    texts = {(e.status, e.outcome, e.code): e.message for e in run.examples}
    samples, outcomes, codes = run.samples, run.samples.outcome.names, run.samples.code.names
    key = (samples.status[failing].astype(np.int64) * len(outcomes) + samples.outcome.codes[failing]) * len(
        codes
    ) + samples.code.codes[failing]
    counts: Counter[str] = Counter()
    for packed, n in _counted(key, picked(weight, failing)):
        rest, code = divmod(packed, len(codes))
        status, outcome = divmod(rest, len(outcomes))
        text = texts.get((status, outcomes[outcome], codes[code])) or codes[code] or outcomes[outcome]
        counts[text] += n
    rows = [f"  {n:7,}  {text}" for text, n in counts.most_common(20)]
    return "\n".join(["error texts, most frequent first", *(rows or ["  none"])])


def _windows(samples: Samples, weight: Ints, failing: Ints) -> str:
    known = np.isfinite(samples.start_s)
    if not known.any():
        return f"errors per {WINDOW_S} s: no requests"
    slot = samples.start_s - samples.start_s[known].min()
    slot /= WINDOW_S
    slot[~known] = -1
    slot = slot.astype(np.int64)
    errors = dict(_counted(slot[failing], picked(weight, failing)))
    rows = [
        f"  {place * WINDOW_S:5.0f} s  {e:5,} of {n:5,}  {'#' * round(40 * e / n)}"
        for place, n in _counted(slot, weight)
        if place >= 0 and (e := errors.get(place, 0)) >= 0
    ]
    return "\n".join([f"errors per {WINDOW_S} s", *rows])
