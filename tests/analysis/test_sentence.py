"""The sentence and what would change it: a person must be able to act on them."""

from __future__ import annotations

import numpy as np
import pytest
from run_builder import by_load, by_time, make_run, shuffled_steps

from analysis import phrases
from analysis.diagnose import diagnose
from recording.run import LogHealth


def test_a_knee_is_told_with_its_interval():
    errors = by_load(lambda users: 0.004 + 0.95 * np.maximum(0, 1 - 17 / users))
    verdict = diagnose(make_run(users=shuffled_steps(3, (4, 8, 14, 20, 28, 36)), errors=errors))
    knee = verdict.knee
    where = f"{phrases.load(knee.users)} users ({phrases.load(knee.low)}–{phrases.load(knee.high)})"
    assert f"they begin at about {where}" in verdict.sentence
    assert " below " in verdict.sentence
    assert f"below {phrases.load(knee.low)} users" in verdict.what_would_change


def test_bursts_are_told_with_their_period():
    verdict = diagnose(make_run(step_s=45, errors=by_time(lambda t: np.where((t - 12) % 30 < 5, 0.8, 0.004))))
    assert verdict.sentence.startswith("Errors come in bursts every 30 s (")
    assert verdict.temporal.period_s == pytest.approx(30, abs=0.5)


def test_constant_names_what_is_excluded_and_what_is_not():
    verdict = diagnose(make_run(errors=0.166))
    bounds = phrases.points_range(verdict.load_effect.low, verdict.load_effect.high)
    assert f"from 2 to 20 users a change beyond {bounds} points is ruled out" in verdict.what_would_change


def test_an_undecided_run_names_the_next_one():
    verdict = diagnose(make_run(users=[10] * 20, errors=0.166))
    assert verdict.next_run.scenario in verdict.what_would_change
    assert verdict.next_run.why in verdict.what_would_change


def test_an_untrusted_run_asks_for_a_sound_one_first():
    verdict = diagnose(make_run(errors=0.1, health=LogHealth(nodes_without_end=("w1",))))
    assert verdict.sentence.startswith("Cut short after 600 s: errors do not")
    assert verdict.what_would_change.startswith("The same run brought to its end")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1.4196, "142 %"), (1.0, "100 %"), (0.99996, "99.99 %"), (0.00999999, "1 %"), (0.0042, "0.42 %")],
)
def test_shares_are_written_with_as_many_decimals_as_they_need(ratio, text):
    assert phrases.percent(ratio) == text
