"""The watcher: one judging process at a time, never more often than agreed, none when nobody asks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import gevent
import pytest

from scenarios.live.watch import NICE, PAUSE_LOOKS, Watcher

NOTED = "open(sys.argv[1] + '/looks', 'a').write('x')"
JUDGE = f"import sys, json; {NOTED}; print(json.dumps({{'final': False, 'run': sys.argv[1]}}))"
FINAL = f"import sys, json; {NOTED}; print(json.dumps({{'final': True}}))"


def command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def looks(folder: Path) -> int:
    try:
        return len((folder / "looks").read_text())
    except OSError:
        return 0


def attend_until(watcher: Watcher, folder: Path, number: int) -> None:
    with gevent.Timeout(20):
        while (look := watcher.attend(folder)) is None or look.number < number:
            gevent.sleep(0.01)


def test_many_who_ask_get_one_look(tmp_path: Path) -> None:
    watcher = Watcher(command(JUDGE), pause_s=1000)
    attend_until(watcher, tmp_path, 1)
    for _ in range(100):
        watcher.attend(tmp_path)
        gevent.sleep(0.002)
    assert looks(tmp_path) == 1
    assert watcher.latest is not None
    assert watcher.latest.shown["run"] == str(tmp_path)


TOLD = f"import sys, json; {NOTED}; print(json.dumps({{'cpu_s': 2.0}}))"


@pytest.mark.parametrize(("code", "cost_s"), [(JUDGE, 10.0), (TOLD, 2.0)], ids=["its time", "its computing"])
def test_the_next_look_waits_in_proportion_to_the_last(tmp_path: Path, code: str, cost_s: float) -> None:
    """A look of 10 s: that is what counts, unless it tells how long it has computed."""
    now = [0.0]
    watcher = Watcher(command(code), pause_s=3, clock=lambda: now[0])
    assert watcher.attend(tmp_path) is None
    gevent.sleep(0)
    now[0] = 10.0
    attend_until(watcher, tmp_path, 1)
    now[0] = 10 + PAUSE_LOOKS * cost_s - 1
    watcher.attend(tmp_path)
    gevent.sleep(0.3)
    assert looks(tmp_path) == 1
    now[0] += 2
    attend_until(watcher, tmp_path, 2)
    assert looks(tmp_path) == 2


def test_a_look_gives_way_to_everything(tmp_path: Path) -> None:
    watcher = Watcher(command("import json, os; print(json.dumps({'nice': os.nice(0)}))"), pause_s=1000)
    attend_until(watcher, tmp_path, 1)
    assert watcher.latest is not None
    assert watcher.latest.shown["nice"] == min(19, os.nice(0) + NICE)


def test_nobody_asks_nothing_is_judged_and_a_run_that_is_over_is_judged_once(tmp_path: Path) -> None:
    watcher = Watcher(command(FINAL), pause_s=0)
    gevent.sleep(0.2)
    assert looks(tmp_path) == 0
    attend_until(watcher, tmp_path, 1)
    gevent.sleep(0.2)
    watcher.attend(tmp_path)
    gevent.sleep(0.3)
    assert looks(tmp_path) == 1


def test_another_run_is_looked_at_at_once(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    watcher = Watcher(command(JUDGE), pause_s=1000)
    attend_until(watcher, tmp_path, 1)
    assert watcher.attend(tmp_path / "second") is None
    attend_until(watcher, tmp_path / "second", 2)
    assert looks(tmp_path / "second") == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit(6)", "nothing to judge yet"),
        ("raise SystemExit(75)", "grown too long"),
        ("raise SystemExit(1)", "a look failed (exit code 1)"),
        ("print('no json')", "could not be read"),
        ("print('[1]')", "could not be read"),
        ("print('\"' + 'x' * 10**6 + '\"')", "could not be read"),
    ],
)
def test_a_look_that_fails_is_told_and_does_no_harm(tmp_path: Path, code: str, words: str) -> None:
    watcher = Watcher(command(code), pause_s=0)
    with gevent.Timeout(20):
        while words not in watcher.trouble:
            assert watcher.attend(tmp_path) is None
            gevent.sleep(0.01)


def test_why_a_look_failed_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher(command("raise RuntimeError('a fault of the judge')"), pause_s=1000)
    watcher.attend(tmp_path)
    with gevent.Timeout(20):
        while not watcher.trouble:
            gevent.sleep(0.01)
    assert "RuntimeError: a fault of the judge" in caplog.text


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    watcher = Watcher([str(tmp_path / "nothing")], pause_s=0)
    watcher.attend(tmp_path)
    with gevent.Timeout(20):
        while "could not begin" not in watcher.trouble:
            gevent.sleep(0.01)


def test_closing_ends_the_look_that_is_under_way(tmp_path: Path) -> None:
    own = "open(sys.argv[1] + '/pid', 'w').write(str(os.getpid()))"
    watcher = Watcher(command(f"import os, sys, time; {own}; {NOTED}; time.sleep(60)"))
    watcher.attend(tmp_path)
    with gevent.Timeout(20):
        while not looks(tmp_path):
            gevent.sleep(0.02)
    watcher.close()
    pid = (tmp_path / "pid").read_text()
    assert not Path(f"/proc/{pid}").exists()
