"""The grammar of targets: what is read, what is refused, and that the refusal says what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.slo.grammar import CASE_SLO, ENDED, METRICS, Bound, SloTarget, check_limit, parse_slo
from recording.outcomes import OUTCOMES

PAGE = Path(__file__).resolve().parents[2] / "docs/slo.md"


def target(metric: str, operator: str, limit: float, unit: str, **more: object) -> SloTarget:
    return SloTarget(metric, operator, limit, unit, text="", **more)  # type: ignore[arg-type]


READ = {
    "error_rate < 5 %": target("error_rate", "<", 0.05, "%"),
    "error_rate<=.5%": target("error_rate", "<=", 0.005, "%"),
    "unclear_errors < 1 %": target("unclear_errors", "<", 0.01, "%"),
    "freeze < 2 s": target("freeze", "<", 2, "s"),
    "freeze <= 0 s at users <= 5": target("freeze", "<=", 0, "s", at=(Bound("users", "<=", 5),)),
    "p99 < 1000ms": target("p99", "<", 1000, "ms"),
    "p99.9 < 3000 ms": target("p99.9", "<", 3000, "ms"),
    "p99(ok) < 800 ms": target("p99", "<", 800, "ms", ok=True),
    "p90 (ok, endpoint login) <= 80.5 ms": target("p90", "<=", 80.5, "ms", ok=True, endpoint="login"),
    'p50(endpoint "POST /a(b), c") < 9 ms': target("p50", "<", 9, "ms", endpoint="POST /a(b), c"),
    "p95(endpoint GET /items/for at) < 9 ms": target("p95", "<", 9, "ms", endpoint="GET /items/for at"),
    "throughput > 50 per s": target("throughput", ">", 50, "per s"),
    "throughput(endpoint me) >= 0.5 /s": target("throughput", ">=", 0.5, "per s", endpoint="me"),
    "throughput > 5 per second for 60 s": target("throughput", ">", 5, "per s", window_s=60),
    "status(503) < 1 %": target("status", "<", 0.01, "%", word="503"),
    "status(2xx) >= 99 %": target("status", ">=", 0.99, "%", word="2xx"),
    "status(429, endpoint login) < 2 %": target("status", "<", 0.02, "%", word="429", endpoint="login"),
    "outcome(reset) <= 0 %": target("outcome", "<=", 0, "%", word="reset"),
    "outcome(ok) > 99.9 %": target("outcome", ">", 0.999, "%", word="ok"),
    "error_rate < 5 % for 10 s": target("error_rate", "<", 0.05, "%", window_s=10),
    "p99 < 500 ms at users = 20": target("p99", "<", 500, "ms", at=(Bound("users", "=", 20),)),
    "p99 < 5 ms for 2.5 s at arrivals >= 2 and arrivals < 8": target(
        "p99", "<", 5, "ms", window_s=2.5, at=(Bound("arrivals", ">=", 2), Bound("arrivals", "<", 8))
    ),
    "error_rate < 1 % at in_flight <= 10": target(
        "error_rate", "<", 0.01, "%", at=(Bound("in_flight", "<=", 10),)
    ),
}


@pytest.mark.parametrize("text", READ)
def test_what_is_read(text: str) -> None:
    found = parse_slo(f"  {text} ")
    assert found.text == text
    assert found.limit == pytest.approx(READ[text].limit)
    same = ("metric", "operator", "unit", "word", "ok", "endpoint", "window_s", "at")
    assert [getattr(found, name) for name in same] == [getattr(READ[text], name) for name in same]


REFUSED = {
    "throughput > 95 percent": "throughput is measured in per s, not percent",
    "throughput > 95 perday": "throughput is measured in per s, not perday",
    "freeze < 0.05 s": "silences are looked for from 0.1 s on",
    "p99 < ٥ ms": "a number is missing",
    "": "is not a target; write it like",
    "5 % < error_rate": "is not a target; write it like",
    "error_rate 5 %": "is not a target; write it like",
    "error_rate = 5 %": "is not a target; write it like",
    "error_rates < 5 %": "unknown metric 'error_rates'; allowed: error_rate, unclear_errors, status",
    "p100 < 5 ms": "unknown metric 'p100'",
    "p0 < 5 ms": "unknown metric 'p0'",
    "p99.9999 < 5 ms": "percentiles such as p99 or p99.9",
    "error_rate > 5 %": "error_rate needs an upper limit: write < or <=, not >",
    "throughput < 5 per s": "throughput needs a lower limit: write > or >=, not <",
    "error_rate < x %": "a number is missing after <",
    "error_rate < -1 %": "a number is missing after <",
    "error_rate < 5": "a unit is missing; error_rate is measured in %",
    "p99 < 5 for 10 s": "a unit is missing; p99 is measured in ms",
    "p99 < 5 s": "p99 is measured in ms, not s",
    "throughput > 5 %": "throughput is measured in per s, not %",
    "error_rate(ok) < 5 %": "error_rate(ok) is not known; in its brackets may stand endpoint NAME",
    "p99(okay) < 5 ms": "in its brackets may stand ok and endpoint NAME",
    "p99(ok, ok) < 5 ms": "p99(ok, ok) is not known",
    "freeze(endpoint login) < 2 s": "in its brackets may stand nothing",
    "p99(endpoint a(b)) < 5 ms": "is not a target",
    "status < 5 %": "which status? Write status(503) or status(5xx)",
    "status(0) < 5 %": "in its brackets may stand a status such as 503 or 5xx and endpoint NAME",
    "status(6xx) < 5 %": "a status such as 503 or 5xx",
    "outcome < 5 %": "which outcome? Write one of dns, refused,",
    "outcome(generator) < 5 %": "in its brackets may stand an outcome",
    "outcome(rest) <= 0 %": "outcome(rest) is not known; did you mean 'reset'?",
    "outcome(total_timout) <= 0 %": "did you mean 'total_timeout'?",
    "error_rate < 0 %": "no run can meet it; error_rate lies between 0 and 100 %",
    "error_rate <= 100 %": "every run meets it",
    "error_rate < 500 %": "every run meets it",
    "status(200) > 100 %": "no run can meet it",
    "p99 < 0 ms": "no run can meet it; p99 is never below 0",
    "throughput >= 0 per s": "every run meets it",
    "error_rate < 5 % for": "'for' is followed by seconds, as in 'for 10 s'",
    "error_rate < 5 % for 10 ms": "'for' is followed by seconds",
    "error_rate < 5 % for 0.5 s": "write 'for 1 s' or more",
    "freeze < 2 s for 10 s": "freeze is a length of time itself",
    "error_rate < 5 % at 50 users": "'at' is followed by a load, as in 'at users <= 50'",
    "error_rate < 5 % at connections <= 5": "loads are users, arrivals, in_flight",
    "error_rate < 5 % at users <= 50 and": "'at' is followed by a load",
    "error_rate < 5 % at users <= 5 and arrivals > 2": "a run has one measure of its load",
    "error_rate < 5 % at users <= 50 for 10 s": "'for 10 s' is too much; after the unit come",
    "error_rate < 5 % at users <= 50 at users >= 60": "'at users >= 60' is too much",
    "error_rate < 5 % at users <= 50 and users >= 60": "no load is users <= 50 and users >= 60",
    "error_rate < 5 % at users > 5 and users < 6": "no load is users > 5 and users < 6",
    "error_rate < 5 % at users = 2.5": "no load is users = 2.5",
    "error_rate < 5 % at users < 1": "no load is users < 1",
    "error_rate < 5 % at arrivals > 2 and arrivals <= 2": "no load is arrivals > 2 and arrivals <= 2",
    "error_rate < 5 % please": "'please' is too much",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_and_why(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(REFUSED[text])) as caught:
        check_limit(parse_slo(text))
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "load",
    [
        *("users <= 5 and users >= 5", "users > 5 and users < 7", "users < 2", "users > 0.5 and users < 1.5"),
        *("arrivals > 2 and arrivals < 2.1", "arrivals < 0.1", "in_flight > 3 and in_flight > 5"),
        *("users >= 10 and users <= 50", "users > 999999999999999", "arrivals = 2.5 and arrivals >= 1"),
    ],
)
def test_a_load_that_there_can_be_is_none_to_refuse(load: str) -> None:
    check_limit(parse_slo(f"error_rate < 5 % at {load}"))


def test_names_tell_figures_apart() -> None:
    names = [parse_slo(text).name for text in READ]
    assert {"p99(ok)", "p90(ok, endpoint login)", "status(429, endpoint login)", "error_rate"} <= set(names)


def test_only_targets_about_all_of_the_run_are_plain() -> None:
    plain = [text for text in READ if parse_slo(text).is_plain]
    assert "p99(ok) < 800 ms" in plain
    assert not any(word in text for text in plain for word in ("endpoint", " for ", " at "))
    assert all(parse_slo(text).is_plain for text in CASE_SLO)


def test_every_way_to_end_but_our_own_can_be_asked_for() -> None:
    assert set(ENDED) == set(OUTCOMES) - {"generator"}
    for word in ENDED:
        assert parse_slo(f"outcome({word}) <= 1 %").word == word


def test_the_page_shows_the_whole_grammar_and_every_example_on_it_is_one() -> None:
    page = PAGE.read_text()
    assert all(f"`{name}" in page for name in METRICS)
    assert all(f"`{word}`" in page for word in ENDED)
    examples = re.findall(r"^ {4}- (.+?)(?: {2,}.*)?$", page, re.MULTILINE)
    assert len(examples) >= 15
    for example in examples:
        parse_slo(example)


@pytest.mark.parametrize(("text", "errors"), [("error_rate <= 0.7 %", 7), ("error_rate <= 1.1 %", 11)])
def test_a_figure_at_its_limit_is_at_it(text: str, errors: int) -> None:
    assert parse_slo(text).holds(errors / 1000)
    assert not parse_slo(text.replace("<=", "<")).holds(errors / 1000)


def test_a_run_of_old_is_read_whatever_its_limits() -> None:
    assert parse_slo("error_rate < 0 %").limit == 0
