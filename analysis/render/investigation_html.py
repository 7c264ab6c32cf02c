"""An investigation as one page (investigation.html) that needs nothing else, escaped as the report is."""

from __future__ import annotations

from analysis.investigation.report import Conclusion, Investigation
from analysis.render import investigation_words, suspect_words, wording
from analysis.render.html import embedded, environment

BADGE: dict[Conclusion, str] = {
    "cause_found": "met",
    "ruled_out": "no_data",
    "cannot_tell": "no_data",
    "nothing_to_explain": "met",
}
TRIALS_CAPTION = "Dots: as it is; squares: with the change. Lines: 95 % intervals."
LOAD_CAPTION = "The run that it began with: error rate by load, with its intervals."


def investigation_html(report: Investigation, trials: bytes | None, by_load: bytes | None) -> str:
    """The whole page.

    Args:
        report: what was found.
        trials: PNG of `trials_picture`; None: nothing was tried.
        by_load: the run's own picture of error rate by load; None: there is none.
    """
    rows = investigation_words.trial_rows(report)
    tried = "; ".join(f"{row[0]}: {row[2]} as it is, {row[3]} changed" for row in rows)
    return (
        environment()
        .get_template("investigation.html")
        .render(
            r=report,
            w=wording,
            words=investigation_words,
            su=suspect_words,
            badge=BADGE[report.conclusion],
            rows=list(zip(rows, investigation_words.done(report), strict=True)),
            trials=None if trials is None else embedded(trials, tried, TRIALS_CAPTION),
            by_load=None if by_load is None else embedded(by_load, report.seen.sentence, LOAD_CAPTION),
        )
    )
