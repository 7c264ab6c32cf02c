"""Whatever a target says stays a text: on pages, in Markdown, XML and CSV, on the terminal."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from analysis.render.html import html
from analysis.render.junit import junit
from analysis.render.markdown import plain
from recording.scrub import printable
from tests.commands.conftest import Cli
from tests.render.builders import make_verdict
from tests.render.test_html import PICTURES, Page
from tests.security.poisoned import REPORTS, SURFACES, payload, poisoned, regression_on_screen

UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("name", SURFACES)
def test_a_page_holds_no_foreign_element_and_asks_nobody(name: str) -> None:
    text = SURFACES[name].page(payload())
    page = Page(text)
    assert page.open == []
    assert page.tags() <= Page(html(make_verdict(), PICTURES)).tags() | {"a", "div", "p"}
    assert [a["content"] for _, a in page.elements if "http-equiv" in a] == [POLICY]
    for _, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in attributes.keys() & {"src", "href", "srcset", "action", "poster", "data", "background"}:
            assert re.match(r"data:image/png;base64,|#|[\w/.%-]+…?$", attributes[key] or "")
    assert not UNSAFE.search(text)
    assert "<script src=http://127.0.0.1:9/script>" in page.text, "the text itself is to be seen"


@pytest.mark.parametrize("name", SURFACES)
def test_markdown_becomes_no_html_link_or_picture(name: str) -> None:
    text = SURFACES[name].markdown(payload())
    assert not UNSAFE.search(text)
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    blocks = parser.parse(text)
    tokens = [*blocks, *(token for block in blocks for token in block.children or [])]
    assert not {"html_block", "html_inline"} & {token.type for token in tokens}
    links = [str(token.attrs.get("href") or token.attrs.get("src")) for token in tokens if token.attrs]
    assert not [link for link in links if urlsplit(link).scheme or urlsplit(link).netloc]
    assert "head" not in [block.content for block in blocks if block.type == "inline"]


@pytest.mark.parametrize("name", SURFACES)
def test_a_terminal_is_not_steered(name: str) -> None:
    text = SURFACES[name].screen(payload())
    assert not UNSAFE.search(text)
    assert "owned" in text


def test_a_scheduled_run_does_not_steer_it_either() -> None:
    assert not UNSAFE.search(regression_on_screen(payload()))


@pytest.mark.parametrize("make", REPORTS)
def test_json_is_printed_without_what_steers_and_means_the_same(make: Callable[[str], Any]) -> None:
    report = make(payload())
    text = report.to_json()
    assert not UNSAFE.search(text)
    assert type(report).model_validate_json(text).to_json() == text


def test_xml_stays_well_formed() -> None:
    text = junit(poisoned(make_verdict(), payload()))
    root = ET.fromstring(text)
    assert not UNSAFE.search(text)
    tags = {element.tag for element in root.iter()}
    assert tags <= {"testsuites", "testsuite", "testcase", "properties", "property", "failure", "error"}


@pytest.mark.parametrize("words", [("gate", "no\x1b[2Jsuch\x9brun"), ("run", "./odd\x1b]0;owned\x07.yaml")])
def test_an_error_message_does_not_steer_a_terminal(tmp_path: Path, words: tuple[str, str]) -> None:
    text = Cli(tmp_path)(*words).stderr
    assert text.count("loadverdict: ") == 1
    assert not UNSAFE.search(text)


def test_printable_leaves_lines_and_words() -> None:
    assert printable("a\tb\nc\x1b[31m\x9bd\re") == "a\tb\nc [31m d e"


def test_a_mention_calls_nobody() -> None:
    assert "@channel" not in plain("busy @channel @here")
    assert "channel" in plain("busy @channel")
