"""The report folder: all files, none half-written, verdict.json as promised."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from analysis.render import pictures, write
from analysis.render.windows_csv import windows_csv
from analysis.render.write import write_report
from analysis.verdict import Verdict
from analysis.windows import windows

from .builders import make_verdict, no_data_verdict
from .samples import make_samples

FILES = {
    "verdict.json",
    "report.html",
    "report.md",
    "junit.xml",
    "windows.csv",
    "error_rate_by_load.png",
    "error_rate_by_class.png",
    "errors_by_status.png",
    "errors_per_window.png",
    "latency.png",
    "latency_by_load.png",
}


def test_it_writes_every_file_and_returns_the_page(tmp_path: Path) -> None:
    out = tmp_path / "new" / "analysis"
    page = write_report(make_verdict(), windows(make_samples(500, 60.0)), out)
    assert page == out / "report.html"
    assert {path.name for path in out.iterdir()} == FILES
    assert Verdict.model_validate_json((out / "verdict.json").read_text()) == make_verdict()
    assert "for" in json.loads((out / "verdict.json").read_text())["suspects"][0]
    assert page.stat().st_size < 2_000_000


def test_a_report_is_for_its_owner_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_report(make_verdict(), windows(make_samples(5, 1.0)), tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_report(make_verdict(), windows(make_samples(500, 60.0)), tmp_path)
    write_report(no_data_verdict(), windows(make_samples(0, 0.0)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"error_rate_by_class.png"}
    assert json.loads((tmp_path / "verdict.json").read_text())["run_id"] == "empty"


def test_a_failing_picture_costs_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> dict[str, bytes]:
        raise RuntimeError("no font")

    monkeypatch.setattr(pictures, "pictures", fail)
    with pytest.raises(RuntimeError):
        write_report(make_verdict(), windows(make_samples(5, 1.0)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "verdict.json",
        "windows.csv",
        "junit.xml",
        "report.md",
    }


def test_a_failed_write_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "verdict.json").write_text("old")

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(write.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(make_verdict(), windows(make_samples(5, 1.0)), tmp_path)
    assert (tmp_path / "verdict.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["verdict.json"]


def test_windows_csv_holds_every_window() -> None:
    cut = windows(make_samples(1000, 100.0))
    rows = list(csv.DictReader(windows_csv(cut).splitlines()))
    assert len(rows) == len(cut)
    assert sum(int(row["requests"]) for row in rows) == 1000
    assert sum(int(row["errors"]) for row in rows) == sum(int(row["failures_503"]) for row in rows) == 100
    assert rows[1]["start_s"] == f"{cut.width_s:.6g}"


def test_windows_csv_of_nothing_is_a_header() -> None:
    lines = windows_csv(windows(make_samples(0, 0.0))).splitlines()
    assert lines == ["start_s,width_s,requests,errors,error_rate,users,in_flight,ok_p50_ms,ok_p99_ms"]
