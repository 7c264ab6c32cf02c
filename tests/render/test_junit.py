"""JUnit XML: always XML, and never green where nothing was shown."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from analysis.render.junit import junit
from analysis.verdict import Verdict

from .builders import hostile_verdict, make_verdict, no_data_verdict


def suite(verdict: Verdict) -> ET.Element:
    found = ET.fromstring(junit(verdict).encode()).find("testsuite")
    assert found is not None
    return found


def test_one_case_per_target_and_one_for_validity() -> None:
    parsed = suite(make_verdict())
    outcomes = {case.get("name"): [child.tag for child in case] for case in parsed.findall("testcase")}
    assert outcomes == {
        "measurement can be trusted": [],
        "error_rate < 5 %": ["failure"],
        "p99 < 1000 ms": [],
        "freeze < 2 s": [],
        "unclear_errors < 1 %": ["error"],
    }
    assert (parsed.get("tests"), parsed.get("failures"), parsed.get("errors")) == ("5", "1", "1")
    failure = parsed.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == "error_rate < 5 %: 16.6 % (15.9–17.3 %)"


def test_a_run_without_data_is_an_error() -> None:
    parsed = suite(no_data_verdict())
    error = parsed.find("testcase/error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("no_data", "nothing was measured")


def test_an_incomplete_run_is_an_error() -> None:
    quality = make_verdict().quality.model_copy(update={"complete": False})
    error = suite(make_verdict(quality=quality)).find("testcase/error")
    assert error is not None
    assert error.get("type") == "incomplete"


def test_hostile_texts_stay_texts() -> None:
    parsed = suite(hostile_verdict())
    assert {element.tag for element in parsed.iter()} == {
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
    }
    assert "<script>alert(1)</script> ]]>" in "".join(parsed.itertext())
