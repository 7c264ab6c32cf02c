"""The list of all runs: every folder a row, the newest first, whatever is in it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from rich.console import Console

from analysis.gate import WORDS, gate_code
from analysis.index import Row, rows, series_of
from analysis.render.index_html import LOAD, MOST_CHOICES, MOST_SERIES, Listing, index_html
from analysis.render.windows_csv import windows_csv
from analysis.render.wording import percent
from analysis.trace import HEAD, MOST_PARTS, trace_of
from analysis.verdict import Interval, Quality, Verdict
from analysis.windows import windows
from commands.all_runs import keep_index, runs_dir_of, write_index
from recording.past import MOST_BYTES, past_folders, past_runs

from .builders import HOSTILE, hostile_verdict, make_verdict, no_data_verdict
from .samples import make_samples
from .test_html import Page

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = windows_csv(windows(make_samples(1000, 100.0)))
NAME = "20260101T120000Z-steps"
NONE = Quality(valid=True, complete=True)
HOSTILE_NAMES = (
    '20260102T120000Z-"><script>alert(1)<',
    "20260102T120001Z-a b%2e%2e&c#d?e;f",
    "20260102T120002Z-javascript:alert(1)",
    "20260102T120003Z-line\nbreak\x1b[2J\u202e",
    "a..%2f..%2fetc",
    os.fsdecode(b"20260102T120004Z-\xff\xfe"),
)


class IndexPage(Page):
    """The page's elements; inputs have no end."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "input":
            self.open.pop()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]

    def links(self) -> list[str]:
        return [link for attributes in self.all("a") if (link := attributes["href"] or "")[0] != "#"]

    def rows(self) -> list[set[str]]:
        """The classes of each row."""
        return [set((a.get("class") or "").split()) for a in self.all("tr") if "class" in a]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "runs"


def put(
    runs: Path,
    name: str = NAME,
    verdict: Verdict | bytes | None = None,
    manifest: dict[str, Any] | bytes | None = None,
) -> Path:
    """A run's folder as its last command left it; without `verdict` as before the first diagnosis."""
    folder = runs / name
    (folder / "analysis").mkdir(parents=True)
    told = manifest if isinstance(manifest, bytes) else json.dumps({"format": 1} | (manifest or {})).encode()
    (folder / "manifest.json").write_bytes(told)
    if verdict is not None:
        content = verdict if isinstance(verdict, bytes) else verdict.to_json().encode()
        (folder / "analysis/verdict.json").write_bytes(content)
        (folder / "analysis/windows.csv").write_text(WINDOWS)
        (folder / "analysis/report.html").write_text("page")
    return folder


def listed(runs: Path) -> list[Row]:
    return rows(past_runs(runs))


def page_of(runs: Path) -> IndexPage:
    page = IndexPage(write_index(runs).read_text())
    assert page.open == []
    return page


def test_runs_are_listed_the_newest_first_and_those_without_a_time_last(runs: Path) -> None:
    put(runs, "20260301T000000Z-by-its-name")
    put(runs, "20260101T000000Z-late", make_verdict(started_utc="2026-04-01T10:00:00+00:00"))
    put(runs, "a-name", manifest={"start_utc": "2026-02-01T01:00:00+02:00"})
    put(runs, "zzz")
    put(runs, "20269999T000000Z-no-moment")
    found = listed(runs)
    assert [row.name for row in found[:3]] == [
        "20260101T000000Z-late",
        "20260301T000000Z-by-its-name",
        "a-name",
    ]
    assert found[2].time == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert {row.name for row in found[3:]} == {"zzz", "20269999T000000Z-no-moment"}
    assert found[1].scenario == "by-its-name"
    lines = [line.strip() for line in page_of(runs).text.splitlines()]
    times = [line for line in lines if line.startswith(("2026-", "time"))]
    assert times == ["2026-04-01 10:00", "2026-03-01 00:00", "2026-01-31 23:00", *["time not known"] * 2]


