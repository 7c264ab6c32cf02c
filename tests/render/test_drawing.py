"""Pictures drawn by a process of its own are those drawn here, and a process that dies costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from analysis.render.drawing import Drawing
from analysis.render.pictures import pictures
from analysis.render.write import write_report
from analysis.windows import windows
from tests.commands.conftest import wait_for
from tests.render.builders import make_verdict
from tests.render.samples import make_samples


def test_the_process_draws_what_would_be_drawn_here():
    verdict, cut = make_verdict(), windows(make_samples(500, 60.0))
    with Drawing() as drawing:
        drawing.begin(verdict, cut)
        drawn = drawing.pictures()
    assert drawn == pictures(verdict, cut)


def test_a_process_that_died_costs_no_picture(tmp_path: Path):
    with Drawing() as drawing:
        drawing._process.kill()
        drawing._process.join()
        write_report(make_verdict(), windows(make_samples(5, 1.0)), tmp_path, drawing)
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "report.html").exists()


def test_nothing_to_draw_leaves_no_process_behind():
    with Drawing() as drawing:
        pass
    assert drawing._process.exitcode is not None


GIVEN_UP = """
import time

import psutil
from analysis.render.drawing import Drawing
from analysis.windows import windows
from tests.render.builders import make_verdict
from tests.render.samples import make_samples

with Drawing() as drawing:
    drawing.begin(make_verdict(), windows(make_samples(500, 60.0)))
    while len(both := psutil.Process().children(recursive=True)) < 2:
        time.sleep(0.01)
    print(*(one.pid for one in both))
"""


def test_a_drawing_that_is_given_up_midway_leaves_no_process_and_no_open_output():
    """As where the report finds no room on the disk: whoever reads the output would wait for ever."""
    root = Path(__file__).resolve().parents[2]
    pids = subprocess.check_output([sys.executable, "-c", GIVEN_UP], text=True, cwd=root, timeout=60).split()
    assert len(pids) == 2
    wait_for(lambda: not any(psutil.pid_exists(int(pid)) for pid in pids), 60)


def test_only_a_process_without_threads_is_forked():
    """A forked process has none of the threads: what they held locked would stay locked."""
    script = "import analysis.render.drawing, os; print(len(os.listdir('/proc/self/task')))"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    threads = subprocess.check_output([sys.executable, "-c", script], text=True, env=environment)
    assert threads.strip() == "1"
