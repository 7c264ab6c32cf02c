"""`loadverdict gate`: targets and validity as an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.gate import gate_code
from analysis.render.wording import clean
from analysis.verdict import Verdict
from commands.diagnose import write_diagnosis
from recording.folder import find_run

MOST = 2000
"""Characters of a finding."""

MEANING = {
    0: "GATE OPEN: every target is met",
    1: "GATE CLOSED: a target was missed",
    3: "GATE CLOSED: the run is incomplete",
    4: "GATE CLOSED: the load generator makes the run invalid",
    6: "GATE CLOSED: nothing was measured, or a target has no data",
}


def gate_path(path: str, runs_dir: Path, *, as_json: bool) -> int:
    """Judge a run; returns the exit code."""
    verdict = write_diagnosis(find_run(path, runs_dir), draw=False).verdict
    code = gate_code(verdict)
    if as_json:
        sys.stdout.write(verdict.to_json())
    else:
        print_gate(verdict, code, Console())
    return code


def print_gate(verdict: Verdict, code: int, console: Console) -> None:
    """One line per target, the findings that close the gate, and the outcome."""
    for result in verdict.slo:
        console.print(Text(f"  {result.outcome.replace('_', ' '):8} {clean(result.text)}"))
    for finding in verdict.quality.findings:
        if finding.severity in ("invalid", "incomplete"):
            console.print(Text(f"  {finding.severity:8} {clean(finding.text, MOST)}"))
    console.print(Text(MEANING[code], style="bold"))
