"""Writes what an investigation found: investigation.json, investigation.md, investigation.html."""

from __future__ import annotations

from pathlib import Path

from analysis.investigation.report import Investigation
from analysis.render.investigation_markdown import investigation_markdown
from analysis.render.investigation_words import done
from recording.folder import write_text

BY_LOAD = "analysis/error_rate_by_load.png"


def write_investigation(report: Investigation, folder: Path) -> None:
    """Write all three; the figures come first, a picture that fails must not cost them."""
    by_load = folder / report.seen.folder / BY_LOAD
    link = f"{report.seen.folder}/{BY_LOAD}" if by_load.exists() else None
    write_text(folder / "investigation.json", report.to_json())
    write_text(folder / "investigation.md", investigation_markdown(report, link))
    # Not at the top: matplotlib takes a while to load, and usage errors need none.
    from analysis.render.investigation_html import investigation_html
    from analysis.render.investigation_picture import trials_picture

    tried = trials_picture(done(report)) if done(report) else None
    png = by_load.read_bytes() if link else None
    write_text(folder / "investigation.html", investigation_html(report, tried, png))
