"""An experiment as Markdown (experiment.md), for pull requests and chat."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.experiment.report import ExperimentReport
from analysis.render import experiment_words as words
from analysis.render.markdown import code, plain, row_of


def experiment_markdown(report: ExperimentReport) -> str:
    """The whole report; ends with a line break."""
    parts = [f"# {plain(report.sentence)}", plain(report.why)]
    parts += [f"> **Doubt:** {plain(doubt)}" for doubt in words.doubts(report)]
    parts.append(f"Experiment {code(report.about.id)}: " + plain(" · ".join(words.context(report))))
    parts.append("## What the change did\n\n" + _table(words.EFFECT_HEADS, words.effect_rows(report)))
    parts.append("## Arms\n\n" + _table(words.ARM_HEADS, words.arm_rows(report)))
    if report.needed is not None and report.needed.command:
        parts.append(f"## What would tell\n\n{code(report.needed.command)}")
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([plain(cell, 120) for cell in row] for row in rows)]
    return "\n".join(map(row_of, lines))
