"""Quality: can this run be trusted? Validity comes before any verdict about the target.

A saturated generator measures itself, and a log that stops early flatters whoever was failing at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analysis import phrases
from analysis.arrivals import arrival_findings, arrivals_of
from analysis.cut_short import last_signs
from analysis.edited import ROWS_CHANGED, edited
from analysis.ended_early import cut_off, ended_early
from analysis.foreign_quality import bad_lines, foreign
from analysis.generator_quality import generator
from analysis.lines import warm_up_s
from analysis.load_axis import axis_findings
from analysis.looks import looks_of
from analysis.probe_findings import probes
from analysis.usable import Usable, weights
from analysis.verdict import Finding, Quality, Severity
from analysis.windows import Windows
from recording.names import MOST_ENDPOINTS, OTHER
from recording.run import LogHealth, Run

CLOCK_STEP_S = 0.5
UNKNOWN_SHARE = 0.05
BROKEN_SHARE = 0.01

_MISSING = frozenset(
    {"node_silent", "node_lost", "bad_frames", "missing_frames", "dropped_rows", ROWS_CHANGED}
)
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


def _log(run: Run, rows: Usable, _: Windows) -> Iterator[Finding]:
    if run.health is not None:
        for code, broken, text in _log_faults(run.health, last_signs(run, rows)):
            if broken:
                yield Finding(code=code, severity="incomplete", text=text)


def _log_faults(health: LogHealth, last_signs: dict[str, str]) -> list[tuple[str, bool, str]]:
    why = f" ({phrases.listed(list(health.write_failures))})" if health.write_failures else ""
    unwritten = f"could not be written{why} or " if why else ""
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
            f"{phrases.counted(health.missing_frames, 'log frame')} {unwritten}never arrived; "
            "their requests are missing, check disk space and the network between nodes.",
        ),
        (
            "dropped_rows",
            health.dropped_rows > 0,
            f"The recorder dropped {phrases.counted(health.dropped_rows, 'request')} it could not write{why};"
            " check disk space and what limits it (quotas, `ulimit -f`), or thin the successes.",
        ),
    ]


def _left_out(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    """What the logs hold that is not counted: it was there already, or is not of this run."""
    health = LogHealth() if run.health is None else run.health
    if health.repeated_frames:
        yield Finding(
            code="repeated_frames",
            severity="warning",
            text=f"{phrases.counted(health.repeated_frames, 'log frame')} with "
            f"{phrases.counted(health.repeated_requests, 'request')} stood more than once in the logs; each "
            "request counts once. A log was copied, or appended to one: look into `samples/`.",
        )
    if health.strangers:
        doubt = (
            f", or so it seems: of {phrases.listed(list(health.contested))} there are different logs, and "
            "nothing in them tells which is of this run; move the wrong ones out of `samples/`."
            if health.contested
            else "; move what is not of this run out of `samples/`."
        )
        yield Finding(
            code="foreign_frames",
            severity="incomplete" if health.contested else "warning",
            text=f"{phrases.counted(health.stranger_requests, 'request')} in "
            f"{phrases.listed(list(health.strangers))} were left out, since another run made them{doubt}",
        )


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


def _refused(run: Run, _: Usable, __: Windows) -> Iterator[Finding]:
    refused = [event for event in run.events if event.get("kind") == "node_refused"]
    if refused:
        others = phrases.listed(sorted(f"{event.get('node')} ({event.get('version')})" for event in refused))
        yield Finding(
            code="node_refused",
            severity="warning",
            text=f"{others} came of another version than its master's and was sent away: install the same on "
            "all machines.",
        )


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
    _left_out,
    edited,
    _clock,
    _names,
    _folder_parts,
    _silent_nodes,
    _events,
    _refused,
    _looks,
    ended_early,
    cut_off,
    _broken,
    generator,
    _arrivals,
    _coverage,
    _warm_up,
    _thinned,
    bad_lines,
    foreign,
    probes,
)
