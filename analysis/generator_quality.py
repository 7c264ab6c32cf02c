"""Generator quality: did the load generator measure the target, or itself?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analysis import phrases
from analysis.standstill import LAG_MS
from analysis.usable import Floats, Usable
from analysis.verdict import Finding
from analysis.windows import Windows
from recording.outcomes import TIMEOUT_OUTCOMES
from recording.run import Readings, Run
from recording.scrub import one_line

GENERATOR_SHARE = 0.01
"""More of our own failures than this, and the rest is likely to be touched by the same trouble."""
CPU_PERCENT, CPU_SHARE = 90.0, 0.05
"""Locust warns at 90 % of a core: from there on its latencies are its own. What a process waited for while
others had its core counts with what it used: without them it would have been as busy."""
WAIT_PERCENT, WAIT_SHARE = 25.0, 0.5
"""A process that waits so much, for so much of the time, reads many answers late. Measured: 49 % all the time
made a median of 31 ms 36 ms, and a P99 of 35 ms 55 ms; up to 16 % is usual on a busy machine, and hardly
shows."""
LAG_SHARE, LAG_READINGS, LAG_S = 0.01, 10, 2.0
"""A loop that is late (`LAG_MS`) adds that to every answer in flight. Less often than this, and for less time
together, it is a warning: a hiccup or two of the machine void no run, however short."""
USED_UP = {
    "EMFILE": "EMFILE: out of open files, see ulimit -n",
    "ENFILE": "ENFILE: out of open files on this machine",
    "EADDRNOTAVAIL": "EADDRNOTAVAIL: out of local ports, keep connections or use more machines",
}
"""Codes of our own failures, in words that say what to do."""
USERS_SHARE, HALF_OF_THEM = 0.9, 0.5
"""Fewer of the wanted users than this, on average over the run: a warning, and no whole run. A slow machine
that takes its time to make them stays well above the second."""
TOLD_KINDS = 3
"""So many different texts of broken turns are quoted."""


def generator(run: Run, rows: Usable, windows: Windows) -> Iterator[Finding]:
    """Findings about the load generator itself."""
    for check in (_own_faults, _broken_turns, _backed_off, _cpu, _waits, _lag, _held_up, _users):
        yield from check(run, rows, windows)


def _own_faults(run: Run, rows: Usable, __: Windows) -> Iterator[Finding]:
    if rows.generator == 0:
        return
    part = rows.generator / (rows.generator + rows.requests)
    code = run.samples.code.take(run.samples.is_generator)
    codes = sorted({code.names[i] for i in np.unique(code.codes)} - {""})
    reason = f" ({phrases.listed([USED_UP.get(name, name) for name in codes])})" if codes else ""
    yield Finding(
        code="generator_errors",
        severity="invalid" if part > GENERATOR_SHARE else "warning",
        text=f"{phrases.counted(rows.generator, 'request')} ({phrases.percent(part)}) failed through the "
        f"load generator's own fault{reason}: ports, open files or the script; they are not counted "
        "against the target.",
    )


def _broken_turns(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """Turns that a Python behaviour broke off by raising: the load was not the one meant."""
    if run.readings is None:
        return
    broken = run.readings.last_of_all("turns_broken") or 0
    if broken == 0:
        return
    part = broken / max(run.readings.last_of_all("turns_begun") or 0, broken)
    texts = (str(event.get("text", "")) for event in run.events if event.get("kind") == "turn_broken")
    told = sorted({one_line(text) for text in texts})
    reason = f": {'; '.join(told[:TOLD_KINDS])}" if told else ""
    more = f" (and {len(told) - TOLD_KINDS} other texts)" if len(told) > TOLD_KINDS else ""
    yield Finding(
        code="behaviour_errors",
        severity="invalid" if part > GENERATOR_SHARE else "warning",
        text=f"{phrases.counted(broken, 'turn')} ({phrases.percent(part)}) broke off because the Python "
        f"behaviour raised an exception though every answer was right{reason}{more}. What it would have sent "
        "then is missing: mend the behaviour.",
    )


def _backed_off(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """Attempts of a closed load that came later than its users would have made them."""
    waited = 0 if run.readings is None else run.readings.last_of_all("attempts_backed_off") or 0
    if waited:
        yield Finding(
            code="backed_off",
            severity="note",
            text=f"{phrases.counted(waited, 'attempt')} waited until a second had passed since their user's "
            "last one, because nothing connected. So few attempts make a small share of errors: look at how "
            "long nothing connected.",
        )


def _cpu(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    worst = _worst_node(run.readings, _needed_percent, CPU_PERCENT)
    if run.readings is None or worst is None or worst[1] <= 0:
        return
    node, part, highest = worst
    waited = float(run.readings.of_node(node, "cpu_wait_percent")[1].max(initial=0.0))
    shared = waited > WAIT_PERCENT
    what_to_do = "give it a core that nobody else uses" if shared else "use more processes or machines"
    grave = part > CPU_SHARE
    yield Finding(
        code="generator_cpu",
        severity="invalid" if grave else "note",
        text=f"The load generator {node} used {'or waited for ' if shared else ''}over {CPU_PERCENT:.0f} % "
        f"of its core in {phrases.percent(part)} of the time (highest {highest:.0f} %"
        + (f"; it waited up to {waited:.0f} %, while others had the core)" if shared else ")")
        + (f"; its latencies are its own: {what_to_do}." if grave else "; that is little."),
    )


def _waits(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    worst = _worst_node(run.readings, _reading("cpu_wait_percent"), WAIT_PERCENT)
    if worst is None or worst[1] <= WAIT_SHARE:
        return
    node, part, highest = worst
    yield Finding(
        code="generator_waits",
        severity="warning",
        text=f"The load generator {node} waited for its core, which others had, over {WAIT_PERCENT:.0f} % of "
        f"the time in {phrases.percent(part)} of its readings (most {highest:.0f} %); latencies are too long "
        "by that: give it a core that nobody else uses.",
    )


def _needed_percent(readings: Readings, node: str) -> Floats:
    """What a process used of a core and what it waited for one: together all that it could make use of."""
    time_s, used = readings.of_node(node, "cpu_percent")
    at_s, waited = readings.of_node(node, "cpu_wait_percent")
    _, place, other = np.intersect1d(time_s, at_s, return_indices=True)
    needed = used.copy()
    needed[place] += waited[other]
    return needed


def _reading(name: str) -> Callable[[Readings, str], Floats]:
    return lambda readings, node: readings.of_node(node, name)[1]


def _lag(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    worst = _worst_node(run.readings, _reading("loop_lag_ms"), LAG_MS)
    if run.readings is None or worst is None or worst[1] <= 0:
        return
    node, part, highest = worst
    time_s, lag_ms = run.readings.of_node(node, "loop_lag_ms")
    late_s = float(lag_ms[lag_ms > LAG_MS].sum()) / 1000
    often = part > LAG_SHARE and part * len(lag_ms) >= LAG_READINGS
    # A process that stood still for long has a single late reading.
    grave = often or late_s > max(LAG_S, LAG_SHARE * float(np.ptp(time_s)))
    yield Finding(
        code="generator_lag",
        severity="invalid" if grave else "warning",
        text=f"The load generator {node} was late by over {LAG_MS:.0f} ms in {phrases.percent(part)} of its "
        f"readings, {phrases.seconds(late_s)} together (most {phrases.milliseconds(highest)})"
        + ("; it measured itself: use more processes or a quieter machine." if grave else "."),
    )


def _held_up(_: Run, rows: Usable, __: Windows) -> Iterator[Finding]:
    """Time-outs among them stay failures: a target that answers nothing must not pass for a generator's."""
    held_up = rows.samples.is_held_up
    count = int(rows.weight[held_up].sum())
    if count == 0:
        return
    timed_out = int(rows.weight[held_up & rows.samples.outcome.isin(TIMEOUT_OUTCOMES)].sum())
    least_ms = rows.samples.duration_ms[held_up] - 1000 * rows.samples.stood_s[held_up]
    yield Finding(
        code="stalled_requests",
        severity="warning" if timed_out else "note",
        text=f"{phrases.counted(count, 'request')} ({phrases.percent(count / rows.requests)}) waited for the "
        "load generator while it stood still; how long the target took is unknown (of the slowest at least "
        f"{phrases.milliseconds(max(float(least_ms.max()), 0.0))}), so they are left out of latencies."
        + (f" {phrases.count(timed_out)} of them timed out, which counts as failure." if timed_out else ""),
    )


