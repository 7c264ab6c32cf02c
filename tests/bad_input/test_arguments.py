"""Arguments: whatever is typed ends in a sentence or a usage text, exit code 2 or 6, and sends nothing.

Values of --users, --step, --at-most and the like: tests/scenarios/test_overrides.py; mistakes that need a
running target: tests/commands/test_run.py.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from commands.changes import AskedChange
from commands.main import app
from lab.main import main as lab_main
from tests.bad_input.told import Told, told

ROOT = Path(__file__).resolve().parents[2]
CASE = "request_id,http_code,duration_ms,timestamp\n1,200,5,100\n2,503,5,101\n"
COMMANDS = (
    "run",
    "probe",
    "diagnose",
    "gate",
    "compare",
    "regression",
    "trend",
    "experiment",
    "investigate",
    "web",
    "abort",
    "lab",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with one result file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("plain.csv").write_text(CASE)


def called(*words: str) -> Told:
    return told(lambda: app(list(words)))


USAGE: dict[tuple[str, ...], str] = {
    ("frobnicate",): "No such command 'frobnicate'",
    ("rnu",): "Did you mean 'run'?",
    ("diagnose", "--jsn"): "--json",
    ("diagnose", "a", "b"): "unexpected extra argument",
    ("diagnose", "--", "-d", "-d"): "unexpected extra argument",
    ("diagnose", "--out"): "requires an argument",
    ("run", "steps", "--processes", "0"): "--processes",
    ("run", "steps", "--processes", "x"): "--processes",
    ("run", "steps", "--blocks", "-1"): "--blocks",
    ("run", "steps", "--workers-port", "70000"): "--workers-port",
    ("compare",): "Missing argument 'base'",
    ("trend", "--keep", "0"): "--keep",
    ("regression", "--confirm", "21"): "--confirm",
    ("experiment", "pool-50", "--pairs", "0"): "--pairs",
    ("web", "--port", "0"): "--port",
    ("lab", "upp"): "invalid choice: 'upp'",
    ("lab",): "COMMAND",
}


@pytest.mark.parametrize("words", USAGE, ids=" ".join)
def test_usage(words: tuple[str, ...]) -> None:
    found = called(*words)
    assert found.code == 2
    assert USAGE[words] in found.text
    assert "Traceback" not in found.text


SENTENCES: dict[tuple[str, ...], tuple[int, str]] = {
    ("run", "stepps"): (2, "did you mean 'steps'?"),
    ("run", ""): (2, "no scenario ''"),
    ("run", "../x"): (2, "no scenario '../x'"),
    ("run", "ä"): (2, "no scenario 'ä'"),
    ("run", "x" * 300): (2, "allowed: concurrent-login"),
    ("run", "x" * 300 + ".yaml"): (2, "cannot be read: File name too long"),
    ("run", "a\0b.yaml"): (2, "a file's name cannot hold a NUL"),
    ("run", "nope.yaml"): (2, "nope.yaml: cannot be read"),
    ("run", "steps", "--target", ""): (2, "no target ''"),
    ("run", "steps", "--target", "nope"): (2, "allowed: lab"),
    ("run", "steps", "--fault", "nope"): (2, "there is no fault 'nope'"),
    ("run", "steps", "--users", ""): (2, "are no levels"),
    ("run", "steps", "--users", "-5"): (2, "--users"),
    ("run", "steps", "--users", "1,,2"): (2, "are no levels"),
    ("run", "steps", "--users", "1_0"): (2, "are no levels"),
    ("run", "steps", "--users", "٣"): (2, "are no levels"),
    ("run", "steps", "--users", "9" * 5000): (2, "are no levels"),
    ("run", "steps", "--users", "9" * 20): (2, "--users"),
    ("run", "steps", "--arrivals", "nan"): (2, "are no levels"),
    ("run", "steps", "--arrivals", "inf"): (2, "are no levels"),
    ("run", "steps", "--step", "5x"): (2, "write 90s, 20m or 1h"),
    ("run", "steps", "--step", "9" * 400 + "s"): (2, "write 90s, 20m or 1h"),
    ("run", "steps", "--at-most", "5m"): (2, "say both"),
    ("run", "steps", "--workers", "1", "--processes", "2"): (2, "say one of them"),
    ("run", "--target", "lab", "-t", "lab"): (2, "--target is given 2 times; say it once"),
    ("gate", "-d", "a", "--run-dir=b", "-dc"): (2, "--run-dir is given 3 times; say it once"),
    ("experiment", "pool-50", "--users", "5", "--users", "6"): (2, "--users is given 2 times"),
    ("trend", "--add", "no", "--add", "plain.csv"): (6, "no run or result file 'no'"),
    ("gate", "nope", "--json", "--json"): (6, "no run or result file 'nope'"),
    ("diagnose", ""): (6, "no run or result file ''"),
    ("diagnose", " "): (6, "no run or result file ' '"),
    ("diagnose", "--", "-x"): (6, "no run or result file '-x'"),
    ("gate", "a\nb"): (6, "no run or result file"),
    ("gate", "\x1b[2J"): (6, "no run or result file"),
    ("gate", "x" * 5000): (6, "no run or result file 'xxx"),
    ("gate", "/"): (6, "not a run folder"),
    ("gate", "latest", "--run-dir", "/nonexistent"): (6, "newest runs in /nonexistent: none yet"),
    ("gate", "latest", "--run-dir", "plain.csv"): (6, "newest runs in plain.csv: none yet"),
    ("diagnose", "plain.csv", "--out", "/proc/x"): (2, "cannot write the report into /proc/x"),
    ("diagnose", "plain.csv", "--out", "plain.csv"): (2, "choose --out"),
    ("compare", ",", "plain.csv"): (2, "name a run"),
    ("compare", "plain.csv", "nope"): (6, "no run or result file 'nope'"),
    ("trend",): (6, "there is no history"),
    ("trend", "--history", "plain.csv"): (2, "file is not a database"),
    ("trend", "--history", "."): (2, "choose another place with --history"),
    ("trend", "--add", "plain.csv"): (2, "is no run folder"),
    ("experiment", "nope"): (2, "no experiment 'nope'"),
    ("experiment", "pool-50", "--scenario", "zzz"): (2, "no scenario 'zzz'"),
    ("investigate", "--run", "nope"): (6, "no run or result file 'nope'"),
    ("investigate", "--at-most", "x"): (2, "write 90s, 20m or 1h"),
    ("regression", "--wait", "x"): (2, "write 90s, 20m or 1h"),
    ("probe", "nope"): (2, "no target 'nope'"),
    ("web", "--target", "nope"): (2, "no target 'nope'"),
}


@pytest.mark.parametrize("words", SENTENCES, ids=lambda words: " ".join(words)[:40].encode("unicode_escape"))
def test_one_sentence(words: tuple[str, ...]) -> None:
    code, expected = SENTENCES[words]
    called(*words).check(code, expected)
    assert {path.name for path in Path().iterdir()} <= {"plain.csv", "reports"}


def test_run_folders_cannot_be_made_where_a_file_is() -> None:
    from recording.folder import RunFolder

    told(lambda: RunFolder.create(Path("plain.csv"), "x") and None).check(
        2, "cannot make a run folder in", "--run-dir"
    )


def test_a_person_is_asked_only_where_one_can_answer() -> None:
    told(lambda: AskedChange("plug it in", "unplug it") and None).check(2, "run it in a terminal")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_everywhere_and_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app([command, "--help"])
    assert ended.value.code == 0
    assert f"loadverdict {command}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("loadverdict 0.")


def test_an_option_of_the_lab_that_is_given_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        lab_main(["up", "--port", "5", "--port", "6"])
    assert ended.value.code == 2
    assert "--port is given twice; say it once" in capsys.readouterr().err


def in_a_shell(line: str) -> tuple[int, str]:
    """Exit code and standard error of a line in which `loadverdict` is this one."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f'loadverdict() {{ {shlex.quote(sys.executable)} -m commands.main "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


