"""F6, F7: a load generating process or the target stands still (SIGSTOP), for a while or for good."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest

from recording.reader import read_run
from tests.commands.conftest import wait_for
from tests.faults.harness import (
    LOAD,
    USERS,
    Bench,
    Going,
    Ledger,
    audit,
    check_said,
    findings_of,
    measured,
    verdict_of,
)
from tests.faults.line import Line, a_line

PATIENT = LOAD.replace("read_s: 2, total_s: 2", "read_s: 20, total_s: 20")


@pytest.mark.slow
def test_a_frozen_generator_makes_the_run_invalid(bench: Bench) -> None:
    """Its own standstill looks like the target's latency, so it must not pass for that."""
    going = bench.start(PATIENT % 10, ledger=bench.serve("steady"))
    going.until_finished(60)
    (worker,) = going.workers()
    worker.suspend()
    time.sleep(5)
    worker.resume()
    going.until_ended()
    check_said(going, 4, "INVALID")
    audit(going)
    measured(**findings_of(going))
    assert "generator_lag" in findings_of(going)
    assert verdict_of(going)["quality"]["complete"]


@pytest.mark.slow
def test_latencies_hold_nothing_of_a_standstill_too_short_to_matter(bench: Bench, other_bench: Bench) -> None:
    """Every answer takes 300 ms; those that a stopped generator reads late must not move the percentile."""
    undisturbed = other_bench.start(PATIENT % 10, ledger=other_bench.serve("even"))
    undisturbed.until_ended()
    audit(undisturbed)
    going = bench.start(PATIENT % 12, ledger=bench.serve("even"))
    (worker,) = going.workers()
    for requests in (30, 80):
        going.until_finished(requests)
        worker.suspend()
        time.sleep(0.4)
        worker.resume()
    going.until_ended()
    check_said(going, 0)
    audit(going)
    told = findings_of(going)
    usual, found = (verdict_of(one)["latency_ms"]["all"] for one in (undisturbed, going))
    slowest = float(read_run(going.folder.path).samples.duration_ms.max())
    measured(usual_p99_ms=usual["p99"], p99_ms=found["p99"], max_ms=found["max"], slowest_ms=slowest, **told)
    assert "stalled_requests" in told
    # As far as the machine's own pace allows; what was held up takes twice as long.
    assert found["p99"] == pytest.approx(usual["p99"], rel=0.25)
    assert slowest > 1.3 * found["p99"]


@pytest.mark.slow
def test_a_worker_that_is_frozen_for_long_is_named(bench: Bench) -> None:
    """Its master gives it up after ten silent seconds, so the run is incomplete (3); once it goes on it tells
    how long it stood, so the run is invalid too (4). Both are told; the exit code is that of the graver."""
    going = bench.start(PATIENT % 40, "--processes", "2", ledger=bench.serve("steady"))
    going.until_finished(60)
    worker = going.workers()[0]
    worker.suspend()
    time.sleep(30)
    worker.resume()
    going.until_ended()
    check_said(going, 4, "INVALID")
    audit(going)
    told = findings_of(going)
    measured(**told)
    (name,) = {event["node"] for event in going.folder.events() if event["kind"] == "node_lost"}
    assert told["node_lost"].startswith(f"{name} was lost")
    assert told["generator_lag"].startswith(f"The load generator {name} was late")
    verdict = verdict_of(going)
    assert (verdict["quality"]["valid"], verdict["quality"]["complete"]) == (False, False)


@dataclass(frozen=True)
class Silence:
    """The longest stretch without an answer on a line; it begins so long after the line's first request."""

    start_s: float
    duration_s: float
    in_flight: int
    oldest_s: float


def silence_on(line: Line) -> Silence:
    """What the line saw: its longest stretch without an answer and who waited in it."""
    seen = line.exchanges_seen()
    answered = [exchange.ended_s for exchange in seen if exchange.is_answered]
    marks = [*answered, seen[-1].ended_s]
    begin_s, end_s = max(pairwise(marks), key=lambda gap: gap[1] - gap[0])
    waited = [one for one in seen if one.asked_s < end_s and one.ended_s > begin_s]
    at_once = [sum(two.asked_s <= one.asked_s < two.ended_s for two in waited) for one in waited]
    oldest_s = max(min(one.ended_s, end_s) - one.asked_s for one in waited)
    start_s = begin_s - min(one.asked_s for one in seen)
    return Silence(start_s, end_s - begin_s, max(at_once), oldest_s)


def stop(ledger: Ledger) -> float:
    """Have the target stand still; returns the moment on the wall clock."""
    moment_s = time.time()
    ledger.target.process.send_signal(signal.SIGSTOP)
    return moment_s


