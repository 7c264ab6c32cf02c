"""Writes what an experiment found: experiment.json, experiment.md, experiment.html."""

from __future__ import annotations

from pathlib import Path

from analysis.experiment.report import ExperimentReport
from analysis.render.experiment_markdown import experiment_markdown
from recording.folder import write_text


def write_experiment(report: ExperimentReport, folder: Path) -> None:
    """Write all three; the figures come first, a picture that fails must not cost them."""
    write_text(folder / "experiment.json", report.to_json())
    write_text(folder / "experiment.md", experiment_markdown(report))
    # Not at the top: matplotlib takes a while to load, and usage errors need none.
    from analysis.render.experiment_html import experiment_html
    from analysis.render.experiment_picture import arms_picture

    write_text(folder / "experiment.html", experiment_html(report, arms_picture(report)))
