"""Every report there is, with a hostile text wherever a text can stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import numpy as np
from pydantic import BaseModel
from rich.console import Console

from analysis.experiment.judge import judge
from analysis.render.comparison_html import comparison_html
from analysis.render.comparison_markdown import comparison_markdown
from analysis.render.comparison_terminal import print_comparison
from analysis.render.experiment_html import experiment_html
from analysis.render.experiment_markdown import experiment_markdown
from analysis.render.experiment_terminal import print_experiment
from analysis.render.html import html
from analysis.render.investigation_html import investigation_html
from analysis.render.investigation_markdown import investigation_markdown
from analysis.render.investigation_terminal import print_investigation
from analysis.render.markdown import markdown
from analysis.render.regression_markdown import regression_markdown
from analysis.render.terminal import print_verdict
from analysis.render.trend_html import trend_html
from analysis.render.trend_terminal import print_regression, print_trend
from analysis.trend.judge import regression, trend
from benchmarks.experiments import ABOUT, made_arm
from tests.render.builders import make_verdict
from tests.render.comparisons import COMPARISONS, REGRESSIONS
from tests.render.investigations import KINDS
from tests.render.test_html import PICTURES, PNG

Report = TypeVar("Report", bound=BaseModel)

PAGE = Path("page.html")


def payload(url: str = "http://127.0.0.1:9") -> str:
    """A text that acts on a browser, a terminal, Markdown and XML, and would ask `url` for something."""
    return (
        f"'\"><script src={url}/script></script><script>document.title='owned'</script>"
        f"<img src={url}/image onerror=document.title='owned'><link rel=stylesheet href={url}/style>"
        f"<style>@import '{url}/import'; body {{ background: url({url}/background) }}</style>"
        f"<iframe src={url}/frame></iframe><base href={url}/>"
        f"<meta http-equiv=refresh content='0;url={url}/meta'>"
        f"]]>--> ![x]({url}/markdown) [x](javascript:alert(1)) <{url}/link> `x` | @all <!channel>\n# head\n\n"
        "\x1b[2J\x1b]0;owned\x07\x9b31m\x00\u202e\u2066\ufeff\r=1+1{{7*7}}{% raw %}"
    )


def poisoned(report: Report, text: str) -> Report:
    """A copy in which every text that is not from a closed set is `text`."""

    def of(value: Any, annotation: Any) -> Any:
        if isinstance(value, BaseModel):
            return poisoned(value, text)
        if isinstance(value, str):
            return value if is_closed(annotation) else text
        if isinstance(value, list | tuple):
            return type(value)(of(each, annotation) for each in value)
        return (
            {key: of(each, annotation) for key, each in value.items()} if isinstance(value, dict) else value
        )

    fields = type(report).model_fields
    return report.model_copy(
        update={name: of(getattr(report, name), field.annotation) for name, field in fields.items()}
    )


def is_closed(annotation: Any) -> bool:
    """Whether a type admits certain words only."""
    return get_origin(annotation) is Literal or any(map(is_closed, get_args(annotation)))


def experiment() -> Any:
    """An experiment that found something."""
    rng = np.random.default_rng(1)
    states = {"first": 0.3, "changed": 0.01}
    arms = [
        made_arm(state, rate, spread=0, burst_s=0, per_s=40, rng=rng)
        for _ in range(2)
        for state, rate in states.items()
    ]
    return judge([replace(arm, by_class={"503 busy": arm.errors}) for arm in arms], ABOUT)


class Surface(NamedTuple):
    """One kind of report in its three dresses, each made of the text that poisons it."""

    page: Callable[[str], str]
    markdown: Callable[[str], str]
    screen: Callable[[str], str]


def printed(show: Callable[[Console], None]) -> str:
    """What a terminal gets, without the colours that are ours."""
    console = Console(width=100, height=60, no_color=True)
    with console.capture() as capture:
        show(console)
    return capture.get()


def _report(text: str) -> Any:
    return poisoned(make_verdict(), text)


def _comparison(text: str) -> Any:
    return poisoned(COMPARISONS["worse"](), text)


def _trend(text: str) -> Any:
    return poisoned(trend(REGRESSIONS["still-there"]()), text)


def _regression(text: str) -> Any:
    return poisoned(regression(REGRESSIONS["worse"]()), text)


def _experiment(text: str) -> Any:
    return poisoned(experiment(), text)


def _investigation(text: str) -> Any:
    return poisoned(KINDS["cause_found"](), text)


REPORTS = (_report, _comparison, _trend, _regression, _experiment, _investigation)

SURFACES = {
    "report": Surface(
        lambda text: html(_report(text), PICTURES),
        lambda text: markdown(_report(text)),
        lambda text: printed(lambda console: print_verdict(_report(text), console, PAGE)),
    ),
    "comparison": Surface(
        lambda text: comparison_html(_comparison(text), PNG),
        lambda text: comparison_markdown(_comparison(text)),
        lambda text: printed(lambda console: print_comparison(_comparison(text), console, PAGE)),
    ),
    "trend": Surface(
        lambda text: trend_html(_trend(text), {}),
        lambda text: regression_markdown(_regression(text), _report(text)),
        lambda text: printed(lambda console: print_trend(_trend(text), console)),
    ),
    "experiment": Surface(
        lambda text: experiment_html(_experiment(text), PNG),
        lambda text: experiment_markdown(_experiment(text)),
        lambda text: printed(lambda console: print_experiment(_experiment(text), console, PAGE)),
    ),
    "investigation": Surface(
        lambda text: investigation_html(_investigation(text), PNG, PNG),
        lambda text: investigation_markdown(_investigation(text), None),
        lambda text: printed(lambda console: print_investigation(_investigation(text), console, PAGE)),
    ),
}


def regression_on_screen(text: str) -> str:
    """A scheduled run's lines."""
    return printed(lambda console: print_regression(_regression(text), console))