GONE = "| true; exit ${PIPESTATUS[0]}"


def test_whoever_stops_reading_changes_nothing() -> None:
    """As `| head -1` does: the report is there, and the code is the verdict's. 1 would be "missed"."""
    assert in_a_shell(f"loadverdict compare plain.csv plain.csv --out out {GONE}") == (0, "")
    assert {"comparison.html", "comparison.json"} <= {path.name for path in Path("out").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("diagnose plain.csv --out out", 0),
        ("diagnose plain.csv --out out --json", 0),
        ("gate plain.csv", 1),
        ("trend", 6),
        ("--help", 0),
        ("run --help", 0),
        ("frobnicate", 2),
    ],
)
def test_nor_does_it_for_any_other_command(words: str, code: int) -> None:
    assert in_a_shell(f"loadverdict {words} 2>&1 {GONE}") == (code, "")
    assert in_a_shell(f"loadverdict {words} >&- 2>&-") == (code, "")
    assert Path("out/report.html").exists() is words.startswith("diagnose")


@pytest.mark.slow
def test_output_that_a_full_disk_does_not_take_is_one_sentence() -> None:
    code, told_ = in_a_shell("loadverdict gate plain.csv > /dev/full")
    Told(code, told_).check(1, "the rest cannot be shown: No space left on device")
    assert len(told_.splitlines()) == 1
