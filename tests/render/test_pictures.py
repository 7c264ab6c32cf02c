"""Pictures: PNGs of bounded size, whatever the run holds."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from analysis.render.columns import columns
from analysis.render.html import DARK
from analysis.render.pictures import pictures
from analysis.verdict import Verdict
from analysis.windows import windows

from .builders import hostile_verdict, make_verdict, no_data_verdict
from .samples import make_samples

NAMES = ("error_rate_by_load", "errors_by_status", "errors_per_window", "latency")


@pytest.mark.parametrize(
    ("verdict", "requests", "seconds"),
    [
        (no_data_verdict(), 0, 0.0),
        (make_verdict(), 1, 0.0),
        (make_verdict(), 3000, 600.0),
        (make_verdict(levels=[], knee=None), 30_000, 30_000.0),
        (hostile_verdict(), 50, 10.0),
    ],
)
def test_every_picture_is_a_small_png(verdict: Verdict, requests: int, seconds: float) -> None:
    drawn = pictures(verdict, windows(make_samples(requests, seconds)))
    assert set(drawn) == {name + ending for name in NAMES for ending in ("", DARK)}
    for name, png in drawn.items():
        assert len(png) < 150_000, name
        with Image.open(io.BytesIO(png)) as image:
            assert image.format == "PNG"
            image.load()


def test_drawing_twice_gives_the_same_bytes() -> None:
    cut = windows(make_samples(200, 60.0))
    assert pictures(make_verdict(), cut) == pictures(make_verdict(), cut)


def test_pyplot_stays_out() -> None:
    assert "matplotlib.pyplot" not in sys.modules


def test_columns_keep_every_error() -> None:
    cut = windows(make_samples(30_000, 30_000.0))
    joined = columns(cut, most=100)
    assert len(joined) <= 100
    assert joined.errors.sum() == cut.errors.sum() == 3000
    assert np.array_equal(joined.by_class.sum(axis=0), cut.by_class.sum(axis=0))
    assert joined.end_s >= float(cut.start_s[-1])
