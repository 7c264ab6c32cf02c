"""Pictures: PNGs of bounded size, whatever the run holds."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis.render.canvas import duration_axis
from analysis.render.columns import columns
from analysis.render.latency_picture import latency_by_load
from analysis.render.pictures import pictures
from analysis.verdict import Verdict
from analysis.windows import windows

from .builders import hostile_verdict, level, make_verdict, no_data_verdict, percentiles
from .samples import make_samples

ALWAYS = {"error_rate_by_load", "errors_by_status", "errors_per_window", "latency", "latency_by_load"}
BY_CLASS = "error_rate_by_class"


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
    names = ALWAYS | {BY_CLASS} if verdict.class_rates else ALWAYS
    assert set(drawn) == names
    for name, png in drawn.items():
        assert len(png) < 150_000, name
        with Image.open(io.BytesIO(png)) as image:
            assert image.format == "PNG"
            image.load()


def test_one_class_needs_no_picture_by_class() -> None:
    one = make_verdict(class_rates=make_verdict().class_rates[:1])
    assert BY_CLASS not in pictures(one, windows(make_samples(50, 10.0)))


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


def test_durations_keep_their_unit_on_a_scale_of_any_kind() -> None:
    wide = make_verdict(levels=[level(4, 8, 1420, 3), level(50, 52, 4000, 1658)])
    slow = wide.levels[1].latency_ms
    assert slow is not None
    timed_out = slow.model_copy(update={"all": percentiles(400, 9000, 60_000)})
    levels = [wide.levels[0], wide.levels[1].model_copy(update={"latency_ms": timed_out})]
    for verdict in (wide, wide.model_copy(update={"levels": levels})):
        axes = Figure().add_subplot()
        low, high = durations_of(verdict)
        duration_axis(axes, low, high)
        assert all(axes.yaxis.get_major_formatter()(value).endswith("s") for value in (10.0, 2000.0))


def durations_of(verdict: Verdict) -> tuple[np.ndarray, np.ndarray]:
    figures = [row.latency_ms for row in verdict.levels if row.latency_ms is not None]
    return np.array([f.ok.p50 for f in figures]), np.array([f.all.p99 for f in figures])


def test_levels_too_small_for_any_percentile_are_said_to_be() -> None:
    few = make_verdict(levels=[level(4, 8, 10, 3).model_copy(update={"latency_ms": None})])
    assert latency_by_load(few, windows(make_samples(10, 60.0)))
    assert latency_by_load(few, windows(make_samples(10, 60.0))) != latency_by_load(
        make_verdict(), windows(make_samples(10, 60.0))
    )
