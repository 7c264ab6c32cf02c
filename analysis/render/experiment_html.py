"""An experiment as one page (experiment.html) that needs nothing else, escaped as the report is."""

from __future__ import annotations

from analysis.experiment.report import ExperimentReport
from analysis.render import experiment_words, wording
from analysis.render.html import embedded, environment

CAPTION = "Lines: 95 % intervals, with allowance for bursts within the arm. Hollow marks: not to be trusted."
BADGE = {"supports": "met", "contradicts": "valid", "cannot_tell": "no_data"}


def experiment_html(report: ExperimentReport, picture: bytes) -> str:
    """The whole page.

    Args:
        report: what was found.
        picture: PNG of `arms_picture`.
    """
    arms = "; ".join(
        f"arm {number}, {experiment_words.STATE[arm.state]}: {wording.percent(arm.error_rate.value)} failed"
        for number, arm in enumerate(report.arms[:12], 1)
    )
    return (
        environment()
        .get_template("experiment.html")
        .render(
            r=report,
            w=wording,
            words=experiment_words,
            badge=BADGE[report.conclusion],
            image=embedded(picture, f"{report.about.title}. {arms}", CAPTION),
        )
    )
