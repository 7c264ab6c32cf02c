"""Scrub: takes secrets and control characters out of text that came from the target.

Two nets, one behind the other: what is known to be secret (what was just sent) is found in whatever dress it
comes back, and what stands behind a telling name is hidden whoever it belongs to.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from html.entities import codepoint2name
from typing import Any

HIDDEN = "[hidden]"
BODY_LIMIT = 2048
WINDOW = 32_768
"""No more of a text is looked at: a target may send megabytes with every failure."""

LONGEST_DRESS = 4
"""A secret that the window's end cuts in two is so many times as long as it is itself, at most."""

SHORTEST_SECRET = 3
"""Anything shorter stands in every second word: hiding it would hide the text and not the secret."""

SHORTEST_CORE = 6
"""The same for a piece of base64."""

_TELLING = r"(?:password|passwd|pwd|token|secret|credential|api[_-]?key|session(?:[_-]?id)?)s?"
_CREDENTIAL_HEADER = r"(?:(?:proxy-)?authorization|(?:set-)?cookie2?)"
SECRET_NAME = re.compile(rf"(?i){_TELLING}|auth|cookie|\bsid\b")
"""How a header or a field is called whose value is nobody's business."""
_SECRET_KEY = re.compile(rf"(?i)(?:{_TELLING}|{_CREDENTIAL_HEADER})$")
"""The same for a key of an answer, which a client needs to read: "authentication" may say what is wrong."""

_SHAPES = (
    re.compile(r"(?i)bearer\s+[A-Za-z0-9._~+/=-]+"),
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)(?<=://)[^/\s:@\"]{1,200}:[^/\s@\"]{1,200}(?=@)"),
)
_BASIC = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/_-]{4,}={0,2})")
# A quote may itself be escaped (JSON within JSON), and a text cut short may lack the closing one.
_QUOTED = r"\\*\"(?:\\.|[^\"\\])*(?:\"|\Z)|\\*'(?:\\.|[^'\\])*(?:'|\Z)"
# A quote that ends the text around the value stays: {"error": "wrong password=abc"}.
_TO_ITS_END, _TO_THE_LINES_END = (
    rf"(?!\[hidden)(?:\\.|[^{ends}\"\\]|\"(?!\s*(?:[,}}\]]|\Z)))+" for ends in (r"\s,;&}", r"\r\n")
)
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # A header's value goes on to the end of its line: "Cookie: a=1; b=2", "Authorization: Basic …".
        rf"({_CREDENTIAL_HEADER}\\*[\"']\s*(?:[:=,]|=>)\s*)({_QUOTED})",
        rf"({_CREDENTIAL_HEADER}\s*(?:[:=]|=>|%3a)\s*)({_TO_THE_LINES_END})",
        rf"({_TELLING}\\*[\"']?\s*(?:[:=]|=>|%3[ad])\s*)({_QUOTED}|{_TO_ITS_END})",
        # XML, and the part of a multipart form.
        rf"(<[\w:-]{{0,40}}{_TELLING}[\w:-]{{0,40}}>)([^<]+)",
        rf"(name=\\*[\"'][\w.-]{{0,40}}{_TELLING}[\w.-]{{0,40}}\\*[\"']\s+)([^\r\n]+)",
    )
)
_QUOTE = re.compile(r"\\*[\"']")
_BACKSLASHES = r"\\{1,40}"
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of a character, which no file can hold."""


def scrub(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """Text without secrets and control characters, cut to `limit` characters.

    Args:
        text: anything the target sent.
        secrets: values that must not appear whatever their surroundings (the password just sent), neither as
            they are nor percent-encoded, escaped, in hex or within base64, in any case.
        limit: length of the result; the cut happens last, so it never exposes half a secret.
    """
    known = frozenset(secrets)
    longest = LONGEST_DRESS * max(map(len, known), default=0) if len(text) > WINDOW else 0
    text = _hidden(text[:WINDOW], known)
    # What was hidden became shorter, so half a secret at the window's end may have come within the limit.
    return printable(text[: max(0, len(text) - longest)])[:limit]


def scrub_body(text: str, secrets: Iterable[str] = (), limit: int = BODY_LIMIT) -> str:
    """A body scrubbed as `scrub` does it, but one in JSON stays JSON (until it is cut).

    Its strings are looked at decoded, so that no escape hides a secret from us. Where there is nothing to
    hide it stays as it was sent, to the last space.
    """
    known = frozenset(secrets)
    try:
        sent = json.loads(text)
        left = _hidden_in(sent, known)
        if left != sent or _hidden(text, known) != text:
            text = json.dumps(left, ensure_ascii=False)
    except (ValueError, RecursionError):
        return scrub(text, known, limit)
    return printable(text)[:limit]


def _hidden(text: str, secrets: frozenset[str]) -> str:
    if text.count("\0") > len(text) // 3:  # UTF-16, read as UTF-8
        text = text.replace("\0", "")
    text = _without_known(text, secrets)
    for shape in _SHAPES:
        text = shape.sub(HIDDEN, text)
    text = _BASIC.sub(_hidden_basic, text)
    for named in _NAMED:
        text = named.sub(_hidden_value, text)
    return text


def _hidden_value(found: re.Match[str]) -> str:
    """The name with a hidden value, quoted as it was: in JSON also where it was a number."""
    name, value = found.groups()
    quoted = _QUOTE.match(value)
    mark = quoted[0] if quoted else '"' if '"' in name and not name.lower().startswith("name=") else ""
    return f"{name}{mark}{HIDDEN}{mark}"


def _hidden_in(value: Any, secrets: frozenset[str]) -> Any:
    """A JSON value without secrets; whatever stands under a secret's name is hidden whole."""
    if isinstance(value, dict):
        return {
            _hidden(key, secrets): HIDDEN if _SECRET_KEY.search(key) else _hidden_in(held, secrets)
            for key, held in value.items()
        }
    if isinstance(value, list):
        return [_hidden_in(item, secrets) for item in value]
    text = value if isinstance(value, str) else json.dumps(value)
    left = _hidden(text, secrets)
    return value if left == text else left