def _worst_node(
    readings: Readings | None, of_node: Callable[[Readings, str], Floats], limit: float
) -> tuple[str, float, float] | None:
    """Node with the largest share of readings over a limit, that share, and its highest reading."""
    if readings is None:
        return None
    series = {node: of_node(readings, node) for node in _generators(readings)}
    parts = {node: float(np.mean(values > limit)) for node, values in series.items() if len(values)}
    worst = max(parts, key=parts.__getitem__, default=None)
    return None if worst is None else (worst, parts[worst], float(series[worst].max()))


def _generators(readings: Readings) -> list[str]:
    """Load generating processes."""
    return [str(node) for node in np.unique(readings.labels[readings.source == "generator"])]


def _users(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    if run.readings is None:
        return
    wanted, running = (_total(run.readings, name) for name in ("users_wanted", "users_running"))
    if wanted <= 0 or running >= USERS_SHARE * wanted:
        return
    yield Finding(
        code="users_missing",
        severity="incomplete" if running < HALF_OF_THEM * wanted else "warning",
        text=f"Only {phrases.percent(running / wanted)} of the wanted users were running on average; "
        "the load was lower than planned: spawn faster, use more processes, or see why users ended early.",
    )


def _total(readings: Readings, name: str) -> float:
    values: Floats = readings.value[(readings.source == "generator") & (readings.name == name)]
    return float(values[np.isfinite(values)].sum())
