"""Quality: can this run be trusted? Validity comes before any verdict about the target.

A saturated generator measures itself, and a log that stops early flatters whoever was failing at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analysis import phrases
from analysis.arrivals import arrival_findings, arrivals_of
from analysis.ended_early import ended_early
from analysis.foreign_quality import bad_lines, foreign
from analysis.lines import warm_up_s
from analysis.load_axis import axis_findings
from analysis.looks import looks_of
from analysis.probe_findings import probes
from analysis.standstill import LAG_MS
from analysis.usable import Floats, Usable, weights
from analysis.verdict import Finding, Quality, Severity
from analysis.windows import Windows
from recording.names import MOST_ENDPOINTS, OTHER
from recording.outcomes import TIMEOUT_OUTCOMES
from recording.run import LogHealth, Readings, Run
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
CLOCK_STEP_S = 0.5
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
UNKNOWN_SHARE = 0.05
BROKEN_SHARE = 0.01

_MISSING = frozenset({"node_silent", "node_lost", "bad_frames", "missing_frames", "dropped_rows"})
"""Findings that tell of requests that were sent and are not here."""
_ORDER: tuple[Severity, ...] = ("invalid", "incomplete", "warning", "note")


def quality(run: Run, rows: Usable, windows: Windows) -> Quality:
    """All findings, the gravest first."""
    found = [finding for check in _CHECKS for finding in check(run, rows, windows)]
    found.sort(key=lambda finding: _ORDER.index(finding.severity))
    severities = {finding.severity for finding in found}
    return Quality(
        valid="invalid" not in severities,
        complete="incomplete" not in severities and rows.requests > 0,
        findings=found,
        arrivals=arrivals_of(run),
    )


def is_partial(known: Quality) -> bool:
    """Whether requests within the run's time are known to be missing, so that its pattern may be another."""
    return any(finding.code in _MISSING for finding in known.findings)


def with_findings(known: Quality, more: list[Finding]) -> Quality:
    """The same with findings of other modules, the gravest first."""
    found = sorted([*known.findings, *more], key=lambda finding: _ORDER.index(finding.severity))
    return known.model_copy(update={"findings": found})


