"""The page: complete without the network, safe whatever the target said, never empty-handed."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from analysis.render.html import _bytecode_cache, html
from analysis.verdict import Verdict

from .builders import HOSTILE, hostile_verdict, make_verdict, no_data_verdict

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x04\x60\x00\x00\x02\xda" + bytes(9)
PICTURES = dict.fromkeys(
    (
        "error_rate_by_load",
        "error_rate_by_class",
        "errors_by_status",
        "errors_per_window",
        "latency",
        "latency_by_load",
    ),
    PNG,
)
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects elements, attributes and text, and checks that elements close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["title"]):
            self.text += data

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


@pytest.mark.parametrize("build", [make_verdict, no_data_verdict, hostile_verdict])
@pytest.mark.parametrize("pictures", [PICTURES, {}])
def test_every_page_is_well_formed(build: Callable[[], Verdict], pictures: dict[str, bytes]) -> None:
    page = Page(html(build(), pictures))
    assert page.open == []
    assert {"h1", "main", "footer"} <= page.tags()
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert set(labelled) <= set(ids)


def test_the_answer_comes_first() -> None:
    page = Page(html(make_verdict(), PICTURES))
    order = [tag for tag, _ in page.elements if tag in {"h1", "img", "h2"}]
    assert order[:3] == ["h1", "img", "h2"]
    assert make_verdict().sentence in page.text
    assert page.text.index(make_verdict().sentence) < page.text.index("missed") < page.text.index("Why")


def test_nothing_comes_from_elsewhere() -> None:
    text = html(make_verdict(), PICTURES)
    page = Page(text)
    for _, attributes in page.elements:
        for name, value in attributes.items():
            if name in {"src", "href", "srcset", "action", "poster", "data"}:
                assert (value or "").startswith("data:image/png;base64,")
    assert not re.search(r"url\(|@import|https?://|<script|<link", text)
    policy = next(a for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )


def test_hostile_texts_stay_texts() -> None:
    text = html(hostile_verdict(), PICTURES)
    page = Page(text)
    assert page.tags() <= Page(html(make_verdict(), PICTURES)).tags() | {"div", "p"}
    assert "script" not in page.tags()
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "A" * 2001 not in text


def test_hostile_attribute_values_cannot_leave_their_quotes() -> None:
    verdict = make_verdict(by_status={'"><img src=x onerror=alert(1)>': make_verdict().by_status["503"]})
    page = Page(html(verdict, PICTURES))
    assert len([tag for tag, _ in page.elements if tag == "img"]) == len(PICTURES)


def test_pictures_have_texts_and_sizes() -> None:
    page = Page(html(make_verdict(), PICTURES))
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) == len(PICTURES)
    assert all(image["alt"] and image["width"] == "1120" and image["height"] == "730" for image in images)
    assert "50–52 users: 41.4 %" in (images[0]["alt"] or "")


def test_every_finding_of_the_verdict_is_on_the_page() -> None:
    verdict = make_verdict()
    text = Page(html(verdict, {})).text
    wanted = [
        verdict.sentence,
        verdict.what_would_change,
        *(node.question for node in verdict.tree),
        *(kind.message for kind in verdict.fingerprints),
        *(suspect.title for suspect in verdict.suspects),
        *verdict.suspects[0].for_,
        *verdict.suspects[0].against,
        *verdict.suspects[0].missing,
        *verdict.suspects[0].advice,
        *(result.target for result in verdict.slo),
        *(finding.text for finding in verdict.quality.findings),
        "load generator's own health",
        "loadverdict experiment lock_timeout_100ms",
        "POST /api/auth/login\nRetry-After: 1\nContent-Type: application/json\n\n{",
        "Freeze at 5:02: 3.4 s",
        "failures",
        "∞",
    ]
    assert [item for item in wanted if item not in text] == []


def test_an_invalid_run_says_so_before_the_targets() -> None:
    text = Page(html(no_data_verdict(), {})).text
    assert text.index("nothing was measured") < text.index("invalid measurement") < text.index("Why")
    assert "None" not in text
    assert "nan" not in text


def test_the_builders_text_is_hostile() -> None:
    assert "\x1b" in HOSTILE
    assert "\x00" in HOSTILE


def test_compiled_templates_are_kept_only_where_python_keeps_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert _bytecode_cache() is not None
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert _bytecode_cache() is None


def test_what_an_answer_lacks_stands_under_its_kind() -> None:
    text = " ".join(Page(html(make_verdict(), {})).text.split())
    assert text.count("What would help: Retry-After with the seconds to wait.") == 1
    assert "No Retry-After." in text
