"""What went wrong with the probes, a sentence each: it costs evidence, never the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis import phrases
from analysis.usable import Usable
from analysis.verdict import Finding
from analysis.windows import Windows
from recording.run import Run


def probes(run: Run, _: Usable, windows: Windows) -> Iterator[Finding]:
    """Findings of the probes that the run began with."""
    begun = [str(p) for e in run.events if e.get("kind") == "probes_begun" for p in e.get("probes", ())]
    ended = {str(e.get("probe")): e for e in run.events if e.get("kind") == "probe_ended"}
    silent = [name for name in begun if name not in ended]
    if silent:
        yield Finding(
            code="probes_cut_short",
            severity="warning",
            text=f"The process that read the target's figures ended before the run did: those of "
            f"{phrases.listed(silent)} may be missing in part.",
        )
    for name, event in ended.items():
        problems = [p for p in event.get("problems", ()) if isinstance(p, dict)]
        if problems:
            texts = [_told(problem, windows.origin_s) for problem in problems]
            yield Finding(
                code="probe",
                severity="warning" if any(problem.get("grave") for problem in problems) else "note",
                text=f"Probe '{name}': {'; '.join(texts)}.",
            )


def _told(problem: dict[str, Any], origin_s: float) -> str:
    at_s = problem.get("at_s")
    text = str(problem.get("text", "failed"))
    if not isinstance(at_s, int | float):
        return text
    return f"{text} (at {phrases.seconds(max(0.0, at_s - origin_s))})"
