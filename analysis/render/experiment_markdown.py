"""An experiment as Markdown (experiment.md), for pull requests and chat."""

from __future__ import annotations

from analysis.experiment.report import ExperimentReport
from analysis.render import experiment_words as words
from analysis.render.markdown import code, plain, table


def experiment_markdown(report: ExperimentReport) -> str:
    """The whole report; ends with a line break."""
    parts = [f"# {plain(report.sentence)}", plain(report.why)]
    parts += [f"> **Doubt:** {plain(doubt)}" for doubt in words.doubts(report)]
    parts.append(f"Experiment {code(report.about.id)}: " + plain(" · ".join(words.context(report))))
    parts.append("## What the change did\n\n" + table(words.EFFECT_HEADS, words.effect_rows(report), 120))
    parts.append("## Arms\n\n" + table(words.ARM_HEADS, words.arm_rows(report), 120))
    if report.needed is not None and report.needed.command:
        parts.append(f"## What would tell\n\n{code(report.needed.command)}")
    return "\n\n".join(parts) + "\n"
