"""The hand-made CSV of the case is read with what it says, and with what it cannot say."""

from pathlib import Path

import numpy as np
import pytest

from analysis.diagnose import diagnose
from recording.errors import NoDataError, UsageError
from recording.foreign import csv_file
from recording.reader import read_run

HEADER = "request_id,http_code,duration_ms,timestamp\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "results.csv"
    path.write_text(text)
    return path


def test_codes_become_outcomes(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, HEADER + "1,200,12,100\n2,503,20,101\n3,000,5000,102\n4,401,9,103\n"))
    assert run.samples.status.tolist() == [200, 503, 0, 401]
    assert run.samples.outcome.to_list() == ["ok", "http_error", "unknown", "http_error"]
    assert run.samples.is_error.sum() == 3


def test_it_says_what_it_lacks(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, HEADER + "1,200,12,100\n"))
    assert {"users", "message", "endpoint", "unfinished", "sub_second_time"} <= run.lacks


def test_users_and_fractions_are_used_where_they_are(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, HEADER.strip() + ",users\n1,200,12,100.25,7\n"))
    assert run.samples.users.tolist() == [7]
    assert not {"users", "sub_second_time"} & run.lacks


@pytest.mark.parametrize("text", [HEADER + "1,200,abc,100\n", HEADER + "1,200\n"])
def test_a_bad_row_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"results\.csv"):
        read_run(write(tmp_path, text))


def test_a_header_alone_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="no requests"):
        read_run(write(tmp_path, HEADER))


def test_another_file_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no known format"):
        read_run(write(tmp_path, "a,b\n1,2\n"))


def test_a_file_read_in_many_pieces_is_the_file_read_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f"{i},{'503' if i % 7 == 0 else '200'},{i % 90}.5,{1000 + i / 10:.1f},{i % 5}" for i in range(500)
    ]
    lines[40], lines[333], lines[444] = "40,200,abc,1004.0,1", "333,200", "444,000,5000,9e9,1"
    path = write(tmp_path, HEADER.strip() + ",users\n" + "\n".join(lines))
    whole = read_run(path)
    monkeypatch.setattr(csv_file, "BLOCK", 700)
    pieces = read_run(path)
    assert pieces.samples.to_table().equals(whole.samples.to_table())
    assert (pieces.bad_lines, pieces.lacks) == (whole.bad_lines, whole.lacks) == (3, whole.lacks)
    assert len(pieces.samples) == 497


def test_only_bad_lines_in_many_pieces_are_still_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK", 64)
    with pytest.raises(UsageError, match="none of the 100 lines"):
        read_run(write(tmp_path, HEADER + "1,200,abc,100\n" * 100))


EPOCH_S = 1_764_000_000.0


def frozen_for_5_s(origin_s: float, per_s: float, users: bool = True, think_s: float = 0.3) -> str:
    """Ten users for two minutes, stamps in some unit; from second 60 to 65 nothing is answered."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(10):
        time_s = rng.uniform(0, think_s)
        while time_s < 120:
            done_s = time_s + 0.03
            if 60 <= done_s < 65:
                done_s = 65 + rng.uniform(0, 0.03)
            rows.append((time_s, done_s - time_s))
            time_s = done_s + rng.uniform(0.5, 1.5) * think_s
    lines = [
        f"{i},200,{lasted_s * 1000:.1f},{(origin_s + time_s) * per_s:.3f}{',10' if users else ''}"
        for i, (time_s, lasted_s) in enumerate(sorted(rows))
    ]
    return HEADER.strip() + (",users\n" if users else "\n") + "\n".join(lines) + "\n"


@pytest.mark.parametrize("per_s", [1, 1e3, 1e6, 1e9])
def test_epoch_stamps_tell_their_unit(tmp_path: Path, per_s: float) -> None:
    verdict = diagnose(read_run(write(tmp_path, frozen_for_5_s(EPOCH_S, per_s))))
    (freeze,) = verdict.freezes
    assert verdict.duration_s == pytest.approx(120, abs=1)
    assert freeze.start_s == pytest.approx(60, abs=0.5)
    assert freeze.duration_s == pytest.approx(5, abs=0.5)
    assert {slo.name: slo.outcome for slo in verdict.slo}["freeze"] == "missed"


def test_seconds_since_the_start_are_seconds_where_anything_else_is_impossible(tmp_path: Path) -> None:
    for users in (True, False):
        verdict = diagnose(read_run(write(tmp_path, frozen_for_5_s(0.0, 1, users))))
        (freeze,) = verdict.freezes
        assert freeze.duration_s == pytest.approx(5, abs=0.5)


def test_microseconds_that_last_longer_than_any_test_as_anything_else_are_told(tmp_path: Path) -> None:
    lines = [f"{i},200,{900_000 if i % 2 else 880_000},{i * 9e11},1" for i in range(1, 4000)]
    run = read_run(write(tmp_path, HEADER.strip() + ",users\n" + "\n".join(lines) + "\n"))
    assert "time_unit" not in run.lacks
    assert np.diff(run.samples.start_s) == pytest.approx(900)


@pytest.mark.parametrize("per_s", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("users", [True, False])
def test_stamps_that_may_be_of_several_units_are_not_guessed_at(
    tmp_path: Path, per_s: float, users: bool
) -> None:
    """33 hours in which a user waits for 30 ms and thinks for 5 min are odd, and not impossible."""
    run = read_run(write(tmp_path, frozen_for_5_s(0.0, per_s, users)))
    assert {"time_unit", "request_times"} <= run.lacks
    assert run.bad_lines == 0
    verdict = diagnose(
        run, ["freeze < 2 s", "throughput > 1 per s", "error_rate < 5 %", "error_rate < 9 % for 5 s"]
    )
    assert [slo.outcome for slo in verdict.slo] == ["no_data", "no_data", "met", "no_data"]
    assert (verdict.freezes, verdict.duration_s) == ([], 0)
    assert "no_time_unit" in {finding.code for finding in verdict.quality.findings}
    assert "no_request_times" not in {finding.code for finding in verdict.quality.findings}
    assert verdict.load_effect.why.startswith("the time stamps of this file may be seconds or a smaller unit")
