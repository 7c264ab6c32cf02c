"""JMeter's JTL as XML, read as a stream; a document type, which an entity bomb needs, is refused."""

from __future__ import annotations

from array import array
from pathlib import Path
from xml.parsers import expat

import numpy as np

from recording.errors import UsageError
from recording.foreign.build import Rows, make_run
from recording.foreign.head import opened
from recording.foreign.jmeter_csv import is_controller, no_answer, status_of
from recording.run import Run
from recording.sample import Category

CHUNK = 1 << 20


def is_jmeter_xml(head: bytes) -> bool:
    """By its outermost element."""
    return head.lstrip()[:1] == b"<" and b"<testResults" in head[:4096]


def read_jmeter_xml(path: Path) -> Run:
    """Every outermost `httpSample`, and `sample` that is no transaction controller.

    Raises:
        UsageError: it is no well-formed XML from its beginning on, or declares a document type.
    """
    reader = _Reader(path)
    torn = 0
    with opened(path) as stream:
        try:
            while chunk := stream.read(CHUNK):
                reader.parser.Parse(chunk, False)
            reader.parser.Parse(b"", True)
        except expat.ExpatError as error:
            # JMeter was stopped hard: the end is missing, what came before is whole.
            if not reader.start:
                raise UsageError(f"{path}, line {error.lineno}: not well-formed XML ({error})") from error
            torn = 1
        except (LookupError, ValueError) as error:
            raise UsageError(
                f"{path} declares an encoding that cannot be read ({error}); save it as UTF-8"
            ) from error
    return make_run(path, "jmeter_xml", reader.rows(), bad_lines=reader.bad + torn)


class _Reader:
    """Collects samples from the parser's calls; holds columns, never the document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start, self.elapsed, self.status, self.users, self.size = (array("d") for _ in range(5))
        self.failed = array("b")
        self.texts: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.message, self.label = array("i"), array("i")
        self.bad = 0
        self._open: list[tuple[str, dict[str, str]]] = []
        self._failure: list[str] | None = None
        self._said = ""
        self._inner = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_: object) -> None:
        raise UsageError(f"{self.path} declares a document type; JMeter writes none, so the file is not read")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("httpSample", "sample"):
            if not self._open:
                self._said, self._inner = "", False
            self._open.append((tag, attributes))
        elif tag == "failureMessage" and self._open:
            self._failure = []

    def _text(self, data: str) -> None:
        if self._failure is not None:
            self._failure.append(data)

    def _end(self, tag: str) -> None:
        if tag == "failureMessage" and self._failure is not None:
            self._said = self._said or " ".join("".join(self._failure).split())
            self._failure = None
        if tag not in ("httpSample", "sample"):
            return
        _, attributes = self._open.pop()
        outer = [name for name, _ in self._open]
        if tag == "httpSample" and "httpSample" not in outer:
            self._inner = True
            self._keep(attributes)
        elif (
            tag == "sample" and not outer and not self._inner and not is_controller(attributes.get("rm", ""))
        ):
            self._keep(attributes)

    def _keep(self, a: dict[str, str]) -> None:
        try:
            start, elapsed = float(a["ts"]) / 1000, float(a["t"])
            users, size = float(a.get("na", -1)), float(a.get("by", -1))
        except (KeyError, ValueError):
            self.bad += 1
            return
        code = a.get("rc", "")
        words = no_answer(code, a.get("rm", ""), self._said)
        self._said = ""
        for column, value in (
            (self.start, start), (self.elapsed, elapsed), (self.users, users), (self.size, size),
            (self.status, status_of(code)),
        ):  # fmt: skip
            column.append(value)
        self.failed.append(a.get("s") != "true")
        self.message.append(self.texts.setdefault(words, len(self.texts)))
        self.label.append(self.labels.setdefault(a.get("lb", ""), len(self.labels)))

    def rows(self) -> Rows:
        """What was collected."""
        users = np.asarray(self.users).astype(np.int64)
        return Rows(
            start_s=np.asarray(self.start),
            duration_ms=np.asarray(self.elapsed),
            status=np.asarray(self.status).astype(np.int64),
            message=Category(np.asarray(self.message, np.int32), tuple(self.texts)),
            failed=np.asarray(self.failed).astype(bool),
            endpoint=Category(np.asarray(self.label, np.int32), tuple(self.labels)),
            users=users if bool((users >= 0).any()) else None,
            response_bytes=np.asarray(self.size).astype(np.int64),
        )
