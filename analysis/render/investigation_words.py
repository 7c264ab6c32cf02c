"""An investigation's closed answers and figures in words, so that every renderer says the same."""

from __future__ import annotations

from analysis.investigation.report import Conclusion, Investigation, Trial, TrialOutcome
from analysis.render import wording

CONCLUSION: dict[Conclusion, str] = {
    "cause_found": "Cause found",
    "ruled_out": "All ruled out",
    "cannot_tell": "Cannot tell yet",
    "nothing_to_explain": "Nothing to explain",
}
OUTCOME: dict[TrialOutcome, str] = {
    "supports": "It is the cause",
    "contradicts": "Not the cause",
    "cannot_tell": "Cannot tell",
    "not_possible": "Not possible",
    "not_tried": "Not tried",
}
TRIAL_HEADS = ("Change", "About", "As it is", "Changed", "Conclusion", "")
ADVICE = (("now", "What to do now"), ("long_run", "What to do in the long run"), ("watch", "What to watch"))


def context(report: Investigation) -> list[str]:
    """What was investigated, when and for how long, in short pieces."""
    about = report.about
    return [
        f"target {about.target}",
        f"scenario {about.scenario}",
        about.started_utc.replace("T", " ").replace("+00:00", " UTC"),
        f"{wording.seconds(about.duration_s)} in all",
    ]


def seen_lines(report: Investigation) -> list[tuple[str, str]]:
    """The figures of the run: label and value."""
    seen = report.seen
    lines = [
        ("Error rate", wording.interval(seen.error_rate)),
        ("Requests", f"{wording.count(seen.requests)}, {wording.count(seen.errors)} failed"),
        ("P99 of all requests", wording.milliseconds(seen.p99_ms)),
        ("Freezes", wording.count(seen.freezes) if seen.freezes else "none seen"),
    ]
    missed = [result.target for result in seen.slo if result.outcome == "missed"]
    if seen.slo:
        lines.append(("Targets missed", ", ".join(missed) or "none"))
    return lines


def trial_rows(report: Investigation) -> list[tuple[str, ...]]:
    """One row per experiment that was done."""
    return [
        (
            _what(trial),
            trial.suspect_title,
            *_figures(trial),
            outcome(trial),
            trial.why,
        )
        for trial in done(report)
    ]


def done(report: Investigation) -> list[Trial]:
    """The experiments that were done."""
    return [trial for trial in report.trials if trial.outcome not in ("not_possible", "not_tried")]


def left_out(report: Investigation) -> list[tuple[str, str]]:
    """Experiments that were not done: their names and why, those of one reason together."""
    found: dict[str, list[str]] = {}
    for trial in report.trials:
        if trial.outcome in ("not_possible", "not_tried"):
            found.setdefault(f"{OUTCOME[trial.outcome].lower()}: {_reason(trial)}", []).append(
                trial.experiment
            )
    return [(", ".join(names), why) for why, names in found.items()]


def outcome(trial: Trial) -> str:
    """What an experiment says about its suspect; where it cannot clear it, that this change does not help."""
    if trial.outcome == "contradicts" and not trial.decides:
        return "Does not help"
    return OUTCOME[trial.outcome]


def cleared(report: Investigation) -> list[tuple[str, str]]:
    """Who was ruled out, and how."""
    return [(one.title, one.how) for one in report.ruled_out]


def neither(report: Investigation) -> list[Trial]:
    """What was tried about suspects that are neither convicted nor cleared, nor pointed at."""
    known = {one.suspect for one in report.ruled_out} | {one.suspect for one in report.open}
    known |= {report.cause.suspect} if report.cause else set()
    return [trial for trial in done(report) if trial.suspect not in known]


def advice_lines(report: Investigation, name: str) -> list[str]:
    """What to do about the cause; without one, about each suspect that stays, said to be no more than that.

    Args:
        report: what was found.
        name: "now", "long_run" or "watch".
    """
    return [
        text if report.cause else f"If it is {advice.title}: {text}"
        for advice in report.advice
        for text in getattr(advice, name)
    ]


def _what(trial: Trial) -> str:
    again = ", again and longer" if trial.reason == "longer" else ""
    return f"{trial.title} ({trial.load}{again})" if trial.load else trial.title


def _reason(trial: Trial) -> str:
    text = trial.why.rstrip(".")
    return text[:1].lower() + text[1:]


def _figures(trial: Trial) -> tuple[str, str]:
    if trial.measure == "p99":
        effect = trial.p99_ms
        if effect is None:
            return wording.UNKNOWN, wording.UNKNOWN
        return wording.milliseconds(effect.first), wording.milliseconds(effect.changed)
    rate = trial.error_rate
    if rate is None:
        return wording.UNKNOWN, wording.UNKNOWN
    return wording.interval(rate.first), wording.interval(rate.changed)
