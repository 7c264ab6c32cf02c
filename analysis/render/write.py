"""Writes a run's report files so that a reader never sees half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from analysis.render.drawing import Drawing
from analysis.render.junit import junit
from analysis.render.markdown import markdown
from analysis.render.windows_csv import windows_csv
from analysis.verdict import Verdict
from analysis.windows import Windows
from recording.folder import make_folder


def write_figures(verdict: Verdict, windows: Windows, out_dir: Path) -> None:
    """Write what machines read, and report.md: verdict.json, windows.csv, junit.xml. Draws nothing."""
    make_folder(out_dir)
    texts = {
        "verdict.json": verdict.to_json(),
        "windows.csv": windows_csv(windows),
        "junit.xml": junit(verdict),
        "report.md": markdown(verdict),
    }
    for name, text in texts.items():
        _write(out_dir / name, text.encode())
    _sync(out_dir)


def write_report(
    verdict: Verdict,
    windows: Windows,
    out_dir: Path,
    drawing: Drawing | None = None,
    tell: Callable[[], None] | None = None,
) -> Path:
    """Write the figures, then report.html and its pictures.

    The figures come first: a picture that fails must not cost the verdict.

    Args:
        verdict: what to write.
        windows: the run in windows.
        out_dir: made if it is not there.
        drawing: a process that is ready to draw; without one the pictures are drawn here.
        tell: called once the figures are written: nobody should wait for pictures to read the answer.

    Returns:
        Path of report.html.
    """
    if drawing is not None:
        drawing.begin(verdict, windows)
    write_figures(verdict, windows, out_dir)
    if tell is not None:
        tell()
    # Not at the top: it loads the page's templates; a gate draws nothing.
    from analysis.render.html import html, template

    template()
    drawn = None if drawing is None else drawing.pictures()
    if drawn is None:
        # Nor this: matplotlib takes as long to load as a small run takes to judge.
        from analysis.render.pictures import pictures

        drawn = pictures(verdict, windows)
    for name, png in drawn.items():
        _write(out_dir / f"{name}.png", png)
    for name in {"error_rate_by_class", "phases_by_load"} - drawn.keys():
        # A diagnosis made anew may hold one class where the last held two.
        (out_dir / f"{name}.png").unlink(missing_ok=True)
    report = out_dir / "report.html"
    _write(report, html(verdict, drawn).encode())
    _sync(out_dir)
    return report


def _write(path: Path, content: bytes) -> None:
    """Under a temporary name in the same folder, to the disk, then renamed over the old file; for its owner's
    eyes only, since a report quotes what the target said."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    """Makes the renames themselves survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
