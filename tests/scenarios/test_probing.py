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

PROBE = {"kind": "prometheus", "every_s": 0.2, "signals": {"pool_active": {"gauge": "active"}}}


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
    target = Target.model_validate({"base_url": pages.url, "probes": {"p": PROBE | {"url": path}}})
    target.check_allowed()
    probing = Probing()
    probing.start(folder, target, Clock.start())
    probing.stop()
    assert set(read_readings(folder.target_readings).column("value").to_pylist()) == {3.0}


def test_a_value_that_looks_like_a_variable_is_sent_and_one_that_is_not_set_is_told(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.pages["/metrics"] = (200, "active 3\n")
    monkeypatch.setenv("SET", "a${INNER}b")
    for name in ("INNER", "NOT_SET"):
        monkeypatch.delenv(name, raising=False)
    probes = {
        name: PROBE | {"url": "/metrics", "headers": {"X-It": f"${{{variable}}}"}}
        for name, variable in (("right", "SET"), ("wrong", "NOT_SET"))
    }
    folder = RunFolder(tmp_path / "run")
    folder.samples_dir.mkdir(parents=True)
    probing = Probing()
    probing.start(folder, Target.model_validate({"base_url": pages.url, "probes": probes}), Clock.start())
    probing.stop()
    assert set(read_readings(folder.target_readings).column("value").to_pylist()) == {3.0}
    assert {headers.get("X-It") for headers in pages.asked} == {"a${INNER}b"}
    ended = {event["probe"]: event["problems"] for event in folder.events() if event["kind"] == "probe_ended"}
    assert ended["right"] == []
    assert [problem["text"] for problem in ended["wrong"]] == [
        "nothing could be read (the environment variable NOT_SET is not set)"
    ]
