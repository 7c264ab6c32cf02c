"""Spellings: finds a secret in a text in whatever way services write what they were sent.

Its letters and digits stay as they are in every usual encoding; what stands between them may be
percent-encoded, escaped, doubled or an entity, in any mixture and several times over. Where a text encodes
letters as well, they are read back first. Whole secrets may be in hex or within base64.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from html.entities import codepoint2name

SHORTEST_SECRET = 3
"""Anything shorter stands in every second word: hiding it would hide the text and not the secret."""

SHORTEST_CORE = 6
"""The same for a piece of base64."""

MOST_LAYERS = 4
"""So many times over, letters are read back that nobody had to encode."""

_BACKSLASHES = r"\\{1,40}"
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_HEX = r"([46][1-9a-f]|[57][0-9a]|3[0-9])"
_NUMBER = r"(4[89]|5[0-7]|6[5-9]|[78][0-9]|90|9[7-9]|1[01][0-9]|12[0-2])"
# The sign in front comes first and alone, so that a text without any is passed over quickly.
_ENCODED_PLAIN = re.compile(
    rf"[%\\&](?:(?<=%)(?:25){{0,3}}(?:u00)?{_HEX}"
    rf"|(?<=\\)\\{{0,39}}+(?:u00{_HEX}|u\{{0{{0,4}}{_HEX}\}}|x{_HEX})"
    rf"|(?<=&)(?:amp;){{0,3}}#(?:x0{{0,5}}{_HEX}|0{{0,5}}{_NUMBER});)",
    re.IGNORECASE,
)
_OF_NUMBER = 6
"""The group of it that holds no hex."""


def without(secrets: frozenset[str], text: str, instead: str) -> str:
    """The text with `instead` in the place of each secret, however it is written there."""
    text = read = _without(secrets, text, instead)
    may_be_encoded = "%" in text or "\\" in text or "&" in text
    for _ in range(MOST_LAYERS if may_be_encoded else 0):
        further = _ENCODED_PLAIN.sub(_plain_sign, read)
        if further == read:
            break
        read = _without(secrets, further, instead)
        if read != further:  # otherwise it is shown as it was sent
            text = read
    return text


def _plain_sign(found: re.Match[str]) -> str:
    digits = found[found.lastindex or 0]
    return chr(int(digits, 10 if found.lastindex == _OF_NUMBER else 16))


def _without(secrets: frozenset[str], text: str, instead: str) -> str:
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
    forms = {word[0].lower(), word[0].upper().lower()}
    return any(form in lowered for form in forms) or any(sign in lowered for sign in "%\\&")


@lru_cache(maxsize=4096)
def _words(secret: str) -> tuple[tuple[str, str], ...]:
    """A secret itself, in hex, and in base64, alone and among other bytes.

    Each comes behind the longest of its plain parts, without which it is not there.
    """
    if len(secret) < SHORTEST_SECRET:
        return ()
    words = {secret}
    # Base64 may hold it within JSON: as a claim of a token, as a form's hidden field.
    in_json = (json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (True, False))
    for raw in {text.encode("utf-8", "surrogatepass") for text in (secret, secret.upper(), *in_json)}:
        words.add(raw.hex())
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            words.add(encode(raw).decode().rstrip("="))
            cores = (_core(encode(bytes(shift) + raw), shift) for shift in range(3))
            words |= {core for core in cores if len(core) >= SHORTEST_CORE}
    return tuple((max(_plain_parts(word), key=len, default=""), word) for word in words)


@lru_cache(maxsize=65536)
def _plain_parts(word: str) -> tuple[str, ...]:
    """What no usual encoding changes: letters and digits of ASCII, in small letters."""
    # Taken out before they are lowered: a small "İ" is an "i" and a dot, which no text has to hold.
    return tuple(part.lower() for part in _PLAIN.findall(word))


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
    forms = list(dict.fromkeys((sign, sign.upper(), sign.lower())))
    single = [form for form in forms if len(form) == 1]
    ways = [way for form in single for write in (_percent, _backslashed, _entities) for way in write(form)]
    ways += [_BACKSLASHES.replace("1", "0", 1) + re.escape(form) for form in single]
    ways += ["".join(map(_of_several, form)) for form in forms if len(form) > 1]  # "ß" is "SS" in capitals
    one = f"(?:{'|'.join(ways)})"
    if sign not in "'\"":
        return one
    # Doubled as in SQL and CSV, or outside of the quotes as a shell needs it: 'it'\\''s', 'it'"'"'s'.
    return f"(?:{one}{one}??|'\\\\''|'\"'\"'|\"'\"'\")"


def _of_several(sign: str) -> str:
    """One of the signs that another one becomes in capitals or in small letters."""
    if _PLAIN.fullmatch(sign):
        return re.escape(sign)
    ways = [re.escape(sign), *_percent(sign), *_backslashed(sign), *_entities(sign)]
    return f"(?:{'|'.join(ways)})"


def _percent(sign: str) -> list[str]:
    """In an address or a form; the percent sign may itself be encoded."""
    encoded = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in sign.encode("utf-8", "surrogatepass"))
    if 0x80 <= ord(sign) < 0x100:
        encoded = f"(?:{encoded}|%(?:25){{0,3}}{ord(sign):02x})"
    by_unit = "".join(f"%(?:25){{0,3}}u{unit}" for unit in _utf_16(sign))  # JavaScript's old `escape`
    return [encoded, by_unit, r"\+"] if sign == " " else [encoded, by_unit]


def _backslashed(sign: str) -> list[str]:
    """In JSON or a program's text; JSON within JSON doubles the backslashes each time."""
    raw = sign.encode("utf-8", "surrogatepass")
    letters = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
    return [
        "".join(f"{_BACKSLASHES}u{unit}" for unit in _utf_16(sign)),
        f"{_BACKSLASHES}u\\{{0{{0,4}}{ord(sign):x}\\}}",
        f"{_BACKSLASHES}u{ord(sign):08x}",
        "".join(f"{_BACKSLASHES}x{byte:02x}" for byte in raw),
        "".join(f"{_BACKSLASHES}{byte:03o}" for byte in raw),
        f"{_BACKSLASHES}x{ord(sign):02x}",
        *([_BACKSLASHES + letters[sign]] if sign in letters else []),
    ]


def _utf_16(sign: str) -> list[str]:
    """Its units in hex: two of them where one cannot hold it."""
    units = sign.encode("utf-16-be", "surrogatepass").hex()
    return [units[at : at + 4] for at in range(0, len(units), 4)]


def _entities(sign: str) -> list[str]:
    """In HTML or XML; the ampersand may itself be escaped."""
    names = [f"#0{{0,5}}{ord(sign)}", f"#x0{{0,5}}{ord(sign):x}"]
    names += ["apos"] if sign == "'" else [codepoint2name[ord(sign)]] if ord(sign) in codepoint2name else []
    # One of HTML may have been escaped for JSON before.
    return [rf"\\{{0,40}}&(?:amp;){{0,3}}{name};" for name in names]


def _core(encoded: bytes, shift: int) -> str:
    """Of base64 what does not depend on the bytes around it, since `user:password` is encoded as a whole."""
    text = encoded.decode()
    padding = text.count("=")
    return text[(0, 2, 3)[shift] : len(text) - (padding + 1 if padding else 0)]
