"""The hand-made CSV of the case is read with what it says, and with what it cannot say."""

from pathlib import Path

import pytest

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
