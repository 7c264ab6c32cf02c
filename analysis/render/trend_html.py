"""The history as one page (trend.html) that needs nothing else, escaped as the report is."""

from __future__ import annotations

from analysis.render import trend_words
from analysis.render.html import embedded, environment
from analysis.trend.report import Trend

MOST_RUNS = 50
CAPTION = (
    "Dots: runs; squares: pinned ones. Lines: levels, as far as runs can be told apart; orange is worse than "
    "the one before, green is better."
)


def trend_html(found: Trend, pictures: dict[tuple[str, str], bytes]) -> str:
    """The whole page.

    Args:
        found: every scenario.
        pictures: PNG by series and figure.
    """
    images = {
        series.name: [
            embedded(png, f"{line.title} of {series.scenario} by run", CAPTION)
            for line in series.lines
            if (png := pictures.get((series.name, line.name))) is not None
        ]
        for series in found.series
    }
    return (
        environment()
        .get_template("trend.html")
        .render(t=found, words=trend_words, images=images, most=MOST_RUNS)
    )
