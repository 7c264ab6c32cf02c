"""Verdict: what was found out about a run, with every number's interval and sample size.

These models are the contract of `verdict.json` (format 1). Names are relied upon from outside: add, never
rename. Rates and shares are ratios (0.166), times are seconds or milliseconds as the name says.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1

LoadAnswer = Literal["rises", "constant", "falls", "inconclusive"]
TemporalAnswer = Literal["clustered", "distributed", "none", "inconclusive"]
PhaseAnswer = Literal["grows", "constant", "falls", "inconclusive"]
YesNo = Literal["yes", "no", "inconclusive"]
SloOutcome = Literal["met", "missed", "no_data"]
Spread = Literal["all", "some", "one"]
Severity = Literal["invalid", "incomplete", "warning", "note"]


class Model(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# DEL and C1 controls, separators of lines, and what reverses the direction of text: JSON lets them stand.
_STEERING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


def printable_json(model: Model, *, by_alias: bool = False) -> str:
    """A report as indented JSON that may be printed: what steers a terminal is escaped and means the same."""
    text = model.model_dump_json(indent=2, by_alias=by_alias)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


class Interval(Model):
    """A value with its 95 % interval and the number of observations behind it."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class FittedPoint(Model):
    """A point of a fitted curve: error rate at a load, with its 95 % band."""

    load: float
    rate: float
    low: float
    high: float


class LoadEffect(Model):
    """Does the error rate depend on the load?

    `slope` is the extra share of errors at the highest load against the lowest (0.12 = 12 points), with
    its 95 % interval and standard error `se`. `axis` names the measure of load. `margin` is what still counts
    as "no change".
    `confidence` is the share of right answers measured on made-up runs decided as clearly (docs/method.md).
    `down_since_s` is when, in seconds since the run's start, the target went down for good, if it did.
    """

    answer: LoadAnswer
    slope: float | None
    low: float | None
    high: float | None
    confidence: float | None
    why: str
    axis: str = "users"
    margin: float | None = None
    load_low: float | None = None
    load_high: float | None = None
    se: float | None = None
    windows: int = 0
    requests: int = 0
    errors: int = 0
    down_since_s: float | None = None
    fitted: list[FittedPoint] = Field(default_factory=list)


class StepInTime(Model):
    """An error rate that changed at one moment, seconds since the run's start, and stayed so: the shares of
    requests that failed before and after it, and the 95 % interval of their difference."""

    since_s: float
    before: float
    after: float
    low: float
    high: float


class TimeDrift(Model):
    """Does the error rate change with time, load being equal? `slope`: from start to end of the run; of
    a step the difference of its two rates."""

    answer: YesNo
    slope: float | None
    low: float | None
    high: float | None
    why: str
    step: StepInTime | None = None


class Burst(Model):
    """A stretch that holds more errors than chance allows. Times are seconds since the run's start."""

    start_s: float
    end_s: float
    errors: int
    share: float
    aligned: bool | None = None
    endpoints: list[str] = Field(default_factory=list)
    statuses: dict[str, int] = Field(default_factory=dict)


class Period(Model):
    """Bursts that come back: the time from one to the next with its 95 % interval, how many were seen of
    those that it predicts, and the chance of so regular a list among bursts at random moments."""

    period_s: float
    low_s: float
    high_s: float
    seen: int
    expected: int
    p_value: float


class Alignment(Model):
    """Do bursts begin when the load changes? `near_share` of the run lies within `within_s` of a change: what
    chance alone would give."""

    answer: YesNo
    bursts: int
    why: str
    aligned: int = 0
    changes: int = 0
    near_share: float | None = None
    within_s: float | None = None
    p_value: float | None = None


class BurstEndpoint(Model):
    """Error rate of one endpoint inside the bursts and outside; `hit` is None where it is asked too
    rarely."""

    endpoint: str
    inside: float
    outside: float | None
    requests_inside: int
    errors_inside: int
    hit: bool | None


class BurstReach(Model):
    """Which endpoints and statuses the bursts hold; `answer` is None where that cannot be told."""

    answer: Spread | None
    endpoints: list[str] = Field(default_factory=list)
    spared: list[str] = Field(default_factory=list)
    statuses: dict[str, int] = Field(default_factory=dict)
    by_endpoint: list[BurstEndpoint] = Field(default_factory=list)


class Temporal(Model):
    """Do errors come in bursts or evenly, load and time allowed for? `period_s` is None where the bursts show
    no regular interval."""

    answer: TemporalAnswer
    why: str
    excess_variation: float | None = None
    p_value: float | None = None
    bursts: list[Burst] = Field(default_factory=list)
    period_s: float | None = None
    period: Period | None = None
    alignment: Alignment | None = None
    reach: BurstReach | None = None


class Knee(Model):
    """Load at which errors begin to rise."""

    users: float
    low: float
    high: float


class Capacity(Model):
    """Highest rate of successful answers at which the error target still held, and the users there."""

    rate_per_s: float
    low: float
    high: float
    users: float | None = None