def _without_known(text: str, secrets: frozenset[str]) -> str:
    # Looked for by their plain parts first: hardly any of them is there, and to compile a pattern for each
    # failed request would cost the load generator its time.
    lowered = text.lower()
    words = (word for secret in secrets for word in _words(secret))
    found = {word for word in words if all(part in lowered for part in _plain_parts(word))}
    if not found:
        return text
    longest_first = sorted(found, key=len, reverse=True)
    return re.sub("|".join(map(_spelled, longest_first)), HIDDEN, text, flags=re.IGNORECASE)


@lru_cache(maxsize=4096)
def _words(secret: str) -> frozenset[str]:
    """A secret itself, in hex, and in base64, alone and among other bytes."""
    if len(secret) < SHORTEST_SECRET:
        return frozenset()
    words = {secret}
    for raw in {text.encode("utf-8", "surrogatepass") for text in (secret, secret.upper())}:
        words.add(raw.hex())
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            words.add(encode(raw).decode().rstrip("="))
            cores = (_core(encode(bytes(shift) + raw), shift) for shift in range(3))
            words |= {core for core in cores if len(core) >= SHORTEST_CORE}
    return frozenset(words)


@lru_cache(maxsize=65536)
def _plain_parts(word: str) -> tuple[str, ...]:
    """What no usual encoding changes: letters and digits of ASCII, in small letters."""
    return tuple(_PLAIN.findall(word.lower()))


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


def _hidden_basic(found: re.Match[str]) -> str:
    """Hide credentials, and not the word behind "basic" in a sentence."""
    text = found[2].replace("-", "+").replace("_", "/").rstrip("=")
    try:
        is_pair = b":" in base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        is_pair = False
    return found[1] + HIDDEN if is_pair else found[0]


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters become spaces, line breaks and tabs stay."""
    return _CONTROL.sub(" ", text)


def one_line(text: str, limit: int = 200) -> str:
    """White space folded, cut to `limit` characters."""
    return " ".join(text.split())[:limit]
