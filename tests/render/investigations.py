"""One made-up investigation of each kind."""

from __future__ import annotations

from collections.abc import Callable

from analysis.experiment.report import Effect, Needed, RateChange
from analysis.investigation.conclude import investigation
from analysis.investigation.plan import Reason
from analysis.investigation.report import About, Investigation, Seen, Trial, TrialOutcome
from analysis.render import wording
from analysis.suspects import known_suspects
from analysis.verdict import Finding, Interval, Quality, SuspectReport, Verdict

from .builders import HOSTILE, make_verdict

TITLES = {suspect.name: suspect.title for suspect in known_suspects()}
CHANGES = {
    "lock-100ms": ("lock", "Storage lock waits up to 100 ms", "lock_timeout_ms 100"),
    "bcrypt-worker-pool": ("bcrypt", "bcrypt on a worker pool", "bcrypt_mode worker_pool"),
    "pool-50": ("pool", "Database pool of 50 connections", "pool_size 50"),
    "own-account": ("code", "Each user with an account of its own", "accounts own"),
}


def rate(value: float) -> Interval:
    return Interval(value=value, low=0.9 * value, high=min(1.0, 1.05 * value + 0.01), n=1200)


def moved_to(after: float) -> RateChange:
    """Errors from 88.9 % to `after`."""
    return RateChange(
        name="all failures",
        first=rate(0.889),
        changed=rate(after),
        ratio=after / 0.889,
        ratio_low=0.9 * after / 0.889,
        ratio_high=1.1 * after / 0.889 + 0.02,
        difference=after - 0.889,
        difference_low=after - 0.94,
        difference_high=after - 0.86,
    )


def trial(
    name: str,
    outcome: TrialOutcome,
    after: float | None = None,
    why: str = "Errors keep 93 % to 108 % of what they were.",
    reason: Reason = "suspect",
    needed: Needed | None = None,
) -> Trial:
    suspect, title, change = CHANGES[name]
    after_ = "" if after is None else f"{wording.percent(after)} with {change}"
    falls = after is not None and after < 0.5
    moved = f"errors fall from 88.9 % to {after_}" if falls else f"errors are 88.9 % without and {after_}"
    return Trial(
        experiment=name,
        title=title,
        suspect=suspect,
        suspect_title=TITLES[suspect],
        change=change,
        reason=reason,
        decides=name != "own-account",
        outcome=outcome,
        moved=moved if after is not None else "",
        why=why,
        error_rate=None if after is None else moved_to(after),
        p99_ms=None
        if after is None
        else Effect(first=40, changed=41, ratio=1, ratio_low=0.9, ratio_high=1.1),
        changed_p99_ms=None if after is None else 6300.0,
        load="20 users",
        report=None if after is None else f"20261123T202000Z-{name}/experiment.html",
        command=f"loadverdict experiment {name} --fault case",
        needed=needed,
    )


def pointed_at(*names: str) -> list[SuspectReport]:
    return [
        SuspectReport(
            name=name,
            title=TITLES[name],
            rank=rank,
            weight=5.2 / rank,
            for_=["1,858 of 1,858 failures are 503"],
            against=["failures take 12 to 900 ms"],
            missing=["lock wait time per login (lock_ms)"],
            advice=["What the figures of the run advise."],
        )
        for rank, name in enumerate(names, 1)
    ]


def made(trials: list[Trial], verdict: Verdict, explains: str = "errors", stopped: str = "") -> Investigation:
    about = About(
        id="20261123T201500Z-steps",
        scenario="steps",
        target="lab",
        fault="case",
        seed=1,
        at_most_s=900,
        started_utc="2026-11-23T20:15:00+00:00",
        duration_s=512.3,
        command="loadverdict investigate steps --fault case",
    )
    seen = Seen(
        run_id=verdict.run_id,
        folder=verdict.run_id,
        report=f"{verdict.run_id}/analysis/report.html",
        sentence=verdict.sentence,
        requests=verdict.requests,
        errors=verdict.errors,
        error_rate=verdict.error_rate,
        p99_ms=898,
        freezes=0,
        slo=verdict.slo,
        doubts=[f.text for f in verdict.quality.findings if f.severity == "invalid"],
    )
    return investigation(about, verdict, seen, explains, trials, known_suspects(), stopped)  # type: ignore[arg-type]


def cause_found() -> Investigation:
    trials = [
        trial("lock-100ms", "contradicts", 0.889),
        trial("bcrypt-worker-pool", "supports", 0.0, "Errors keep 0 % to 3.4 % of what they were."),
    ]
    return made(trials, make_verdict(suspects=pointed_at("lock", "bcrypt", "throughput")))


def ruled_out() -> Investigation:
    trials = [
        trial("lock-100ms", "contradicts", 0.889),
        trial("own-account", "contradicts", 0.889),
        trial("pool-50", "contradicts", 0.889, reason="elimination"),
        trial("bcrypt-worker-pool", "not_possible", why="Nothing to change: the lab has it already."),
    ]
    return made(trials, make_verdict(suspects=pointed_at("code", "lock")))


def cannot_tell() -> Investigation:
    needed = Needed(
        arm_s=60,
        pairs=4,
        duration_s=520,
        command="loadverdict experiment lock-100ms --fault case --arm 60s --pairs 4",
    )
    trials = [
        trial(
            "lock-100ms", "cannot_tell", 0.45, "Errors keep 40 % to 90 % of what they were.", needed=needed
        ),
        trial("pool-50", "contradicts", 0.889),
        trial("bcrypt-worker-pool", "not_tried", why="No time: it takes 160 s, and 40 s were left."),
    ]
    return made(trials, make_verdict(suspects=pointed_at("lock", "bcrypt", "pool")))


def interrupted() -> Investigation:
    trials = [
        trial("lock-100ms", "contradicts", 0.889),
        trial("bcrypt-worker-pool", "not_tried", why="It was interrupted."),
    ]
    verdict = make_verdict(suspects=pointed_at("lock", "bcrypt"))
    return made(trials, verdict, stopped="it was interrupted")


def nothing_to_explain() -> Investigation:
    met = [result.model_copy(update={"outcome": "met"}) for result in make_verdict().slo]
    none = Interval(value=0.0, low=0.0, high=0.0003, n=15301)
    verdict = make_verdict(errors=0, error_rate=none, slo=met, suspects=[], sentence="No request failed.")
    return made([], verdict, explains="nothing")


def invalid() -> Investigation:
    finding = Finding(code="cpu", severity="invalid", text="The load generator was saturated for 40 s.")
    quality = Quality(valid=False, complete=True, findings=[finding])
    return made([], make_verdict(quality=quality, suspects=pointed_at("generator")))


def hostile() -> Investigation:
    verdict = make_verdict(sentence=HOSTILE, suspects=pointed_at("lock"))
    verdict.suspects[0].for_.append(HOSTILE)
    odd = trial("lock-100ms", "cannot_tell", 0.889, HOSTILE)
    return made([odd.model_copy(update={"title": HOSTILE, "change": HOSTILE, "moved": HOSTILE})], verdict)


KINDS: dict[str, Callable[[], Investigation]] = {
    kind.__name__: kind
    for kind in (cause_found, ruled_out, cannot_tell, interrupted, nothing_to_explain, invalid)
}
