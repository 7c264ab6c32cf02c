"""A comparison as one page (comparison.html) that needs nothing else, escaped as the report is."""

from __future__ import annotations

from analysis.comparison.report import Comparison
from analysis.render import comparison_words
from analysis.render.html import embedded, environment

CAPTION = (
    "Lines: 95 % intervals, with allowance for bursts and for runs that differ. Left of 0: less than before."
)
BADGE = {"better": "met", "worse": "missed", "mixed": "missed", "same": "valid", "cannot_tell": "no_data"}


def comparison_html(report: Comparison, picture: bytes | None) -> str:
    """The whole page.

    Args:
        report: what was found.
        picture: PNG of `changes_picture`.
    """
    told = "; ".join(f"{line.title}: {line.text}" for line in report.lines)
    return (
        environment()
        .get_template("comparison.html")
        .render(
            r=report,
            words=comparison_words,
            badge=BADGE[report.answer],
            image=None if picture is None else embedded(picture, told, CAPTION),
        )
    )