def _no_data(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    if rows.requests > 0:
        return
    seen = int(weights(run.samples).sum())
    why = f"{phrases.counted(seen, 'row')} seen, none of them usable" if seen else "the run holds no request"
    yield Finding(
        code="no_data",
        severity="invalid",
        text=f"Nothing was measured: {why}; check that the target was reachable and the users began.",
    )


def _log(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    if run.health is not None:
        for code, broken, text in _log_faults(run.health, _last_signs(run)):
            if broken:
                yield Finding(code=code, severity="incomplete", text=text)


def _last_signs(run: Run) -> dict[str, str]:
    """Of each node whose log has no end mark, when its last entry was, in words."""
    start_s = run.manifest.get("start_s")
    if run.health is None or run.readings is None or not isinstance(start_s, int | float):
        return {}
    times = {node: run.readings.of_node(node, "users_running")[0] for node in run.health.nodes_without_end}
    return {
        node: f" (last entry after {phrases.seconds(max(0.0, float(time_s[-1]) - start_s))})"
        for node, time_s in times.items()
        if len(time_s)
    }


def _log_faults(health: LogHealth, last_signs: dict[str, str]) -> list[tuple[str, bool, str]]:
    ended = phrases.listed([node + last_signs.get(node, "") for node in health.nodes_without_end])
    return [
        (
            "cut_short",
            bool(health.nodes_without_end),
            f"The log of {ended} has no end mark: the process was killed or is still running; "
            "what happened after its last entry is unknown, repeat the run.",
        ),
        (
            "bad_frames",
            health.bad_frames > 0,
            f"{phrases.counted(health.bad_frames, 'log frame')} could not be read (checksum or length "
            "wrong); their requests are missing, check the disk.",
        ),
        (
            "missing_frames",
            health.missing_frames > 0,
            f"{phrases.counted(health.missing_frames, 'log frame')} never arrived; "
            "their requests are missing, check disk space and the network between nodes.",
        ),
        (
            "dropped_rows",
            health.dropped_rows > 0,
            f"The recorder dropped {phrases.counted(health.dropped_rows, 'request')} it could not write; "
            "check disk space, or thin the successes.",
        ),
    ]


def _clock(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    step_s = 0.0 if run.health is None else run.health.clock_step_s
    if abs(step_s) >= CLOCK_STEP_S:
        yield Finding(
            code="clock_stepped",
            severity="note",
            text=f"The load generator's wall clock was set {'forward' if step_s > 0 else 'back'} by "
            f"{phrases.seconds(abs(step_s))} during the run; no figure here follows it, but times of other "
            "logs may not match.",
        )


def _names(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    folded = 0 if run.health is None else run.health.names_folded
    if folded:
        yield Finding(
            code="names_folded",
            severity="note",
            text=f"{phrases.counted(folded, 'request')} had a name beyond the first {MOST_ENDPOINTS} of a "
            f"process and stand together as `{OTHER}`; every count includes them. Name requests by their "
            "route, without ids.",
        )


def _folder_parts(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    """Parts of a run folder without which nobody knows whether the run was whole and its generator well."""
    if run.source != "run_folder" or rows.requests == 0:
        return
    if not run.manifest:
        yield Finding(
            code="manifest_missing",
            severity="incomplete",
            text="manifest.json is missing or damaged: whether the run came to its end is unknown.",
        )
    if run.readings is None or not bool((run.readings.source == "generator").any()):
        yield Finding(
            code="readings_missing",
            severity="incomplete",
            text="The readings of the load generator are missing or damaged: whether it was saturated is "
            "unknown.",
        )


def _silent_nodes(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """Nodes that took part and of which there is no log at all, as on a machine of its own."""
    if run.health is None or not isinstance(run.manifest.get("nodes"), list):
        return
    silent = sorted(set(map(str, run.manifest["nodes"])) - set(run.health.nodes))
    if silent:
        yield Finding(
            code="node_silent",
            severity="incomplete",
            text=f"{phrases.listed(silent)} took part and left no log here; its requests are missing from "
            "every figure.",
        )


def _events(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    lost = [str(event.get("node", "a node")) for event in run.events if event.get("kind") == "node_lost"]
    if lost:
        text = (
            f"{phrases.listed(sorted(lost))} was lost during the run: load and counts are short from then on."
        )
        yield Finding(code="node_lost", severity="incomplete", text=f"{text} Repeat the run.")
    for event in run.events:
        if event.get("kind") == "interrupted":
            yield Finding(code="interrupted", severity="incomplete", text=_interrupted(event))
            return
    ended = run.health is None or not run.health.nodes_without_end
    if ended and run.manifest.get("clean_end") is False:
        text = "The run did not come to the end of its plan, and nothing says why; repeat it."
        yield Finding(code="cut_short", severity="incomplete", text=text)


def _looks(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    looks = looks_of(run)
    if not run.manifest.get("until_decided"):
        return
    number = len(looks.shares)
    if looks.until_s is None:
        text = (
            f"{phrases.counted(number - 1, 'look')} at the run did not decide what load does; the answer "
            "comes from all of it, with what they left of the chance of a false alarm."
        )
    else:
        text = (
            f"The run ended by itself once it was decided what load does, at look {number} after "
            f"{phrases.seconds(looks.until_s - run.manifest['start_s'])}; the answer rests on these."
        )
    yield Finding(code="until_decided", severity="note", text=text)


def _interrupted(event: dict[str, object]) -> str:
    elapsed, planned = event.get("elapsed_s"), event.get("planned_s")
    if isinstance(elapsed, int | float) and isinstance(planned, int | float):
        return (
            f"The run was interrupted after {phrases.seconds(elapsed)} of {phrases.seconds(planned)}; "
            "let it finish before relying on it."
        )
    return "The run was interrupted before its end; let it finish before relying on it."


def _broken(_: Run, rows: Usable, __: Windows) -> Iterator[Finding]:
    if rows.broken == 0:
        return
    grave = rows.broken > BROKEN_SHARE * (rows.requests + rows.broken) or rows.broken_errors > 0
    yield Finding(
        code="broken_times",
        severity="incomplete" if grave else "warning",
        text=f"{phrases.counted(rows.broken, 'request')} ({phrases.count(rows.broken_errors)} failed) "
        "had a start or duration that is no time and were left out; check what wrote the file.",
    )


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


def _coverage(_: Run, rows: Usable, __: Windows) -> Iterator[Finding]:
    for outcome, severity in (("unfinished", "note"), ("unknown", "warning")):
        count = int(rows.weight[rows.samples.outcome.equals(outcome)].sum())
        part = count / max(rows.requests, 1)
        if count and outcome == "unfinished":
            text = (
                f"{phrases.counted(count, 'request')} ({phrases.percent(part)}) had no answer when the run "
                "ended; they count as failures with their age as duration."
            )
            yield Finding(code="unfinished", severity="note", text=text)
        elif count:
            named = phrases.percent(1 - count / max(rows.errors, 1))
            text = (
                f"{phrases.counted(count, 'request')} ({phrases.percent(part)}) failed in a way that was not "
                f"recorded; their cause cannot be told apart. Of the failures {named} have a known kind."
            )
            yield Finding(
                code="unknown_outcomes", severity=severity if part > UNKNOWN_SHARE else "note", text=text
            )


def _warm_up(_: Run, __: Usable, windows: Windows) -> Iterator[Finding]:
    length = warm_up_s(windows)
    errors = int(windows.errors[windows.start_s < length - 1e-9].sum()) if len(windows) else 0
    if errors:
        yield Finding(
            code="warm_up_errors",
            severity="note",
            text=f"{phrases.counted(errors, 'failure')} fell into the first {phrases.seconds(length)}, which "
            "the relation to load leaves out as warm-up; every other figure includes them.",
        )


def _thinned(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    if run.thinned is None:
        return
    kept = len(rows.samples)
    yield Finding(
        code="rows_thinned",
        severity="note",
        text=f"The source holds {phrases.counted(run.thinned.rows, 'row')}, more than are kept at a time: "
        "counts and rates are exact, while latencies, accounts and freezes are read off a sample of "
        f"{phrases.counted(kept, 'row')}.",
    )


def _arrivals(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    yield from arrival_findings(arrivals_of(run))
    yield from axis_findings(run)


_Check = Callable[[Run, Usable, Windows], Iterator[Finding]]
_CHECKS: tuple[_Check, ...] = (
    _no_data,
    _log,
    _clock,
    _names,
    _folder_parts,
    _silent_nodes,
    _events,
    _looks,
    ended_early,
    _broken,
    _own_faults,
    _broken_turns,
    _cpu,
    _waits,
    _lag,
    _held_up,
    _users,
    _arrivals,
    _coverage,
    _warm_up,
    _thinned,
    bad_lines,
    foreign,
    probes,
)