class Freeze(Model):
    """A stretch in which nothing was answered although requests were waiting.

    From `start_s` to `end_s` (None in older verdicts) nothing came; `duration_s` is the time of that in which
    an answer was due, so it is less where nobody waited for a while. `in_flight` is the most that waited at
    the same time; `oldest_s` how long the oldest had waited, from its send to the end of the stretch, or to
    its own end if that came before (None in older verdicts).
    """

    start_s: float
    duration_s: float
    in_flight: int
    oldest_s: float | None = None
    end_s: float | None = None


class Percentiles(Model):
    """Percentiles from raw samples, in milliseconds, with 95 % intervals.

    None: too few samples, or without bound because it falls among failures that count as infinitely slow;
    the names of those are in `infinite`.
    """

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None = None
    p50_low: float | None = None
    p50_high: float | None = None
    p95_low: float | None = None
    p95_high: float | None = None
    p99_low: float | None = None
    p99_high: float | None = None
    infinite: list[str] = Field(default_factory=list)


class LatencyMs(Model):
    """Latency told apart: successes; whatever was answered, be it with an error; errors with an answer or a
    limit; all of them (time-outs at their limit); all with each failure as infinitely slow; and, where
    requests came when they were due, all counted from that moment instead of from the send."""

    ok: Percentiles
    answered: Percentiles | None = None
    errors: Percentiles
    all: Percentiles
    failures_infinite: Percentiles
    from_intended: Percentiles | None = None


class LoadLevel(Model):
    """The run cut by load: one row per level of users."""

    users_low: float
    users_high: float
    requests: int
    errors: int
    error_rate: Interval
    rate_per_s: float | None
    ok_p50_ms: float | None
    ok_p95_ms: float | None
    ok_p99_ms: float | None
    latency_ms: LatencyMs | None = None


class JudgedClass(Model):
    """One class of failures against load, of all requests or (`why` says so) of those no other class took.

    `slope`, its 95 % interval, `confidence` and `why` are those of a LoadEffect. `slope_part` is what the
    class adds to the slope of one straight line through the rate of all failures, `at_lowest_load` and
    `at_highest_load` what it adds to the rate there: over classes without a common failure they sum up.
    """

    load_effect: LoadAnswer
    temporal: TemporalAnswer
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    why: str = ""
    slope_part: float | None = None
    at_lowest_load: float | None = None
    at_highest_load: float | None = None


class StatusClass(JudgedClass):
    """All failures that ended with one status (or, where the status is not the failure, one outcome). `share`
    is of all requests."""

    count: int
    share: float


class Example(Model):
    """One failed request, scrubbed."""

    time_s: float
    endpoint: str
    message: str
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)


class ClassLevel(Model):
    """One class of failures at one load level; all requests of the level are the denominator."""

    users_low: float
    users_high: float
    errors: int
    error_rate: Interval


class ClassRates(Model):
    """Error rate of one class of failures against load, where it begins, and the curve through it."""

    name: str
    load_effect: LoadAnswer
    levels: list[ClassLevel]
    knee: Knee | None = None
    fitted: list[FittedPoint] = Field(default_factory=list)


class MessageCheck(Model):
    """One thing that an answer should tell the client; `held` is None where none was recorded.

    `remedy` is what would help where it does not hold.
    """

    name: str
    held: bool | None
    text: str
    remedy: str = ""


class FingerprintReport(JudgedClass):
    """One kind of failure: status and outcome first, then the message with its variable parts masked."""

    id: str
    status: int
    outcome: str
    message: str
    count: int
    share: float
    first_s: float
    last_s: float
    clear: bool | None
    clear_why: str = ""
    checks: list[MessageCheck] = Field(default_factory=list)
    duration_ms: Percentiles
    examples: list[Example] = Field(default_factory=list)


class Attribution(Model):
    """What one class adds to the error rate of the run. The classes hold every failure exactly once.

    A class is a status, or one message of it (`fingerprint`, `message`) where messages differ in what load
    does to them. `rate` is of all requests, `share` of all failures; the others as in JudgedClass.
    """

    status: str
    fingerprint: str | None = None
    message: str = ""
    count: int
    rate: float
    share: float
    load_effect: LoadAnswer
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    slope_part: float | None = None
    at_lowest_load: float | None = None
    at_highest_load: float | None = None


class Concentration(Model):
    """A value of one dimension (an account, an endpoint) that holds more failures than chance allows."""

    dimension: str
    value: str
    share: float
    requests: int
    errors: int
    error_rate: float
    p_value: float


class PhaseLevel(Model):
    """One phase at one load level: mean time in ms of those requests that reached it, without the phases that
    lie within it; with them (`whole_ms`); and its share of the time of all requests."""

    users_low: float
    users_high: float
    own_ms: Interval
    whole_ms: float | None = None
    share: float | None = None


class Phase(Model):
    """A phase that the target logs, against load. `change_ms` is the mean at the highest load less that at
    the lowest, with its 95 % interval; `share` is of the time of all requests. "total" is the whole request
    and "other" what no phase accounts for."""

    name: str
    with_load: PhaseAnswer
    why: str
    change_ms: float | None = None
    low: float | None = None
    high: float | None = None
    share: float | None = None
    lines: int = 0
    levels: list[PhaseLevel] = Field(default_factory=list)


