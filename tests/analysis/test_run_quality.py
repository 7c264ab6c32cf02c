"""Quality: what makes a run invalid, incomplete or merely noteworthy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from run_builder import START_S, by_time, make_run

from analysis.diagnose import diagnose
from analysis.gate import INCOMPLETE, MISSED, gate_code
from recording.run import LogHealth, Readings
from recording.sample import Category, Samples


def codes(run):
    quality = diagnose(run).quality
    return {finding.code: finding.severity for finding in quality.findings}, quality


def readings(**series):
    rows = [(START_S + i, name, value) for name, values in series.items() for i, value in enumerate(values)]
    return Readings(
        np.array([r[0] for r in rows]),
        np.full(len(rows), "generator"),
        np.array([r[1] for r in rows]),
        np.full(len(rows), "node-1"),
        np.array([r[2] for r in rows], float),
    )


def test_a_whole_run_is_valid_and_complete():
    found, quality = codes(
        make_run(health=LogHealth(nodes=("local",)), readings=readings(cpu_percent=[20] * 100))
    )
    assert quality.valid
    assert quality.complete
    assert found == {}


def test_an_empty_run_is_invalid_and_never_complete():
    found, quality = codes(replace(make_run(), samples=Samples.empty()))
    assert found["no_data"] == "invalid"
    assert not quality.valid
    assert not quality.complete


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (LogHealth(nodes_without_end=("w1",)), "cut_short"),
        (LogHealth(bad_frames=2), "bad_frames"),
        (LogHealth(missing_frames=1), "missing_frames"),
        (LogHealth(dropped_rows=7), "dropped_rows"),
    ],
)
def test_a_damaged_log_makes_the_run_incomplete(health, code):
    found, quality = codes(make_run(health=health))
    assert found[code] == "incomplete"
    assert quality.valid
    assert not quality.complete


def test_what_was_left_out_of_the_logs_is_told():
    whole = LogHealth(nodes=("w1",))
    found, quality = codes(make_run(health=replace(whole, repeated_frames=3, repeated_requests=40)))
    assert found["repeated_frames"] == "warning"
    assert quality.complete
    strangers = replace(whole, strangers=("w2.log",), stranger_requests=7)
    found, quality = codes(make_run(health=strangers))
    assert found["foreign_frames"] == "warning"
    assert quality.complete
    found, quality = codes(make_run(health=replace(strangers, contested=("w1",))))
    assert found["foreign_frames"] == "incomplete"
    assert not quality.complete


def test_a_lost_node_and_an_interruption_make_it_incomplete():
    lost = {"time_s": START_S, "kind": "node_lost", "node": "w2"}
    stopped = {"time_s": START_S, "kind": "interrupted", "elapsed_s": 42.0, "planned_s": 140}
    found, _ = codes(make_run(events=(lost, stopped)))
    assert found["node_lost"] == found["interrupted"] == "incomplete"
    assert diagnose(make_run(events=(stopped,), errors=0.1)).sentence.startswith("Cut short after 600 s: ")


@pytest.mark.parametrize(("percent", "severity"), [(0.5, "warning"), (3, "invalid")])
def test_own_failures_are_never_counted_against_the_target(percent, severity):
    run = make_run()
    outcome = np.array(run.samples.outcome.to_list(), dtype=object)
    rows = np.arange(len(outcome)) % round(100 / percent) == 0
    outcome[rows] = "generator"
    found, _ = codes(replace(run, samples=replace(run.samples, outcome=Category.of(outcome.tolist()))))
    assert found["generator_errors"] == severity
    verdict = diagnose(replace(run, samples=replace(run.samples, outcome=Category.of(outcome.tolist()))))
    assert verdict.errors == 0
    assert verdict.requests == len(run.samples) - rows.sum()


def test_a_saturated_generator_makes_the_run_invalid():
    found, quality = codes(make_run(errors=0.1, readings=readings(cpu_percent=[50] * 90 + [99] * 10)))
    assert found["generator_cpu"] == "invalid"
    assert not quality.valid


def test_a_busy_moment_of_the_generator_is_a_note():
    found, quality = codes(make_run(readings=readings(cpu_percent=[50] * 99 + [99])))
    assert found["generator_cpu"] == "note"
    assert quality.valid


def test_a_generator_that_waits_for_its_core_is_as_busy_as_one_that_uses_it():
    run = make_run(readings=readings(cpu_percent=[0] * 5 + [15] * 95, cpu_wait_percent=[80] * 95))
    found, quality = codes(run)
    assert found["generator_cpu"] == "invalid"
    assert "waited up to 80 %, while others had the core" in quality.findings[0].text
    shifted = replace(run.readings, time_s=run.readings.time_s + np.where(run.readings.value == 80, 5, 0))
    assert "in 95 % of the time" in codes(replace(run, readings=shifted))[1].findings[0].text


def test_waiting_for_most_of_the_time_is_a_warning():
    waits = {"cpu_percent": [9] * 99, "cpu_wait_percent": [49] * 60 + [10] * 39}
    assert codes(make_run(readings=readings(**waits)))[0] == {"generator_waits": "warning"}
    waits["cpu_wait_percent"] = [49] * 40 + [16] * 59
    assert codes(make_run(readings=readings(**waits)))[0] == {}


def test_a_late_loop_is_a_warning_when_rare_and_invalid_when_not():
    assert codes(make_run(readings=readings(loop_lag_ms=[1] * 499 + [150])))[0]["generator_lag"] == "warning"
    assert (
        codes(make_run(readings=readings(loop_lag_ms=[1] * 380 + [150] * 20)))[0]["generator_lag"]
        == "invalid"
    )


def test_users_that_never_came_are_a_warning():
    found, _ = codes(make_run(readings=readings(users_wanted=[20] * 50, users_running=[12] * 50)))
    assert found["users_missing"] == "warning"


@pytest.mark.parametrize(
    ("running", "severity"),
    [
        ([20] * 50, None),
        ([8] * 5 + [20] * 45, None),  # a slow machine, which takes its time to make them
        ([8] * 20 + [20] * 30, "warning"),
        ([20] * 12 + [0] * 38, "incomplete"),  # all of them ended early
    ],
)
def test_a_run_that_lost_most_of_its_users_is_incomplete(running, severity):
    found, quality = codes(make_run(readings=readings(users_wanted=[20] * 50, users_running=running)))
    assert found.get("users_missing") == severity
    assert quality.complete == (severity != "incomplete")


@pytest.mark.parametrize(("broken", "severity"), [(0, None), (4, "warning"), (40, "invalid")])
def test_turns_that_a_behaviour_broke_off_are_the_generators_own_fault(broken, severity):
    text = "KeyError in shop.py:4: 'missing'"
    event = {"kind": "turn_broken", "time_s": START_S, "node": "node-1", "text": text}
    counts = readings(turns_begun=[100, 1000], turns_broken=[0, broken])
    run = make_run(readings=counts, events=(event,))
    found, quality = codes(run)
    assert found.get("behaviour_errors") == severity
    assert quality.valid == (severity != "invalid")
    if severity == "invalid":
        assert "turns of the behaviour broke off" in diagnose(run).sentence
        (told,) = [finding.text for finding in quality.findings if finding.code == "behaviour_errors"]
        assert told.startswith(
            f"40 turns (4 %) broke off because the Python behaviour raised an exception though every "
            f"answer was right: {text}."
        )


CUT_OFF = {"kind": "cut_off", "time_s": START_S + 42, "elapsed_s": 42.0, "planned_s": 600.0, "quiet_s": 30.4}


@pytest.mark.parametrize(
    ("slo", "severity", "code"),
    [
        (["error_rate < 50 %"], "incomplete", INCOMPLETE),
        (["error_rate < 5 %"], "warning", MISSED),
        (["error_rate < 50 %", "p99 < 1 ms"], "warning", MISSED),
        (["status(200) > 1 %", "p99 < 1 ms for 900 s"], "incomplete", INCOMPLETE),  # no data
    ],
)
def test_a_run_that_was_cut_off_is_incomplete_unless_it_has_missed_a_target(slo, severity, code):
    verdict = diagnose(make_run(errors=0.2, events=(CUT_OFF,)), slo)
    (finding,) = (finding for finding in verdict.quality.findings if finding.code == "cut_off")
    assert finding.severity == severity
    assert finding.text.startswith("The load was ended after 42 s of 600 s: nothing could connect for 30 s.")
    assert gate_code(verdict) == code
    assert verdict.sentence.startswith("Cut short after ") == (severity == "incomplete")
    assert verdict.what_would_change.startswith("The same run once the target is back")
    assert verdict.next_run is None


def test_what_else_is_missing_of_a_run_that_was_cut_off_stays_missing():
    run = make_run(errors=0.2, events=(CUT_OFF,), health=LogHealth(missing_frames=1))
    assert gate_code(diagnose(run, ["error_rate < 5 %"])) == INCOMPLETE


def test_an_event_that_holds_something_else_is_told_all_the_same():
    found = diagnose(make_run(events=({"kind": "cut_off", "time_s": START_S, "elapsed_s": "x"},))).quality
    assert any("ended after an unknown time" in finding.text for finding in found.findings)


@pytest.mark.parametrize("waited", [0, 1, 180])
def test_attempts_that_waited_are_told(waited):
    found, quality = codes(make_run(readings=readings(attempts_backed_off=[0, waited])))
    assert found.get("backed_off") == ("note" if waited else None)
    if waited:
        text = next(finding.text for finding in quality.findings if finding.code == "backed_off")
        assert text.startswith(f"{waited} attempt{'s' if waited > 1 else ''} waited until a second")


def test_a_behaviour_that_raises_before_it_sends_anything_is_named():
    run = replace(make_run(readings=readings(turns_begun=[9], turns_broken=[9])), samples=Samples.empty())
    assert codes(run)[0]["behaviour_errors"] == "invalid"


def test_times_that_are_no_times_are_dropped_and_counted():
    run = make_run(errors=0.1)
    run.samples.duration_ms[:4] = [np.nan, np.inf, -1, -np.inf]
    run.samples.start_s[4] = np.nan
    verdict = diagnose(run)
    assert verdict.requests == len(run.samples) - 5
    assert "broken_times" in {finding.code for finding in verdict.quality.findings}


def test_warm_up_failures_are_noted():
    found, _ = codes(make_run(errors=by_time(lambda t: np.where(t < 20, 0.5, 0.0))))
    assert found["warm_up_errors"] == "note"


def test_a_foreign_file_says_what_it_cannot_tell():
    found, _ = codes(make_run(lacks=frozenset({"readings", "message", "unfinished"})))
    assert found["generator_unknown"] == "note"


def test_a_hiccup_in_a_short_run_is_a_warning_only() -> None:
    assert (
        codes(make_run(readings=readings(loop_lag_ms=[1] * 38 + [150] * 2)))[0]["generator_lag"] == "warning"
    )


def test_one_long_standstill_makes_the_run_invalid() -> None:
    """A process that was stopped for three seconds has a single late reading."""
    found, quality = codes(make_run(readings=readings(loop_lag_ms=[1] * 99 + [3000])))
    assert found["generator_lag"] == "invalid"
    assert not quality.valid


def test_a_step_of_the_wall_clock_is_told_and_costs_nothing() -> None:
    found, quality = codes(make_run(health=LogHealth(nodes=("local",), clock_step_s=-3600.0)))
    assert found["clock_stepped"] == "note"
    assert quality.valid
    assert quality.complete


def test_names_that_were_too_many_are_told_and_cost_nothing() -> None:
    found, quality = codes(make_run(health=LogHealth(nodes=("local",), names_folded=12)))
    assert found["names_folded"] == "note"
    assert quality.valid
    assert quality.complete


def test_a_run_folder_without_manifest_or_readings_is_incomplete() -> None:
    found, quality = codes(make_run(source="run_folder"))
    assert {"manifest_missing", "readings_missing"} <= set(found)
    assert not quality.complete


def test_a_node_that_left_no_log_is_missed() -> None:
    health = LogHealth(nodes=("worker-0",))
    found, quality = codes(make_run(health=health, manifest={"nodes": ["worker-0", "worker-1"]}))
    assert found["node_silent"] == "incomplete"
    assert not quality.complete


def two_workers(users_left: list[int], plan: list[float], unit: str = "users", **counts: list[int]):
    """A run of 100 s: worker-0 ends after 21 s without an end mark, worker-1 goes on."""
    series = [("worker-0", "users_running", [6] * 21), ("worker-1", "users_running", users_left)]
    series += [("worker-1", name, values) for name, values in counts.items()]
    rows = [(START_S + i, name, v, node) for node, name, values in series for i, v in enumerate(values)]
    time_s, name, value, node = zip(*rows, strict=True)
    told = Readings(
        np.array(time_s),
        np.full(len(rows), "generator"),
        np.array(name),
        np.array(node),
        np.array(value, float),
    )
    part = {"part": "", "unit": unit, "stages": [[0, 100, *plan]]}
    manifest = {"start_s": START_S, "planned_load": [part]}
    health = LogHealth(nodes=("worker-0", "worker-1"), nodes_without_end=("worker-0",))
    run = make_run(users=[12], step_s=100, readings=told, manifest=manifest, health=health)
    return next(one.text for one in diagnose(run).quality.findings if one.code == "cut_short")


def test_what_a_killed_worker_takes_from_the_load_is_told() -> None:
    text = two_workers([6] * 101, [12, 12])
    assert text.startswith(
        "The log of worker-0 (last entry after 20 s with 6 of 12 users; 50 % of the load planned from then "
        "on is missing) has no end mark"
    )


def test_others_that_take_its_users_over_leave_less_missing() -> None:
    """Half of them for 16 of 80 seconds."""
    text = two_workers([6] * 37 + [12] * 64, [12, 12])
    assert "with 6 of 12 users; 10 % of the load" in text


def test_arrivals_that_a_killed_worker_would_have_sent_are_missing() -> None:
    text = two_workers([1] * 101, [4, 4], "arrivals/s", arrivals_due=[3 * i for i in range(101)])
    assert "(last entry after 20 s; 25 % of the load planned from then on is missing)" in text


def test_where_no_log_goes_on_nothing_is_said_to_be_missing() -> None:
    assert "worker-0 (last entry after 20 s) has no end mark" in two_workers([6] * 21, [12, 12])
