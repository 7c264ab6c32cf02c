"""Change: what would change the answer. Last line of its short form, after the sentence and its reasons.

An answer that nothing could contradict says nothing. So each names what was excluded and what was not, or the
experiment whose other outcome would contradict it; an undecided one names the run that would settle it.
"""

from __future__ import annotations

from collections.abc import Callable

from analysis import phrases
from analysis.ended_early import was_cut_off
from analysis.intervals import share_upper
from analysis.load_axis import USERS
from analysis.sentence import Facts, bursts, drifts
from analysis.verdict import NextRun

NOTHING = "A run in which requests are sent: check the host and port, and whether any user began."
INVALID = (
    "A run whose load generator keeps up (more processes, or less load): this one measured the generator, "
    "so its figures may be its own."
)
INCOMPLETE = "The same run brought to its end with nothing lost: what is missing may hold the opposite."
BRING_BACK = (
    "The same run once the target is back, brought to its end: what came after nothing could connect any "
    "more was not measured."
)
ONE_FREEZE = (
    "The same run again. Without a freeze it was a single event; with one, look for what stops the whole "
    "service."
)
HIDDEN = " The error rate will not show it: users who wait send nothing."
DOWN = (
    "A run that begins low and rests after each level (a level of 0 users) until every queue is empty: at "
    "which level it goes down, and whether it comes back."
)
ANY_ORDER = "The same levels in another order, with no more errors at high load than at low load."
LEVELS = "A run in which the load visits several levels more than once, in shuffled order."


def what_would_change(facts: Facts, next_run: NextRun | None) -> str:
    """One or two sentences; the first rule that applies speaks."""
    for holds, text in (
        (facts.rate.n == 0, NOTHING),
        (not facts.quality.valid, INVALID),
        (was_cut_off(facts.quality), BRING_BACK),
        (not facts.quality.complete, INCOMPLETE),
        (bool(facts.freezes) and facts.errors == 0, ONE_FREEZE + HIDDEN * (facts.load.axis == USERS)),
        (facts.load.down_since_s is not None, DOWN),
    ):
        if holds:
            return text
    if next_run is not None:
        return f"A run that can tell ({next_run.scenario}): {next_run.why}."
    return _ANSWERS[facts.load.answer](facts)


def _rises(facts: Facts) -> str:
    load, knee = facts.load, facts.knee
    if knee is not None:
        low, high = phrases.load(knee.low), phrases.load(knee.high)
        return (
            f"Errors that stay when the load goes back below {low} {load.axis}, or that do not come back "
            f"above {high}: then something else changed along with the load."
        )
    if load.load_low is None or load.load_high is None:
        return ANY_ORDER
    low, high = phrases.load(load.load_low), phrases.load(load.load_high)
    return (
        f"As many errors at {low} as at {high} {load.axis} when both are repeated in another order: then "
        "something else changed along with the load."
    )


def _falls(facts: Facts) -> str:
    low = facts.load.load_low
    place = "low load" if low is None else f"{phrases.load(low)} {facts.load.axis}"
    return (
        f"A run that starts warm and comes back to {place} late: errors at low load are often cold caches "
        "or expired connections, and go with idleness rather than with load."
    )


def _constant(facts: Facts) -> str:
    if facts.errors == 0:
        return _no_errors(facts)
    if facts.warm_up_only:
        return f"The same failures again later than the start, in a second run over {_span(facts)}."
    excluded = _excluded(facts)
    if bursts(facts.temporal):
        return f"A longer run whose bursts come at high load only: {excluded}."
    if drifts(facts.drift):
        fresh = "A restart after which as much fails at once as at the end of this run: then it is not time"
        return f"{fresh}. Of load, {excluded}."
    return f"Another rate at a load not seen here: {excluded}."


def _excluded(facts: Facts) -> str:
    """What the answer rules out: all beyond its interval, and nothing at a load that was not seen."""
    load = facts.load
    if load.low is None or load.high is None:
        return f"nothing is known about a load beyond {_span(facts)}"
    return (
        f"from {_span(facts)} a change beyond {phrases.points_range(load.low, load.high)} points is ruled "
        "out (95 %); a smaller one, and what happens at more load, is not"
    )


def _no_errors(facts: Facts) -> str:
    bound = phrases.percent(share_upper(0, facts.rate.n))
    return (
        f"A failure in a longer run, or at a load not seen here (only {_span(facts)}): a rate under {bound} "
        "cannot be told from none."
    )


def _inconclusive(facts: Facts) -> str:
    return _no_errors(facts) if facts.errors == 0 else LEVELS


def _span(facts: Facts) -> str:
    low, high, axis = facts.load.load_low, facts.load.load_high, facts.load.axis
    if low is None or high is None:
        return "the loads seen"
    if phrases.load(low) == phrases.load(high):
        return f"{phrases.load(low)} {axis}"
    return f"{phrases.load(low)} to {phrases.load(high)} {axis}"


_ANSWERS: dict[str, Callable[[Facts], str]] = {
    "rises": _rises,
    "falls": _falls,
    "constant": _constant,
    "inconclusive": _inconclusive,
}