def test_a_row_says_what_the_verdict_says(runs: Path) -> None:
    put(runs, verdict=make_verdict())
    page = page_of(runs)
    for text in (
        "1 run",
        make_verdict().sentence,
        "login_steps → lab",
        "2026-11-23 20:15",
        "target missed",
        LOAD["rises"],
        "16.6 %",
        "15.9–17.3 %",
        "897 ms",
        "15,301",
        f"0 to {percent(trace_of(WINDOWS.encode()).top)}",
    ):
        assert text in page.text, text
    marks = [a for a in page.all("span") if "mark" in (a.get("class") or "")]
    assert [a["aria-label"] for a in marks] == [
        "error_rate < 5 %: missed",
        "p99 < 1000 ms: met",
        "freeze < 2 s: met",
        "unclear_errors < 1 %: no data",
    ]
    assert marks[0]["title"] == "error_rate < 5 %: missed; 16.6 % of 15,301 requests failed"
    assert page.links() == [
        f"runs/{NAME}/analysis/{file}" for file in ("report.html", "report.html", "verdict.json")
    ]


@pytest.mark.parametrize(
    "verdict",
    [
        make_verdict(),
        make_verdict(slo=make_verdict().slo[1:3]),
        make_verdict(slo=make_verdict().slo[1:]),
        make_verdict(slo=[]),
        make_verdict(quality=NONE.model_copy(update={"valid": False})),
        make_verdict(quality=NONE.model_copy(update={"complete": False})),
        make_verdict(quality=Quality(valid=False, complete=False)),
        no_data_verdict(),
    ],
)
def test_a_row_stands_where_the_gate_would_put_the_run(runs: Path, verdict: Verdict) -> None:
    put(runs, verdict=verdict)
    assert listed(runs)[0].standing == WORDS[gate_code(verdict)]


def test_a_run_without_an_error_rate_shows_none(runs: Path) -> None:
    rate = Interval(value=None, low=None, high=None, n=15301)
    put(runs, verdict=make_verdict(error_rate=rate))
    page = page_of(runs)
    assert not page.all("svg")
    assert "–" in page.text


def half(text: str) -> bytes:
    return text.encode()[: len(text) // 2]


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(make_verdict().to_json()) | changes).encode()


@pytest.mark.parametrize(
    ("verdict", "manifest", "words"),
    [
        (b"", None, "verdict.json cannot be read (Invalid JSON: EOF"),
        (half(make_verdict().to_json()), None, "verdict.json cannot be read (Invalid JSON: EOF"),
        (b"\xff\x00\xfe", None, "verdict.json cannot be read (Invalid JSON"),
        (b"[" * 100_000, None, "verdict.json cannot be read (Invalid JSON: recursion"),
        (b"[1]", None, "verdict.json cannot be read (Input should be an object"),
        (b"{}", None, "verdict.json cannot be read (sentence: Field required"),
        (changed(requests=-1), None, "verdict.json cannot be read (requests: "),
        (changed(requests=10**400), None, "verdict.json cannot be read (requests: "),
        (changed(error_rate={"value": 1e999}), None, "verdict.json cannot be read (error_rate.value: "),
        (changed(load_effect={"answer": "<b>"}), None, "verdict.json cannot be read (load_effect.answer: "),
        (
            changed(format=2),
            None,
            "verdict.json has format 2, this version reads up to 1; upgrade loadverdict",
        ),
        (None, b"{", "manifest.json cannot be read (Invalid JSON"),
        (None, {"format": 7}, "manifest.json has format 7, this version reads up to 1"),
        (None, {"scenario": "steps"}, "manifest.json cannot be read (scenario: "),
        (None, {"end_utc": "2026-01-01T12:10:00+00:00"}, f"Not diagnosed yet: 'loadverdict diagnose {NAME}'"),
        (None, {"end_utc": None}, "Still going on, or stopped without an end mark"),
    ],
)
def test_what_cannot_be_read_is_a_row_that_says_so(
    runs: Path, verdict: bytes | None, manifest: dict[str, Any] | bytes | None, words: str
) -> None:
    put(runs, NAME, verdict, manifest)
    put(runs, "20260101T110000Z-whole", make_verdict())
    page = page_of(runs)
    assert words in page.text
    assert "no verdict" in page.text
    assert len(page.rows()) == 2
    assert make_verdict().sentence in page.text


