"""Fuzz: inputs that grow by what they reach in our code (atheris, libFuzzer). Only our errors may come out.

    python -m benchmarks.fuzz answers --seconds 60       what a target answers, and what is made of it
    python -m benchmarks.fuzz importers --seconds 60     files of other tools
    python -m benchmarks.fuzz logs --seconds 60          logs of a run, their checksums made right
    python -m benchmarks.fuzz yaml --seconds 60          configuration

Ends with 0 after so many seconds; with another code, and the input in a file, at the first exception that is
none of ours, at an input that takes over 10 s, or beyond 2 GB. Needs the extra `dev` (docs/dependencies.md).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["analysis.messages", "recording", "scenarios"]):
    from analysis.messages import LONGEST, masked
    from recording.errors import LoadverdictError
    from recording.examples import FailureCodes
    from recording.folder import RunFolder
    from recording.foreign.registry import read_foreign
    from recording.frames import Kind, encode, encode_table
    from recording.logs import read_logs
    from recording.outcomes import OUTCOMES
    from recording.rows import Rows, unpacked
    from recording.scrub import BODY_LIMIT, scrub
    from scenarios.cookies import CookieJar
    from scenarios.lean.failed import FailedError
    from scenarios.lean.message import Message
    from scenarios.received import Headers, Received
    from scenarios.redirects import redirected
    from scenarios.request import Request, extracted
    from scenarios.yaml_file import read_yaml

ROOT = Path(__file__).resolve().parent.parent
MOST_BODY = 100_000
LONGEST_S, MOST_MB = 10, 2048
URL = "http://127.0.0.1:8080"
SECRET = "hush-hush"
KINDS = tuple(Kind)

ANSWERS = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"token": 1}\n',
    b"HTTP/1.1 302 Go\r\nLocation: /x?a=b\r\nSet-Cookie: a=1; Path=/; Max-Age=9\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip, deflate\r\n\r\nxx",
)


def answers(data: bytes) -> None:
    """One answer in two packets, through all that looks at it before it is recorded."""
    message = Message(MOST_BODY)
    message.begin(is_head=data[:1] == b"H" and len(data) % 7 == 0)
    half = len(data) // 2
    try:
        for packet in (data[:half], data[half:]):
            if packet and not message.is_complete:
                message.feed(packet)
        if not message.is_complete:
            message.end()
        body = message.body()
    except FailedError as failed:
        if failed.outcome not in OUTCOMES:
            raise
        return
    assert len(body) <= MOST_BODY
    headers = Headers(message.headers)
    jar = CookieJar(URL)
    jar.take(headers, "/a/b")
    jar.header("/a/b")
    redirected(Request(path="/a", redirects=1), Received(message.status, message.headers, body), URL, {})
    for source in ("a.0.b", "header:location", "cookie:a"):
        extracted(source, None, headers)
    text = scrub(body.decode("utf-8", "replace"), [SECRET])
    assert len(text) <= BODY_LIMIT
    assert SECRET not in text
    assert len(masked(text)) <= LONGEST
    FailureCodes().code(text)


class Importers:
    """Reads files of other tools."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "file"

    def __call__(self, data: bytes) -> None:
        """One file."""
        self._path.write_bytes(data)
        try:
            read_foreign(self._path)
        except LoadverdictError:
            return


class Logs:
    """Reads a log of frames whose payloads are cut out of the input, each with a checksum that is right."""

    def __init__(self, folder: Path) -> None:
        self._folder = RunFolder(folder / "run")
        self._folder.samples_dir.mkdir(parents=True)

    def __call__(self, data: bytes) -> None:
        """One log."""
        parts = [part for part in data.split(b"\xffLV") if part]
        frames = (encode(KINDS[part[0] % len(KINDS)], i, part[1:]) for i, part in enumerate(parts))
        self._folder.log_path("a").write_bytes(b"".join(frames))
        read_logs(self._folder)


class Yaml:
    """Reads configuration."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "mine.yaml"

    def __call__(self, data: bytes) -> None:
        """One file."""
        self._path.write_bytes(data)
        try:
            read_yaml(self._path)
        except LoadverdictError:
            return


def _payloads() -> tuple[bytes, ...]:
    """A payload of each form, behind the byte that chooses its kind."""
    rows = Rows(3)
    for i in range(2):
        rows.add(float(i), 5.0, "login", "POST", 200, "ok", "", 2, 1, i, "hold", 80)
    packed = rows.packed("a", 1.5)
    table = encode_table(unpacked(packed).to_table())
    beat = b'{"time_s": 1.5, "users_running": 2, "dropped_rows": 0}'
    end = b'{"reason": "done", "unfinished": 1}'
    forms = {Kind.ROWS: packed, Kind.SAMPLES: table, Kind.OPEN: table, Kind.HEARTBEAT: beat, Kind.END: end}
    return tuple(bytes([KINDS.index(kind)]) + payload for kind, payload in forms.items())


Target = Callable[[bytes], None]
TARGETS: dict[str, Callable[[Path], Target]] = {
    "answers": lambda _: answers,
    "importers": Importers,
    "logs": Logs,
    "yaml": Yaml,
}


def _seeds(name: str, into: Path) -> None:
    """Whole inputs to begin with."""
    if name == "importers":
        for path in sorted((ROOT / "tests/golden/foreign").iterdir()):
            shutil.copy(path, into)
    elif name == "yaml":
        for path in sorted((ROOT / "config").rglob("*.yaml")):
            shutil.copy(path, into / f"{path.parent.name}-{path.name}")
    else:
        for i, data in enumerate(ANSWERS if name == "answers" else _payloads()):
            (into / str(i)).write_bytes(data)


def main() -> None:
    """Fuzz one target; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="loadverdict-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    _seeds(options.target, corpus)
    limits = [f"-max_total_time={options.seconds}", f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_MB}"]
    found = [f"-artifact_prefix={folder}/", f"-seed={options.seed}", "-max_len=20000", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits, *found, str(corpus)], TARGETS[options.target](folder))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
