"""Spellings: finds a secret in a text in whatever way services write what they were sent.

Its letters and digits stay as they are in every usual encoding; what stands between them may be
percent-encoded, escaped or an entity, in any mixture and several times over. Whole secrets may be in hex or
within base64.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html.entities import codepoint2name

SHORTEST_SECRET = 3
"""Anything shorter stands in every second word: hiding it would hide the text and not the secret."""

SHORTEST_CORE = 6
"""The same for a piece of base64."""

_BACKSLASHES = r"\\{1,40}"
_PLAIN = re.compile(r"[A-Za-z0-9]+")


def without(secrets: frozenset[str], text: str, instead: str) -> str:
    """The text with `instead` in the place of each secret, however it is written there."""
    # Looked for by their plain parts first: hardly any of them is there, and to compile a pattern for each
    # failed request would cost the load generator its time.
    lowered = text.lower()
    found = frozenset(
        word
        for secret in secrets
        for part, word in _words(secret)
        if part in lowered and _may_be_in(word, lowered)
    )
    return _pattern(found).sub(lambda _: instead, text) if found else text


def _may_be_in(word: str, lowered: str) -> bool:
    parts = _plain_parts(word)
    if parts:
        return all(part in lowered for part in parts)
    # A word without a letter or digit of ASCII: as it is, or behind the signs that encodings begin with.
    return word[0].lower() in lowered or any(sign in lowered for sign in "%\\&")


@lru_cache(maxsize=4096)
def _words(secret: str) -> tuple[tuple[str, str], ...]:
    """A secret itself, in hex, and in base64, alone and among other bytes.

    Each comes behind the longest of its plain parts, without which it is not there.
    """
    if len(secret) < SHORTEST_SECRET:
        return ()
    words = {secret}
    for raw in {text.encode("utf-8", "surrogatepass") for text in (secret, secret.upper())}:
        words.add(raw.hex())
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            words.add(encode(raw).decode().rstrip("="))
            cores = (_core(encode(bytes(shift) + raw), shift) for shift in range(3))
            words |= {core for core in cores if len(core) >= SHORTEST_CORE}
    return tuple((max(_plain_parts(word), key=len, default=""), word) for word in words)


@lru_cache(maxsize=65536)
def _plain_parts(word: str) -> tuple[str, ...]:
    """What no usual encoding changes: letters and digits of ASCII, in small letters."""
    return tuple(_PLAIN.findall(word.lower()))


@lru_cache(maxsize=4096)
def _pattern(words: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_spelled, longest_first)), re.IGNORECASE)


@lru_cache(maxsize=4096)
def _spelled(word: str) -> str:
    """A pattern for a word however its characters are written, in any mixture and several times over.

    All repetitions are bounded, so that no answer can make the search take long.
    """
    return "".join(re.escape(sign) if _PLAIN.fullmatch(sign) else _spellings(sign) for sign in word)


def _spellings(sign: str) -> str:
    # Capitals are escaped as what they are: "ä" and "Ä" look different then.
    forms = [form for form in dict.fromkeys((sign, sign.upper(), sign.lower())) if len(form) == 1]
    ways = [way for form in forms for write in (_percent, _backslashed, _entities) for way in write(form)]
    ways += [_BACKSLASHES.replace("1", "0", 1) + re.escape(form) for form in forms]
    return f"(?:{'|'.join(ways)})"


def _percent(sign: str) -> list[str]:
    """In an address or a form; the percent sign may itself be encoded."""
    encoded = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in sign.encode("utf-8", "surrogatepass"))
    return [encoded, r"\+"] if sign == " " else [encoded]


def _backslashed(sign: str) -> list[str]:
    """In JSON or a program's text; JSON within JSON doubles the backslashes each time."""
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    letters = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
    return [
        "".join(f"{_BACKSLASHES}u{units[at : at + 4]}" for at in range(0, len(units), 4)),
        "".join(f"{_BACKSLASHES}x{byte:02x}" for byte in sign.encode("utf-8", "surrogatepass")),
        f"{_BACKSLASHES}x{ord(sign):02x}",
        *([_BACKSLASHES + letters[sign]] if sign in letters else []),
    ]


def _entities(sign: str) -> list[str]:
    """In HTML or XML; the ampersand may itself be escaped."""
    names = [f"#0{{0,5}}{ord(sign)}", f"#x0{{0,5}}{ord(sign):x}"]
    names += ["apos"] if sign == "'" else [codepoint2name[ord(sign)]] if ord(sign) in codepoint2name else []
    return [f"&(?:amp;){{0,3}}{name};" for name in names]


def _core(encoded: bytes, shift: int) -> str:
    """Of base64 what does not depend on the bytes around it, since `user:password` is encoded as a whole."""
    text = encoded.decode()
    padding = text.count("=")
    return text[(0, 2, 3)[shift] : len(text) - (padding + 1 if padding else 0)]