def test_a_damaged_verdict_says_how_to_make_it_again(runs: Path) -> None:
    put(runs, "it's", half(make_verdict().to_json()))
    assert listed(runs)[0].trouble.endswith("""to make it again: 'loadverdict diagnose 'it'"'"'s''""")


def test_a_damaged_manifest_does_not_cost_the_verdict(runs: Path) -> None:
    put(runs, verdict=make_verdict(), manifest=b"{")
    text = page_of(runs).text
    assert make_verdict().sentence in text
    assert "manifest.json cannot be read" in text


def test_keys_of_a_newer_version_are_passed_over(runs: Path) -> None:
    put(runs, verdict=changed(brand_new=[1], quality={"valid": True, "complete": True, "colour": "red"}))
    assert listed(runs)[0].figures is not None


def test_folders_that_hold_something_else_are_told_and_files_are_not(runs: Path) -> None:
    (runs / "my pictures").mkdir(parents=True)
    (runs / ".hidden").mkdir()
    (runs / "notes.txt").write_text("")
    (row,) = listed(runs)
    assert (row.name, row.standing) == ("my pictures", "unread")
    assert row.trouble.startswith("Not a run folder")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def long(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "words"), [(pipe, "not a file"), (folder, "not a file"), (long, "longer than")]
)
def test_what_is_no_file_or_too_long_is_not_read(
    runs: Path, make: Callable[[Path], None], words: str
) -> None:
    (runs / NAME / "analysis").mkdir(parents=True)
    make(runs / NAME / "analysis/verdict.json")
    make(runs / NAME / "manifest.json")
    trouble = listed(runs)[0].trouble
    assert trouble.count(words) == 2 or "directory" in trouble