def check_freeze(going: Going, line: Line, stopped_s: float) -> None:
    """The verdict tells of one freeze, as the line saw it, and from when on the target stood still."""
    (freeze,) = verdict_of(going)["freezes"]
    seen = silence_on(line)
    stopped_after_s = stopped_s - float(read_run(going.folder.path).samples.start_s.min())
    measured(**freeze)
    measured(on_the_line=seen, stopped_after_s=round(stopped_after_s, 3))
    assert freeze["start_s"] == pytest.approx(stopped_after_s, abs=0.5)
    assert freeze["start_s"] == pytest.approx(seen.start_s, abs=0.5)
    assert freeze["duration_s"] == pytest.approx(seen.duration_s, abs=0.5)
    assert freeze["in_flight"] == seen.in_flight == USERS
    assert freeze["oldest_s"] == pytest.approx(seen.oldest_s, abs=0.1)
    page = (going.folder.analysis_dir / "report.md").read_text()
    assert f"{USERS} requests waiting, the oldest for " in page


@pytest.mark.slow
@pytest.mark.parametrize("frozen_s", [3.0, 5.0])
def test_a_target_that_freezes_and_recovers_is_found_out(bench: Bench, frozen_s: float) -> None:
    """Every answer takes 300 ms, so that the oldest waits for longer than the silence lasts."""
    ledger = bench.serve("even")
    with a_line(bench, ledger, "0") as line:
        going = bench.start(PATIENT % 10, ledger=ledger)
        going.until_finished(50)
        stopped_s = stop(ledger)
        time.sleep(frozen_s)
        ledger.target.process.send_signal(signal.SIGCONT)
        going.until_ended()
    verdict = verdict_of(going)
    check_said(going, 1 if verdict["quality"]["valid"] else 4)
    audit(going)
    check_freeze(going, line, stopped_s)
    (freeze,) = verdict["freezes"]
    assert freeze["duration_s"] == pytest.approx(frozen_s, abs=0.5)


def test_a_target_that_freezes_for_good_does_not_pass(bench: Bench) -> None:
    """Each user waits for 3 s, again and again; no more than that is the oldest request's age."""
    ledger = bench.serve("steady")
    target = ledger.target.process
    with a_line(bench, ledger, "0") as line:
        going = bench.start(PATIENT.replace("20", "3") % 6, ledger=ledger)
        going.until_finished(60)
        stopped_s = stop(ledger)
        going.until_ended()
        target.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    verdict = verdict_of(going)
    check_said(going, 1 if verdict["quality"]["valid"] else 4)
    check_freeze(going, line, stopped_s)
    audit(going)


STRICT = PATIENT.replace("20", "8") + "slo: [error_rate < 1 %%]\n"
"""Who waits when the target stops still waits when the load is over, and no target is about freezes."""
ENDLESS = PATIENT.replace("20", "60") % 60 + "slo: [error_rate < 1 %]\n"


def check_failed(going: Going, outcome: str) -> None:
    """What every user waits for at the end was recorded with this outcome; that failed, and nothing else."""
    verdict, outcomes = verdict_of(going), Counter(read_run(going.folder.path).samples.outcome.to_list())
    measured(**outcomes, error_rate=verdict["error_rate"]["value"])
    assert outcomes == {"ok": outcomes["ok"], outcome: USERS}
    requests = outcomes.total()
    assert (verdict["requests"], verdict["errors"]) == (requests, USERS)
    assert verdict["error_rate"]["value"] == USERS / requests
    (target,) = verdict["slo"]
    assert (target["name"], target["value"], target["outcome"]) == ("error_rate", USERS / requests, "missed")
    # Only now may the target read what it was sent.
    going.ledger.target.process.send_signal(signal.SIGCONT)
    wait_for(lambda: going.ledger.read_so_far() >= requests)
    assert audit(going).unfinished == outcomes["unfinished"] == verdict["unfinished"]


@pytest.mark.slow
def test_who_still_waits_after_the_load_has_failed(bench: Bench) -> None:
    """The target never answers again; each of them waits to its own time limit."""
    going = bench.start(STRICT % 6, ledger=bench.serve("steady"))
    going.until_finished(60)
    stop(going.ledger)
    going.until_ended()
    assert going.process.returncode == (1 if verdict_of(going)["quality"]["valid"] else 4), going.output
    check_failed(going, "total_timeout")


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_who_is_not_waited_for_any_longer_has_failed(bench: Bench, processes: str) -> None:
    """The second Ctrl-C ends the run while they wait. That it is incomplete is told before its targets."""
    going = bench.start(ENDLESS, "--processes", processes, ledger=bench.serve("steady"))
    going.until_finished(60)
    stop(going.ledger)
    time.sleep(1)  # now each of them has sent its last one
    going.process.send_signal(signal.SIGINT)
    wait_for(lambda: "interrupted" in {event["kind"] for event in going.folder.events()})
    going.process.send_signal(signal.SIGINT)
    going.until_ended()
    check_said(going, 3, "interrupted", "error_rate < 1 %")
    check_failed(going, "unfinished")