class ServerLevel(Model):
    """One of the target's own figures at one load level."""

    users_low: float
    users_high: float
    mean: float
    max: float
    readings: int


class ServerFigure(Model):
    """One signal as one probe read it; see docs/probes.md for the signals."""

    signal: str
    probe: str
    readings: int
    levels: list[ServerLevel] = Field(default_factory=list)


class KindAtLimit(Model):
    """Whether one kind of failure came at the limit of a resource; as in ResourceLimit."""

    leads: bool | None
    text: str


class ResourceLimit(Model):
    """A resource of the target against its limit, and what failed while it was there. Times are seconds since
    the run's start; `leads` tells whether errors came at the limit, and not before it; null
    without errors, and where it was never reached or hardly ever left, so that there is nothing to compare.
    `kinds` says the same of each larger kind of failure (by id) where there are several."""

    resource: str
    probe: str
    most: float
    limit: float
    at_limit: int
    readings: int
    first_s: float | None = None
    at_limit_s: float = 0.0
    errors_at: int = 0
    requests_at: int = 0
    errors_off: int = 0
    requests_off: int = 0
    leads: bool | None = None
    kinds: dict[str, KindAtLimit] = Field(default_factory=dict)
    text: str


class Server(Model):
    """What the target told about itself through probes."""

    phases: list[Phase] = Field(default_factory=list)
    phases_text: str = ""
    limits: list[ResourceLimit] = Field(default_factory=list)
    figures: list[ServerFigure] = Field(default_factory=list)


class TreeNode(Model):
    """One question of the decision tree, the answer taken, and the numbers it rests on."""

    question: str
    answer: str
    numbers: str
    leads_to: str = ""


class SuspectReport(Model):
    """A suspect, weighed openly. `for` and `against` list evidence; `missing` what was not measured.

    `explains` is the part of all requests that failed in the way this suspect fits best, and `kinds` are the
    ids of those fingerprints; null where another one fits better everywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    title: str
    rank: int
    weight: float
    explains: float | None = None
    kinds: list[str] = Field(default_factory=list)
    for_: list[str] = Field(alias="for", default_factory=list)
    against: list[str] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list)
    advice: list[str] = Field(default_factory=list)
    experiment: str | None = None


class SloResult(Model):
    """One target against what was measured."""

    name: str
    target: str
    value: float | None
    low: float | None
    high: float | None
    outcome: SloOutcome
    text: str


class Finding(Model):
    """Something about the measurement itself that a reader must know before trusting the rest."""

    code: str
    severity: Severity
    text: str


class Arrivals(Model):
    """What became of the arrivals of an open load: due = sent + skipped. `late` of the sent ones went out
    more than `late_after_ms` after they were due."""

    due: int
    sent: int
    skipped: int
    late: int
    late_after_ms: float


class Quality(Model):
    """Can this run be trusted? `valid` is False when a finding is `invalid`; `complete` when `incomplete`."""

    valid: bool
    complete: bool
    findings: list[Finding] = Field(default_factory=list)
    arrivals: Arrivals | None = None


class NextRun(Model):
    """The run that would settle what this one could not.

    `levels` in `unit` (users or arrivals/s), each visited `blocks` times for `step_s`; `requests` are needed,
    and `duration_s` is what they take at the request rate seen. `command` is the line to type.
    Empty where nothing is computed.
    """

    scenario: str
    why: str
    levels: list[int | float] = Field(default_factory=list)
    unit: str = "users"
    step_s: float | None = None
    blocks: int | None = None
    duration_s: float | None = None
    requests: int | None = None
    command: str | None = None


class Verdict(Model):
    """Everything a reader, a gate or another tool needs to know about one run."""

    format: int = FORMAT
    run_id: str
    source: str
    scenario: str | None = None
    target: str | None = None
    started_utc: str | None = None
    duration_s: float
    sentence: str
    what_would_change: str = ""
    requests: int
    errors: int
    unfinished: int
    error_rate: Interval
    load_effect: LoadEffect
    temporal: Temporal
    time_drift: TimeDrift
    knee: Knee | None = None
    capacity: Capacity | None = None
    freezes: list[Freeze] = Field(default_factory=list)
    latency_ms: LatencyMs
    levels: list[LoadLevel] = Field(default_factory=list)
    by_status: dict[str, StatusClass] = Field(default_factory=dict)
    class_rates: list[ClassRates] = Field(default_factory=list)
    fingerprints: list[FingerprintReport] = Field(default_factory=list)
    attribution: list[Attribution] = Field(default_factory=list)
    attribution_text: str = ""
    concentration: list[Concentration] = Field(default_factory=list)
    tree: list[TreeNode] = Field(default_factory=list)
    suspects: list[SuspectReport] = Field(default_factory=list)
    server: Server | None = None
    slo: list[SloResult] = Field(default_factory=list)
    quality: Quality
    lacks: list[str] = Field(default_factory=list)
    next_run: NextRun | None = None

    def to_json(self) -> str:
        """As `verdict.json`, indented, with the contract's own key names."""
        return printable_json(self, by_alias=True)
