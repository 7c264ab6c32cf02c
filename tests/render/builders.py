"""Verdicts made by hand for the renderers' tests: one full, one without any data."""

from __future__ import annotations

from analysis.verdict import (
    Attribution,
    Burst,
    BurstEndpoint,
    BurstReach,
    Capacity,
    ClassLevel,
    ClassRates,
    Concentration,
    Example,
    Finding,
    FingerprintReport,
    FittedPoint,
    Freeze,
    Interval,
    Knee,
    LatencyMs,
    LoadAnswer,
    LoadEffect,
    LoadLevel,
    MessageCheck,
    NextRun,
    Percentiles,
    Quality,
    SloResult,
    StatusClass,
    SuspectReport,
    Temporal,
    TimeDrift,
    TreeNode,
    Verdict,
)

HOSTILE = "<script>alert(1)</script> ]]> \x1b[2J\x1b]0;owned\x07 \x00\x9b31m | `x` \u202e &amp; " + "A" * 5000
"""What a hostile target may answer."""


def percentiles(p50: float, p95: float, p99: float, n: int = 9000) -> Percentiles:
    """Figures with intervals of five per cent to either side."""
    values = {"p50": p50, "p95": p95, "p99": p99}
    bounds = {
        f"{name}_{end}": v * by for name, v in values.items() for end, by in (("low", 0.95), ("high", 1.05))
    }
    return Percentiles(n=n, max=p99 * 1.4, **values, **bounds)


