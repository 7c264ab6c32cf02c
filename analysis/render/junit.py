"""The verdict as JUnit XML, which every CI system shows: a test case per target and one for validity."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from analysis.gate import INCOMPLETE, INVALID, NO_DATA, validity_code
from analysis.render import answers, wording
from analysis.trend.report import Regression
from analysis.verdict import Verdict

_TROUBLE = {NO_DATA: "no_data", INVALID: "invalid", INCOMPLETE: "incomplete"}


def junit(verdict: Verdict, regression: Regression | None = None) -> str:
    """A missed target or a regression is a failure; a target without data, or a run not to be trusted, an
    error."""
    suite = ET.Element("testsuite", name="loadverdict", time=f"{max(0.0, verdict.duration_s):.3f}")
    if verdict.started_utc:
        suite.set("timestamp", wording.clean(verdict.started_utc, 40).removesuffix("Z"))
    properties = ET.SubElement(suite, "properties")
    facts = {"run_id": verdict.run_id, "source": verdict.source, "sentence": verdict.sentence}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=wording.clean(value))
    _validity(suite, verdict)
    for result in verdict.slo:
        case = ET.SubElement(
            suite, "testcase", classname="loadverdict.slo", name=wording.clean(result.target)
        )
        if result.outcome == "met":
            continue
        kind = "failure" if result.outcome == "missed" else "error"
        message = f"{wording.clean(result.target)}: {answers.slo_value(result)}"
        problem = ET.SubElement(case, kind, type=f"slo_{result.outcome}", message=message)
        problem.text = wording.clean(result.text)
    if regression is not None:
        _regression(suite, regression)
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _regression(suite: ET.Element, report: Regression) -> None:
    case = ET.SubElement(suite, "testcase", classname="loadverdict", name="no regression")
    if report.alarms:
        problem = ET.SubElement(case, "failure", type="regression", message=wording.clean(report.sentence))
        problem.text = "\n".join(wording.clean(f"{one.title} {one.text}") for one in report.alarms)
    elif report.answer in ("first", "not_judged"):
        ET.SubElement(case, "skipped", message=wording.clean(report.sentence))


def _validity(suite: ET.Element, verdict: Verdict) -> None:
    case = ET.SubElement(suite, "testcase", classname="loadverdict", name="measurement can be trusted")
    grave = answers.findings(verdict, ("invalid", "incomplete"))
    kind = _TROUBLE.get(validity_code(verdict))
    if kind is None:
        return
    texts = [wording.clean(finding.text) for finding in grave]
    problem = ET.SubElement(
        case, "error", type=kind, message=texts[0] if texts else answers.validity(verdict)
    )
    problem.text = "\n".join(texts)
