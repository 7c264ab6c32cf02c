"""Damage: what happens to a file on its way, and what a careless or hostile hand writes into it; seeded."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from recording.frames import encode, scan

STRANGE = (
    b"-1", b"0", b"1e999", b"-1e308", b"NaN", b"Infinity", b"-inf", b"null", b"true", b"{}", b"[]", b'""',
    b"99999999999999999999", b"9" * 400, b"0x10", b"1_000", b"12:30:00", b"2026-13-45", b"\xff\xfe", b"\x00",
    b"\x1b[31m", b"'; DROP TABLE runs", b"<script>", b"=cmd|'x'!A1", b"{username}", b"${HOME}", b"*a",
    b"&a [*a]", b"\xed\xa0\x80", b"\\ud800", b"a" * 5000, b"../../etc/passwd", b"[" * 300, b"- " * 40,
    b"!!python/object:os.x",
)  # fmt: skip
"""What may stand where something else is expected."""

JUNK = (b"abc\n", b",,,,,,,\n", b'"open quote\n', b"\x00\xff\xfe\n", b'{"type":"Point"}\n', b"nan,inf,-inf\n")
_WORD = re.compile(rb'"[^"\n]*"|[\w.+-]+')
LARGEST_FACTOR = 3

Damage = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, chance: random.Random) -> bytes:
    """The end is missing: a copy that broke off, a disk that was full."""
    return data[: chance.randrange(len(data) + 1)]


def flipped(data: bytes, chance: random.Random) -> bytes:
    """A few bytes are others."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 12) if data else 0):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def hole(data: bytes, chance: random.Random) -> bytes:
    """A stretch is missing, or zeros stand there, as after a power loss."""
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:begin] + chance.choice((b"", bytes(end - begin))) + data[end:]


def doubled(data: bytes, chance: random.Random) -> bytes:
    """A stretch stands there twice."""
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return (data[:end] + data[begin:])[: LARGEST_FACTOR * len(data)]


def junk_line(data: bytes, chance: random.Random) -> bytes:
    """A line of something else between two lines."""
    lines = data.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(JUNK))
    return b"".join(lines)


def strange_words(data: bytes, chance: random.Random) -> bytes:
    """Some words are replaced by what nobody expects."""
    words = list(_WORD.finditer(data))
    for word in sorted(chance.sample(words, min(len(words), chance.randint(1, 3))), key=lambda w: -w.start()):
        data = data[: word.start()] + chance.choice(STRANGE) + data[word.end() :]
    return data


def mixed_lines(data: bytes, chance: random.Random) -> bytes:
    """The lines come in another order."""
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def other_text(data: bytes, chance: random.Random) -> bytes:
    """Saved by another program: UTF-16, Latin-1, a byte order mark, other line ends."""
    text = data.decode("latin-1")
    return chance.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: (text + "ä").encode("latin-1"),
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data.replace(b"\n", b"\r\n"),
            lambda: data.replace(b"\n", b"\r"),
        )
    )()


def empty(_: bytes, chance: random.Random) -> bytes:
    """Nothing, or nothing but white space."""
    return chance.choice((b"", b"\n", b" \n\n", b"\x00" * 100))


ANY: tuple[Damage, ...] = (
    cut, flipped, hole, doubled, junk_line, strange_words, strange_words, strange_words, mixed_lines,
    other_text, empty,
)  # fmt: skip
"""To any file; strange words thrice, since they get furthest."""


def resealed(data: bytes, chance: random.Random) -> bytes:
    """A log whose frames are intact and hold something else: damage that no checksum finds."""
    frames = scan(data).frames
    for _ in range(chance.randint(1, 4) if frames else 0):
        place = chance.randrange(len(frames))
        frame = frames[place]
        payload = chance.choice(ANY)(frame.payload, chance)
        frames[place] = type(frame)(frame.kind, frame.sequence, payload)
    return b"".join(encode(frame.kind, frame.sequence, frame.payload) for frame in frames)


def renumbered(data: bytes, chance: random.Random) -> bytes:
    """A log with frames in another order, some twice, some under another's number or kind."""
    frames = scan(data).frames
    frames = chance.choices(frames, k=len(frames)) if frames else frames
    kinds = [frame.kind for frame in frames]
    return b"".join(
        encode(chance.choice((frame.kind, frame.kind, chance.choice(kinds))), frame.sequence, frame.payload)
        for frame in frames
    )


TO_LOGS: tuple[Damage, ...] = (*ANY, *(resealed,) * len(ANY), renumbered)
"""Half of what is done to a log leaves its checksums right."""