def latencies(p50: float, p95: float, p99: float, requests: int, errors: int) -> LatencyMs:
    """Every view of a set of requests whose P95 and P99 fall among failures if these count as infinite."""
    infinite = ["p95", "p95_high", "p99", "p99_low", "p99_high", "max"]
    return LatencyMs(
        ok=percentiles(p50, p95, p99, n=requests - errors),
        answered=percentiles(p50 * 0.95, p95, p99, n=requests - errors // 50),
        errors=percentiles(52, 58, 71, n=errors),
        all=percentiles(p50 * 0.93, p95 * 0.98, p99 * 1.03, n=requests),
        failures_infinite=Percentiles(
            n=requests,
            p50=p50 * 1.1,
            p95=None,
            p99=None,
            p50_low=p50,
            p50_high=p50 * 1.2,
            p95_low=p95 * 1.3,
            infinite=infinite,
        ),
    )


def level(low: int, high: int, requests: int, errors: int) -> LoadLevel:
    rate = errors / requests
    half = 2 * (max(rate, 0.002) * (1 - rate) / requests) ** 0.5
    return LoadLevel(
        users_low=low,
        users_high=high,
        requests=requests,
        errors=errors,
        error_rate=Interval(value=rate, low=max(0.0, rate - half), high=rate + half, n=requests),
        rate_per_s=requests / 120,
        ok_p50_ms=160 + 4 * high,
        ok_p95_ms=300 + 9 * high,
        ok_p99_ms=500 + 11 * high,
        latency_ms=latencies(160 + 4 * high, 300 + 9 * high, 500 + 11 * high, requests, errors),
    )


def fingerprint(
    number: int = 1, message: str = "Service temporarily busy, please retry"
) -> FingerprintReport:
    return FingerprintReport(
        id=f"f{number}",
        status=503,
        outcome="http_error",
        message=message,
        count=2310 // number,
        share=0.91 / number,
        first_s=141.2,
        last_s=596.0,
        load_effect="rises",
        temporal="distributed",
        clear=number == 1,
        clear_why="says what to do" if number == 1 else "no suggestion how to recover",
        checks=[
            MessageCheck(name="not empty", held=True, text="there is a text"),
            MessageCheck(
                name="Retry-After",
                held=number == 1,
                text="has Retry-After" if number == 1 else "no Retry-After",
                remedy="" if number == 1 else "Retry-After with the seconds to wait",
            ),
        ],
        duration_ms=percentiles(52, 58, 71, n=2310),
        examples=[
            Example(
                time_s=1700000141.2,
                endpoint="POST /api/auth/login",
                message=message,
                body=f'{{"error": "{message}"}}',
                headers={"Retry-After": "1", "Content-Type": "application/json"},
            )
        ],
    )


def part(
    status: str, count: int, answer: LoadAnswer, slope_part: float, lowest: float, highest: float
) -> Attribution:
    return Attribution(
        status=status,
        count=count,
        rate=count / 15301,
        share=count / 2540,
        load_effect=answer,
        slope_part=slope_part,
        at_lowest_load=lowest,
        at_highest_load=highest,
    )


def class_rates(name: str, answer: LoadAnswer, share: float) -> ClassRates:
    """A class that holds `share` of the errors of every level."""
    levels = [
        ClassLevel(users_low=row.users_low, users_high=row.users_high, errors=hits, error_rate=rate)
        for row in (level(4, 8, 1420, 3), level(28, 32, 3390, 51), level(50, 52, 4000, 1658))
        for hits in [round(row.errors * share)]
        for rate in [Interval(value=hits / row.requests, low=0.0, high=0.5, n=row.requests)]
    ]
    return ClassRates(name=name, load_effect=answer, levels=levels, fitted=curve(share))


def curve(share: float = 1.0) -> list[FittedPoint]:
    """A bent line from 33 users on."""
    rates = {4: 0.002, 33: 0.01, 52: 0.41}
    return [
        FittedPoint(load=x, rate=share * y, low=0.8 * share * y, high=1.2 * share * y)
        for x, y in rates.items()
    ]


def suspect(rank: int = 1, title: str = "Storage lock timeout") -> SuspectReport:
    return SuspectReport(
        name=title.lower().replace(" ", "_"),
        title=title,
        rank=rank,
        weight=4.2 / rank,
        for_=[
            "2,310 of 2,540 errors are 503 'Service temporarily busy, please retry'",
            "errors end at 52 ms (median), next to the 50 ms lock limit",
        ],
        against=["no burst was found"],
        missing=["lock wait time of the server"],
        advice=["raise the lock timeout from 50 to 100 ms", "measure lock_ms per login"],
        experiment="lock_timeout_100ms",
    )


def make_verdict(**changes: object) -> Verdict:
    """A full verdict: a lock timeout that bites past a knee; `changes` replace fields."""
    slo = [
        ("error_rate < 5 %", 0.166, 0.159, 0.173, "missed", "16.6 % of 15,301 requests failed"),
        ("p99 < 1000 ms", 898.0, 861.0, 940.0, "met", "898 ms over all requests"),
        ("freeze < 2 s", 0.4, None, None, "met", "longest stretch without an answer 0.4 s"),
        ("unclear_errors < 1 %", None, None, None, "no_data", "the source holds no messages"),
    ]
    full = Verdict(
        run_id="20261123T201500Z-login-steps",
        source="run_folder",
        scenario="login_steps",
        target="lab",
        started_utc="2026-11-23T20:15:00Z",
        duration_s=600.0,
        sentence=(
            "16.6 % of 15,301 requests failed; the error rate rises with load, beginning near 33 users, "
            "and the storage lock timeout is the strongest suspect."
        ),
        what_would_change="Errors that stay when the load goes back below 28 users.",
        requests=15301,
        errors=2540,
        unfinished=3,
        error_rate=Interval(value=0.166, low=0.159, high=0.173, n=15301),
        load_effect=LoadEffect(
            answer="rises",
            slope=0.342,
            low=0.31,
            high=0.374,
            confidence=0.97,
            why="the whole 95 % interval lies above zero, with and without time in the model",
            margin=0.083,
            load_low=4,
            load_high=52,
            windows=120,
            requests=15301,
            errors=2540,
            fitted=curve(),
        ),
        temporal=Temporal(
            answer="distributed",
            why="windows differ by 12 % of the mean rate once load is allowed for (limit 70 %)",
            excess_variation=0.12,
            p_value=0.3,
        ),
        time_drift=TimeDrift(answer="no", slope=0.004, low=-0.012, high=0.02, why="within ±8.3 points"),
        knee=Knee(users=33, low=28, high=38),
        capacity=Capacity(rate_per_s=41.3, low=38.9, high=43.0, users=34),
        freezes=[Freeze(start_s=301.5, duration_s=3.4, in_flight=41, oldest_s=3.6)],
        latency_ms=latencies(212, 610, 871, 15301, 2540),
        levels=[
            level(4, 8, 1420, 3),
            level(16, 20, 2710, 8),
            level(28, 32, 3390, 51),
            level(38, 42, 3781, 820),
            level(50, 52, 4000, 1658),
        ],
        by_status={
            "503": StatusClass(
                count=2310,
                share=0.151,
                load_effect="rises",
                temporal="distributed",
                slope=0.34,
                low=0.31,
                high=0.37,
            ),
            "500": StatusClass(count=180, share=0.0118, load_effect="constant", temporal="distributed"),
            "total_timeout": StatusClass(
                count=50, share=0.0033, load_effect="inconclusive", temporal="clustered"
            ),
        },
        attribution=[
            part("503", 2310, "rises", 0.336, 0.002, 0.4),
            part("500", 180, "constant", 0.001, 0.011, 0.012),
            part("total_timeout", 50, "inconclusive", 0.003, 0.0, 0.002),
        ],
        attribution_text=(
            "Of 16.6 %: 15.1 % is 503 and rises with load (from 0.2 % at 4 users to 40 % at 52); "
            "1.2 % is 500 and does not depend on load; 0.33 % in 1 smaller class."
        ),
        class_rates=[class_rates("503", "rises", 0.9), class_rates("500", "constant", 0.1)],
        fingerprints=[fingerprint(1), fingerprint(13, "password verification failed: <hex>")],
        concentration=[
            Concentration(
                dimension="account",
                value="17",
                share=0.06,
                requests=211,
                errors=152,
                error_rate=0.72,
                p_value=1e-9,
            )
        ],
        tree=[
            TreeNode(
                question="Are the errors 503?",
                answer="yes",
                numbers="2,310 of 2,540 (91 %)",
                leads_to="storage lock timeout",
            ),
            TreeNode(
                question="Clustered or distributed?", answer="distributed", numbers="excess variation 12 %"
            ),
            TreeNode(
                question="Does the rate change with load?",
                answer="rises",
                numbers="+34 points, 95 %: 31 to 37",
                leads_to="resource bottleneck",
            ),
        ],
        suspects=[
            suspect(1),
            suspect(2, "Database pool exhausted"),
            suspect(3, "bcrypt CPU contention"),
            suspect(4, "Network latency"),
        ],
        slo=[
            SloResult(name=t.split()[0], target=t, value=v, low=lo, high=hi, outcome=o, text=x)  # type: ignore[arg-type]
            for t, v, lo, hi, o, x in slo
        ],
        quality=Quality(
            valid=True,
            complete=True,
            findings=[
                Finding(code="warmup", severity="note", text="the first 30 s were left out of the load fit"),
                Finding(code="cpu", severity="warning", text="generator CPU reached 84 % for 12 s"),
            ],
        ),
        lacks=["readings"],
        next_run=NextRun(
            scenario="experiment lock_timeout_100ms", why="one change, 50 → 100 ms, tells lock from pool"
        ),
    )
    return full.model_copy(update=changes)


def no_data_verdict() -> Verdict:
    """A run in which nothing was measured."""
    none = Percentiles(n=0, p50=None, p95=None, p99=None)
    return Verdict(
        run_id="empty",
        source="case_csv",
        duration_s=0.0,
        sentence="No data: the run holds no request.",
        requests=0,
        errors=0,
        unfinished=0,
        error_rate=Interval(value=None, low=None, high=None, n=0),
        load_effect=LoadEffect(
            answer="inconclusive", slope=None, low=None, high=None, confidence=None, why="no request"
        ),
        temporal=Temporal(answer="inconclusive", why="no request"),
        time_drift=TimeDrift(answer="inconclusive", slope=None, low=None, high=None, why="no request"),
        latency_ms=LatencyMs(ok=none, errors=none, all=none, failures_infinite=none),
        quality=Quality(
            valid=False,
            complete=False,
            findings=[Finding(code="no_data", severity="invalid", text="nothing was measured")],
        ),
    )


def hostile_burst() -> Burst:
    return Burst(
        start_s=10, end_s=20, errors=5, share=0.5, aligned=True, endpoints=[HOSTILE], statuses={HOSTILE: 5}
    )


def hostile_reach() -> BurstReach:
    rows = [
        BurstEndpoint(endpoint=name, inside=0.5, outside=0, requests_inside=9, errors_inside=5, hit=True)
        for name in (HOSTILE, "login")
    ]
    statuses = {HOSTILE: 5, "503": 4}
    return BurstReach(
        answer="some", endpoints=[HOSTILE], spared=[HOSTILE], statuses=statuses, by_endpoint=rows
    )


def hostile_verdict() -> Verdict:
    """Hostile text wherever a target's words, or a scenario's, can reach."""
    full = make_verdict()
    return full.model_copy(
        update={
            "run_id": HOSTILE,
            "sentence": HOSTILE,
            "scenario": HOSTILE,
            "target": HOSTILE,
            "load_effect": full.load_effect.model_copy(update={"why": HOSTILE}),
            "temporal": full.temporal.model_copy(
                update={"why": HOSTILE, "bursts": [hostile_burst()], "reach": hostile_reach()}
            ),
            "fingerprints": [fingerprint(1, HOSTILE)],
            "what_would_change": HOSTILE,
            "by_status": {HOSTILE: full.by_status["503"]},
            "attribution": [
                full.attribution[0].model_copy(
                    update={"status": HOSTILE, "fingerprint": HOSTILE, "message": HOSTILE}
                )
            ],
            "attribution_text": HOSTILE,
            "class_rates": [class_rates(HOSTILE, "rises", 0.9), class_rates("500", "constant", 0.1)],
            "concentration": [full.concentration[0].model_copy(update={"value": HOSTILE})],
            "tree": [TreeNode(question=HOSTILE, answer=HOSTILE, numbers=HOSTILE, leads_to=HOSTILE)],
            "suspects": [
                full.suspects[0].model_copy(
                    update={
                        "title": HOSTILE,
                        "for_": [HOSTILE],
                        "against": [HOSTILE],
                        "missing": [HOSTILE],
                        "advice": [HOSTILE],
                        "experiment": HOSTILE,
                    }
                )
            ],
            "slo": [full.slo[0].model_copy(update={"name": HOSTILE, "target": HOSTILE, "text": HOSTILE})],
            "quality": Quality(
                valid=False,
                complete=True,
                findings=[Finding(code=HOSTILE, severity="invalid", text=HOSTILE)],
            ),
            "lacks": [HOSTILE],
            "next_run": NextRun(scenario=HOSTILE, why=HOSTILE),
        }
    )
