"""What the target's own figures say: phases against load, resources used up, probes that failed."""

from __future__ import annotations

import numpy as np
import pytest
from readings_builder import failing, phase_log, pool, readings_of, seconds_and_users, steady
from run_builder import START_S, make_run

from analysis.diagnose import diagnose
from analysis.levels import cut_levels
from analysis.quality import quality
from analysis.server import server as server_of_rows
from analysis.usable import usable
from analysis.verdict import Server
from analysis.windows import cut_run
from recording.run import Readings, Run


def server_of(run: Run) -> Server:
    """The server's part of the verdict alone: a whole diagnosis takes a hundred times as long."""
    rows = usable(run.samples)
    levels = cut_levels(rows.samples, rows.samples.users.astype(float))
    found = server_of_rows(run.readings, rows, levels, START_S, "users")
    assert found is not None
    return found


def test_the_phase_that_grows_is_named_with_its_interval_and_share() -> None:
    log = phase_log(lock=lambda users: 2.0 * users, bcrypt=steady(80), token=steady(0.2))
    server = server_of(make_run(errors=0.05, readings=log))
    answers = {phase.name: phase.with_load for phase in server.phases}
    assert answers["lock"] == "grows"
    assert answers["bcrypt"] == "constant"
    assert answers["token"] != "grows"
    lock = server.phases[0]
    assert lock.name == "lock"
    assert lock.low is not None
    assert lock.low < 36 < lock.high
    assert [level.users_low for level in lock.levels] == [2, 6, 11, 16, 20]
    top = lock.levels[-1]
    assert top.own_ms.low < 40 < top.own_ms.high
    assert top.share == pytest.approx(40 / 120, abs=0.05)
    assert server.phases_text.startswith("lock grows with load: ")
    assert "at 2 users" in lock.why
    assert sum(p.share for p in server.phases if p.name != "total") == pytest.approx(1, abs=0.02)


def test_time_that_no_phase_accounts_for_is_a_phase_of_its_own() -> None:
    log = phase_log(bcrypt=steady(50), queue=lambda users: 5.0 * users)
    kept = log.labels != "queue"
    left = Readings(*(getattr(log, f)[kept] for f in ("time_s", "source", "name", "labels", "value")))
    server = server_of(make_run(errors=0.05, readings=left))
    assert server.phases[0].name == "other"
    assert server.phases[0].with_load == "grows"


def test_a_phase_that_does_not_grow_is_rarely_said_to() -> None:
    false_alarms = 0
    for seed in range(60):
        log = phase_log(seed, noise=0.5, lock=steady(20), bcrypt=steady(80))
        server = server_of(make_run(seed=seed, per_user_s=0.1, readings=log))
        false_alarms += any(phase.with_load in ("grows", "falls") for phase in server.phases)
    assert false_alarms <= 3


def test_too_few_lines_are_no_answer() -> None:
    log = phase_log(lock=lambda users: 2.0 * users)
    few = log.time_s < START_S + 4
    cut = Readings(*(getattr(log, f)[few] for f in ("time_s", "source", "name", "labels", "value")))
    server = server_of(make_run(errors=0.05, readings=cut))
    assert {phase.with_load for phase in server.phases} == {"inconclusive"}
    assert "too few lines" in server.phases[0].why


def test_a_pool_that_is_used_up_elsewhere_does_not_lead_to_errors() -> None:
    late = server_of(failing(pool(lambda users: np.where(users < 8, 10.0, 5.0))))
    assert late.limits[0].leads is False


def test_errors_that_came_first_were_not_caused_by_the_limit() -> None:
    time_s, users = seconds_and_users()
    active = np.where((users > 12) & (time_s > 500), 10.0, 1.0)
    found = readings_of(
        (time_s, "pool_active", "m", active), (time_s, "pool_max", "m", np.full(len(time_s), 10.0))
    )
    server = server_of(failing(found))
    assert server.limits[0].leads is False


def test_figures_are_told_per_level() -> None:
    server = server_of(failing(pool(lambda users: users / 2)))
    figure = next(f for f in server.figures if f.signal == "pool_active")
    assert [(level.users_low, level.mean, level.max) for level in figure.levels][-1] == (
        20,
        pytest.approx(10, abs=0.3),
        10,
    )


def test_a_run_without_probes_has_no_such_part() -> None:
    assert diagnose(failing(None)).server is None


@pytest.mark.parametrize(
    ("event", "severity", "text"),
    [
        (
            {"probe": "metrics", "problems": [{"text": "5 of 60 readings failed (no answer in time)"}]},
            "note",
            "Probe 'metrics': 5 of 60 readings failed (no answer in time).",
        ),
        (
            {
                "probe": "metrics",
                "problems": [
                    {"text": "pool_active was there and vanished", "grave": True, "at_s": START_S + 12.2}
                ],
            },
            "warning",
            "Probe 'metrics': pool_active was there and vanished (at 12",
        ),
        (None, "warning", "ended before the run did: those of metrics may be missing"),
    ],
)
def test_what_went_wrong_with_a_probe_is_one_finding(
    event: dict[str, object] | None, severity: str, text: str
) -> None:
    events = [{"time_s": START_S, "kind": "probes_begun", "probes": ["metrics"]}]
    if event is not None:
        events.append({"time_s": START_S + 600, "kind": "probe_ended", **event})
    run = make_run(errors=0.05, users=[5], events=tuple(events))
    rows = usable(run.samples)
    judged = quality(run, rows, cut_run(run, rows))
    found = [f for f in judged.findings if f.code.startswith("probe")]
    assert len(found) == 1
    assert found[0].severity == severity
    assert text in found[0].text
    assert judged.valid