def test_hostile_names_and_texts_stay_texts(runs: Path) -> None:
    for name in HOSTILE_NAMES:
        put(runs, name, hostile_verdict())
    slo = make_verdict().slo[0].model_copy(update={"target": HOSTILE})
    put(runs, NAME, hostile_verdict().model_copy(update={"slo": [slo]}))
    put(runs, "20260103T120000Z-x", changed(scenario='"><img src=x onerror=alert(1)>', slo=[]))
    text = write_index(runs).read_text()
    page = IndexPage(text)
    assert page.open == []
    assert not page.tags() & {"script", "img", "iframe", "object", "link"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert not set(text) & set("\x1b\u202e\x9b")
    assert "A" * 601 not in text


def test_links_lead_to_the_files_and_never_out_of_the_folder(runs: Path) -> None:
    for name in HOSTILE_NAMES:
        put(runs, name, make_verdict())
    links = page_of(runs).links()
    assert len(links) == 3 * len(HOSTILE_NAMES)
    for link in links:
        assert link.startswith("runs/")
        assert not set(link) & set(" :?#\\\"'<>&\n")
        parts = [os.fsdecode(unquote(part, errors="surrogateescape")) for part in link.split("/")]
        path = runs.parent.joinpath(*parts)
        assert path.is_file()
        assert path.resolve().is_relative_to(runs.resolve())


def test_the_page_needs_nothing_else_and_has_the_policy_of_the_report(runs: Path) -> None:
    put(runs, verdict=make_verdict())
    put(runs, "20260102T120000Z-x", no_data_verdict())
    page = page_of(runs)
    (policy,) = [a["content"] or "" for a in page.all("meta") if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'")
    assert not page.tags() & {"script", "link", "img", "iframe", "form"}
    assert not [a for _, a in page.elements if "src" in a]
    assert not any(
        name in write_index(runs).read_text() for name in ("http://", "https://", "url(", "@import")
    )


def test_every_choice_shows_its_rows_and_hides_the_others(runs: Path) -> None:
    put(runs, "20260101T000001Z-a", make_verdict(scenario="one", target="lab"))
    put(runs, "20260101T000002Z-b", make_verdict(scenario="two", target="lab"))
    put(runs, "20260101T000003Z-c", make_verdict(scenario="two", target="other"))
    put(runs, "20260101T000004Z-d", manifest={"scenario": {"name": "two"}, "target": {"name": "lab"}})
    text = write_index(runs).read_text()
    page = IndexPage(text)
    offered = {mark for a in page.all("input") if (mark := a.get("id"))}
    assert len(offered) == 6
    for mark in offered:
        assert f"body:has(#{mark}:checked) .runs tbody tr:not(.{mark}) {{ display: none; }}" in text
    assert [row & offered for row in page.rows()] == page.rows()
    by_scenario = {mark: sum(mark in row for row in page.rows()) for mark in offered if mark[0] == "s"}
    assert sorted(by_scenario.values()) == [1, 3]
    assert sorted(sum(mark in row for row in page.rows()) for mark in offered if mark[0] == "t") == [1, 3]
    assert sorted(sum(mark in row for row in page.rows()) for mark in offered if mark[0] == "o") == [1, 3]


def test_too_many_choices_are_counted_instead(runs: Path) -> None:
    for i in range(MOST_CHOICES + 3):
        put(runs, f"20260101T0000{i:02d}Z-s{i:02d}")
    page = page_of(runs)
    assert len([a for a in page.all("input") if (a.get("id") or "")[:1] == "s"]) == MOST_CHOICES
    assert "and 3 more, among all" in page.text
    assert len(page.rows()) == MOST_CHOICES + 3


def test_one_run_offers_no_choice(runs: Path) -> None:
    put(runs, verdict=make_verdict())
    assert "fieldset" not in page_of(runs).tags()


def test_without_runs_the_page_says_how_to_get_one(runs: Path) -> None:
    runs.mkdir(parents=True)
    page = page_of(runs)
    assert "No runs yet" in page.text
    assert "loadverdict run" in page.text
    assert "table" not in page.tags()
    assert listed(runs / "nowhere") == []


def test_a_trace_holds_every_request_once() -> None:
    for count in (1, 39, 40, 41, 1000):
        lines = [f"{5 * i},5,{i % 7},{i % 3 if i % 7 > 2 else 0},0.5" for i in range(count)]
        csv = "\n".join(["start_s,width_s,requests,errors,error_rate", *lines]) + "\n"
        trace = trace_of(csv.encode())
        assert trace is not None
        per_part = round(trace.part_s / 5)
        assert len(trace.shares) == -(-count // per_part) <= MOST_PARTS
        for i, share in enumerate(trace.shares):
            part = [line.split(",") for line in lines[i * per_part : (i + 1) * per_part]]
            sent, failed = (sum(int(line[column]) for line in part) for column in (2, 3))
            assert share == (failed / sent if sent else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        WINDOWS.split("\n")[0] + "\n",
        WINDOWS[:-5],
        WINDOWS.replace("requests", "visitors"),
        WINDOWS + "1,2\n",
        WINDOWS + "100,1.7,many,0,0\n",
        WINDOWS + "100,1.7,5,6,0\n",
        WINDOWS + "100,1.7,5,-6,0\n",
        WINDOWS + "100,1.7,nan,0,0\n",
        "start_s,width_s,requests,errors,error_rate\n1,2\n",
        "start_s,width_s,requests,errors,error_rate\n1,0,2,1,0.5\n",
    ],
)
def test_windows_that_are_none_have_no_trace(text: str) -> None:
    assert trace_of(WINDOWS.encode()) is not None
    assert trace_of(text.encode()) is None


def test_a_picture_has_a_bar_per_part_a_gap_without_requests_and_a_text(runs: Path) -> None:
    csv = "start_s,width_s,requests,errors,error_rate\n0,5,10,0,0\n5,5,0,0,\n10,5,10,4,0.4\n15,5,10,2,0.2\n"
    (put(runs, verdict=make_verdict()) / "analysis/windows.csv").write_text(csv)
    page = page_of(runs)
    (path,) = page.all("path")
    assert path["d"] == "M1 22v-1M7 22v-22M10 22v-11"
    assert "Error rate over the run, 4 parts of 5 s: 0 to 40 %" in write_index(runs).read_text()


def put_series(reports: Path, folder: str, name: str, kind: str, content: str | None) -> None:
    place = reports / folder / name
    place.mkdir(parents=True)
    if content is not None:
        (place / f"{kind}.json").write_text(content)
        (place / f"{kind}.html").write_text("page")


def test_experiments_investigations_and_the_trend_are_linked(runs: Path) -> None:
    put(runs, verdict=make_verdict())
    (runs.parent / "trend.html").write_text("page")
    answer = '{"format": 1, "sentence": "It was <b>the pool</b>.", "more": 1}'
    put_series(runs.parent, "experiments", "20260101T120000Z-pool", "experiment", answer)
    put_series(runs.parent, "experiments", "20260102T120000Z-cut-short", "experiment", None)
    put_series(runs.parent, "experiments", "20260103T120000Z-half", "experiment", answer[:20])
    put_series(
        runs.parent, "experiments", "20260104T120000Z-too-new", "experiment", answer.replace("1", "2", 1)
    )
    put_series(runs.parent, "experiments", "something else", "experiment", None)
    put_series(runs.parent, "investigations", "20260101T120000Z-steps", "investigation", answer)
    page = page_of(runs)
    assert page.links() == [
        "trend.html",
        *(f"runs/{NAME}/analysis/{file}" for file in ("report.html", "report.html", "verdict.json")),
        "investigations/20260101T120000Z-steps/investigation.html",
        "experiments/20260104T120000Z-too-new/experiment.html",
        "experiments/20260103T120000Z-half/experiment.html",
        "experiments/20260101T120000Z-pool/experiment.html",
    ]
    assert all((runs.parent / link).is_file() for link in page.links())
    for text in (
        "Experiments (4)",
        "Investigations (1)",
        "It was <b>the pool</b>.",
        "20260102T120000Z-cut-short: no experiment.json",
        "experiment.json cannot be read (Invalid JSON",
        "experiment.json has format 2",
    ):
        assert text in page.text, text
    assert "something else" not in page.text


def test_only_the_newest_experiments_are_named(tmp_path: Path) -> None:
    for i in range(MOST_SERIES + 2):
        put_series(tmp_path, "e", f"202601{i + 1:02d}T120000Z-x", "experiment", '{"sentence": "Yes."}')
    series = series_of(past_folders(tmp_path / "e", ("experiment.json",), ("experiment.html",)), "experiment")
    page = IndexPage(
        index_html([], "runs", [Listing("Experiments", "e", series)], datetime.now(UTC), has_trend=False)
    )
    assert len(page.links()) == MOST_SERIES
    assert "2 older ones are in e/." in page.text
    assert "20260122" in page.text
    assert "20260101" not in page.text


def test_the_list_is_private_as_run_folders_are(runs: Path) -> None:
    put(runs)
    assert write_index(runs).stat().st_mode & 0o777 == 0o600


def test_runs_on_another_disk_are_listed_where_the_user_sees_them(runs: Path, tmp_path: Path) -> None:
    put(tmp_path / "disk" / "elsewhere", verdict=make_verdict())
    runs.parent.mkdir()
    runs.symlink_to(tmp_path / "disk" / "elsewhere")
    path = write_index(runs)
    assert path == runs.parent / "index.html"
    assert IndexPage(path.read_text()).links()[0] == f"runs/{NAME}/analysis/report.html"


def kept(made: Path, runs: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What `keep_index` prints: on standard output, on standard error."""
    keep_index(made, runs, Console(width=20))
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_it_is_written_after_a_run_and_told_in_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put(runs, verdict=make_verdict())
    monkeypatch.chdir(runs.parent.parent)
    assert kept(run, Path("reports/runs"), capsys) == ("all runs: reports/index.html\n", "")
    put_series(runs.parent, "experiments", "x", "experiment", None)
    (runs.parent / "index.html").unlink()
    assert kept(runs.parent / "experiments/x", runs, capsys)[0]
    assert (runs.parent / "index.html").exists()


def test_a_run_that_lies_elsewhere_changes_nothing(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = put(runs.parent / "investigations" / "20260101T120000Z-steps")
    assert kept(inner, runs, capsys) == ("", "")
    assert kept(put(tmp_path / "other"), runs, capsys) == ("", "")
    assert not list(tmp_path.rglob("index.html"))


def test_a_list_beside_other_runs_is_kept_too(runs: Path, tmp_path: Path) -> None:
    run, usual = put(tmp_path / "other" / "runs"), Path("reports/runs")
    assert runs_dir_of(run, usual) == usual
    write_index(run.parent)
    assert runs_dir_of(run, usual) == run.parent
    (run.parent.parent / "index.html").write_text("<title>My site</title>")
    assert runs_dir_of(run, usual) == usual


def test_a_file_of_somebody_else_stays(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, path = put(runs, verdict=make_verdict()), runs.parent / "index.html"
    path.write_text("<!doctype html><title>My site</title>")
    out, error = kept(run, runs, capsys)
    assert (out, error.count("\n")) == ("", 1)
    assert "is not ours and stays" in error
    assert path.read_text() == "<!doctype html><title>My site</title>"


def test_a_list_that_cannot_be_written_is_one_line(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = put(runs, verdict=make_verdict())
    (runs.parent / "index.html").mkdir()
    out, error = kept(run, runs, capsys)
    assert (out, error.count("\n")) == ("", 1)
    assert "is not ours and stays as it is" in error
    assert [path.name for path in runs.parent.iterdir() if path.name.startswith(".")] == []


def test_what_nobody_thought_of_is_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("commands.all_runs.past_runs", fail)
    out, error = kept(put(runs), runs, capsys)
    assert (out, error.count("\n")) == ("", 1)
    assert "unexpected RecursionError: too deep" in error


def test_who_writes_last_has_read_what_the_others_added(runs: Path) -> None:
    put(runs)
    path = runs.parent / "index.html"
    writer = threading.Thread(target=write_index, args=(runs,))
    handle = os.open(runs.parent, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    writer.start()
    writer.join(0.3)
    assert writer.is_alive()
    assert not path.exists()
    put(runs, "20260105T120000Z-added")
    os.close(handle)
    writer.join()
    assert "20260105T120000Z-added" in path.read_text()


def test_two_that_write_at_once_leave_whole_files(runs: Path) -> None:
    for i in range(12):
        put(runs, f"20260101T0000{i:02d}Z-s", make_verdict())
    path = write_index(runs)
    code = "import sys, pathlib; from commands.all_runs import write_index"
    code += "\nfor _ in range(6): write_index(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(runs)]
    writers = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        text = path.read_text()
        assert text.startswith("<!doctype html>")
        assert text.endswith("</html>")
        assert text.count("<tr class") == 12
        reads += 1
    assert reads
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [found.name for found in runs.parent.iterdir() if found != runs] == ["index.html"]


def test_a_link_that_leads_round_in_a_circle_costs_nothing(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = put(runs, verdict=make_verdict())
    (runs / "loop").symlink_to("loop")
    out, error = kept(run, runs, capsys)
    assert (error, "all runs" in out) == ("", True)


def test_figures_beyond_all_measure_are_no_trace() -> None:
    lines = "\n".join(["0,1,1.7e308,1.7e308,"] * 90)
    assert trace_of(HEAD + f"\n{lines}\n".encode()) is None
