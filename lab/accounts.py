"""The accounts of a lab: derived from the seed alone, so the same seed gives the same people everywhere.

The passwords open nothing but a throw-away database on loopback; still they are written to one file only,
readable by its owner only, inside the state directory.
"""

import base64
import csv
import hashlib
import hmac
import io
import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from lab.settings import LabSettings

ACCOUNTS_PER_WORKSPACE = 12


@dataclass(frozen=True)
class Account:
    """One person who may log in."""

    user_id: int
    username: str
    password: str = field(repr=False)
    workspace_id: int


def make_accounts(seed: int, count: int) -> list[Account]:
    """`count` accounts with different names and passwords."""
    return [
        Account(
            user_id=number,
            username=f"user{number:05d}",
            password=base64.b32encode(derive(seed, "password", number)[:10]).decode("ascii").lower(),
            workspace_id=1 + (number - 1) // ACCOUNTS_PER_WORKSPACE,
        )
        for number in range(1, count + 1)
    ]


def derive(seed: int, purpose: str, number: int) -> bytes:
    """32 bytes that depend on the seed, the purpose and the number, and look random."""
    return hmac.digest(str(seed).encode(), f"{purpose}:{number}".encode(), hashlib.sha256)


def broken_numbers(settings: LabSettings) -> frozenset[int]:
    """Which accounts (by user id) have a damaged hash: a fixed share of all, chosen by the seed."""
    wanted = round(settings.accounts * settings.broken_hash_ratio)
    chooser = random.Random(f"broken:{settings.seed}")
    return frozenset(chooser.sample(range(1, settings.accounts + 1), wanted))


def write_accounts(accounts: list[Account], file: Path) -> None:
    """CSV with the header `username,password`, mode 0600 from the first byte on."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["username", "password"])
    writer.writerows([account.username, account.password] for account in accounts)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text.getvalue())
