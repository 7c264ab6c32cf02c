"""Hidden: what a request carried, or its answer gave, that no file, log or screen may show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from recording.scrub import SECRET_NAME
from scenarios.accounts import Account
from scenarios.cookies import CookieJar
from scenarios.prepared import filled
from scenarios.received import Headers
from scenarios.request import Request

_ABOUT_A_SECRET = re.compile(r"(?i)author(?!iz)|[_-](?:type|method|kind|mode)$")
"""Names that hold such a word and hold no secret: `author`, `token_type`."""


def hidden_in(
    request: Request,
    account: Account,
    variables: Mapping[str, str],
    cookies: CookieJar | None,
    answer: Headers | None,
) -> list[str]:
    """Every secret of one exchange, for `recording.scrub`.

    Names of accounts are among them, since a run keeps their slots only; so are all saved values, and what
    the target file itself writes into headers and fields with telling names (an API key).
    """
    secrets = hidden_of(account, variables, cookies) + written_in(request, variables)
    for line in answer.all("Set-Cookie") if answer is not None else []:
        secrets.append(line.partition(";")[0].partition("=")[2].strip())
    return secrets


def hidden_of(account: Account, variables: Mapping[str, str], cookies: CookieJar | None) -> list[str]:
    """What a user knows, whatever it sends."""
    kept = cookies.values() if cookies is not None else []
    return [account.username, account.password, *variables.values(), *kept]


def written_in(request: Request, variables: Mapping[str, str]) -> list[str]:
    """What a request itself says in headers and fields with telling names."""
    secrets = []
    for text in filled(list(_told(request.headers)), variables):
        # "Bearer abc": a service may repeat the second word alone, and the first is no secret.
        _, _, behind = text.partition(" ")
        secrets += [text, *behind.split()]
    return secrets + list(filled([*_told(request.json_body), *_told(request.form)], variables))


def _told(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    """Texts under a key whose name says that they are secret, in a list there too. Not all that lies below
    such a key: the method in {"auth": {"method": "password"}} is a word that answers need."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _told(below, is_secret=_names_a_secret(name))
    elif isinstance(value, list):
        for below in value:
            yield from _told(below, is_secret=is_secret)
    elif is_secret and isinstance(value, str):
        yield value


def _names_a_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None and _ABOUT_A_SECRET.search(name) is None
