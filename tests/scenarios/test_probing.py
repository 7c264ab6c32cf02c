"""Where the probes' process is sent: what it reads comes from a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recording.clock import Clock
from recording.folder import RunFolder
from recording.probes.readings_file import read_readings
from scenarios.probing import Probing
from scenarios.target import Target
from tests.recording.pages import Pages, serving


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as served:
        yield served


@pytest.mark.parametrize(
    "path",
    ["/metrics", "metrics", "/probe?target=http://db:9187", "probe?target=http://db:9187", "/a:b/metrics"],
)
def test_a_path_is_asked_of_the_target_whatever_its_query_says(
    tmp_path: Path, pages: Pages, path: str
) -> None:
    pages.pages[f"/{path.lstrip('/')}"] = (200, "active 3\n")
    folder = RunFolder(tmp_path / "run")
    folder.samples_dir.mkdir(parents=True)
    probe = {
        "kind": "prometheus",
        "url": path,
        "every_s": 0.2,
        "signals": {"pool_active": {"gauge": "active"}},
    }
    target = Target.model_validate({"base_url": pages.url, "probes": {"p": probe}})
    target.check_allowed()
    probing = Probing()
    probing.start(folder, target, Clock.start())
    probing.stop()
    assert set(read_readings(folder.target_readings).column("value").to_pylist()) == {3.0}
